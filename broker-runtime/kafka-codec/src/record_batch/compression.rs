//! Compression of record batches, in the framings Kafka's clients use: gzip, snappy in blocks as snappy-java writes
//! them, LZ4 frames with independent blocks, Zstandard. Decompression stops at a bound given by the caller, so that a
//! small batch cannot fill the memory.

use std::io::{self, Read, Write};

use thiserror::Error;

/// What a batch is compressed with (`compression.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard; needs Produce version 7 or later.
    Zstd,
}

/// Why records cannot be compressed or decompressed.
#[derive(Debug, Error)]
pub enum CompressionError {
    /// The output would be larger than allowed.
    #[error("records are larger than {limit} bytes when decompressed")]
    TooLarge {
        /// What is allowed.
        limit: usize,
    },
    /// The bytes are not what the codec writes.
    #[error("{codec} data is malformed")]
    Malformed {
        /// Name of the codec.
        codec: &'static str,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// In front of snappy-java's blocks: magic, version 1, compatible version 1.
const XERIAL_HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];

/// Uncompressed bytes of one snappy block, as in snappy-java and in Kafka.
const XERIAL_BLOCK_BYTES: usize = 32 * 1024;

impl Compression {
    /// The codec with this number in a batch's attributes.
    pub fn from_id(id: i16) -> Result<Self, i16> {
        match id {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Ok(Self::Snappy),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            other => Err(other),
        }
    }

    /// Its number in a batch's attributes.
    pub fn id(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The codec with this name in `compression.type`; `uncompressed` is the name of none.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uncompressed" | "none" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "snappy" => Some(Self::Snappy),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Compresses the records of one batch.
    pub fn compress(self, records: &[u8]) -> Result<Vec<u8>, CompressionError> {
        self.compress_at(records, None)
    }

    /// The same at a level of the codec, `None` for its own default. Gzip has levels 1 to 9, Zstandard those of its library; others
    /// have none here.
    pub fn compress_at(self, records: &[u8], level: Option<i32>) -> Result<Vec<u8>, CompressionError> {
        let result = match self {
            Self::None => Ok(records.to_vec()),
            Self::Gzip => compress_gzip(records, level),
            Self::Snappy => compress_snappy(records),
            Self::Lz4 => compress_lz4(records),
            Self::Zstd => zstd::bulk::compress(records, level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL)),
        };
        result.map_err(|source| self.malformed(source))
    }

    /// Decompresses the records of one batch, at most `limit` bytes.
    pub fn decompress(self, body: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
        match self {
            Self::None if body.len() > limit => Err(CompressionError::TooLarge { limit }),
            Self::None => Ok(body.to_vec()),
            Self::Gzip => self.read_to_limit(flate2::read::GzDecoder::new(body), limit),
            Self::Snappy => self.decompress_snappy(body, limit),
            Self::Lz4 => self.read_to_limit(lz4_flex::frame::FrameDecoder::new(body), limit),
            Self::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(body);
                self.read_to_limit(decoder.map_err(|source| self.malformed(source))?, limit)
            }
        }
    }

    fn malformed(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CompressionError {
        CompressionError::Malformed {
            codec: self.name(),
            source: source.into(),
        }
    }

    fn read_to_limit(self, decoder: impl Read, limit: usize) -> Result<Vec<u8>, CompressionError> {
        let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut out = Vec::new();
        decoder
            .take(one_more)
            .read_to_end(&mut out)
            .map_err(|source| self.malformed(source))?;
        if out.len() > limit {
            Err(CompressionError::TooLarge { limit })
        } else {
            Ok(out)
        }
    }

    fn decompress_snappy(self, body: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
        let mut out = Vec::new();
        let mut decoder = snap::raw::Decoder::new();
        // Some clients write a single raw block.
        if !body.starts_with(&XERIAL_HEADER[..8]) {
            self.decompress_snappy_block(&mut decoder, body, &mut out, limit)?;
            return Ok(out);
        }
        let mut rest = body.get(XERIAL_HEADER.len()..).unwrap_or_default();
        while !rest.is_empty() {
            let torn = || self.malformed(io::Error::from(io::ErrorKind::UnexpectedEof));
            let (length, after) = rest.split_first_chunk().ok_or_else(torn)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| torn())?;
            let (block, after) = after.split_at_checked(length).ok_or_else(torn)?;
            self.decompress_snappy_block(&mut decoder, block, &mut out, limit)?;
            rest = after;
        }
        Ok(out)
    }

    fn decompress_snappy_block(
        self,
        decoder: &mut snap::raw::Decoder,
        block: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), CompressionError> {
        // The claimed length is not trusted with memory: snappy cannot shrink data by more than this.
        const RATIO_MAX: usize = 64;
        let length = snap::raw::decompress_len(block).map_err(|source| self.malformed(source))?;
        if length > limit.saturating_sub(out.len()) {
            return Err(CompressionError::TooLarge { limit });
        }
        if length > block.len().saturating_mul(RATIO_MAX) {
            return Err(self.malformed(io::Error::from(io::ErrorKind::UnexpectedEof)));
        }
        let start = out.len();
        out.resize(start + length, 0);
        decoder
            .decompress(block, &mut out[start..])
            .map_err(|source| self.malformed(source))?;
        Ok(())
    }
}

fn compress_gzip(records: &[u8], level: Option<i32>) -> io::Result<Vec<u8>> {
    let level = level.and_then(|level| u32::try_from(level).ok());
    let level = level.map_or_else(flate2::Compression::default, |level| {
        flate2::Compression::new(level.min(9))
    });
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(records)?;
    encoder.finish()
}

fn compress_snappy(records: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = XERIAL_HEADER.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in records.chunks(XERIAL_BLOCK_BYTES) {
        let block = encoder.compress_vec(block)?;
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&block);
    }
    Ok(out)
}

/// Java's LZ4 reader knows independent blocks only.
fn compress_lz4(records: &[u8]) -> io::Result<Vec<u8>> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let info = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(records)?;
    encoder.finish().map_err(io::Error::other)
}
