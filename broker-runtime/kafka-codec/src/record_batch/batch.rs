//! A whole batch in a byte slice, and walking from batch to batch.

use std::borrow::Cow;

use super::{
    BatchError, BatchHeader, Compression, CompressionError, HEADER_BYTES, RecordError, Records, header::computed_crc,
};

/// One batch, all bytes of it.
#[derive(Clone, Copy, Debug)]
pub struct RecordBatch<'a> {
    header: BatchHeader,
    bytes: &'a [u8],
}

impl<'a> RecordBatch<'a> {
    /// The batch at the front of `bytes`; what follows it is ignored.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BatchError> {
        let header = BatchHeader::parse(bytes)?;
        let needed = header.size_in_bytes();
        match bytes.get(..needed) {
            Some(bytes) => Ok(Self { header, bytes }),
            None => Err(BatchError::Truncated {
                needed,
                available: bytes.len(),
            }),
        }
    }

    /// Its header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// All of it.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What follows the header: the records, maybe compressed.
    pub fn body(&self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// Checks that the bytes are those that were written.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let computed = computed_crc(self.bytes);
        let (base_offset, stored) = (self.header.base_offset, self.header.crc);
        if computed == stored {
            Ok(())
        } else {
            Err(BatchError::Crc {
                base_offset,
                stored,
                computed,
            })
        }
    }

    /// The records, decompressed into at most `decompressed_bytes_max` bytes.
    pub fn records(&self, decompressed_bytes_max: usize) -> Result<Records<'a>, CompressionError> {
        let body = match self.header.compression() {
            Compression::None => Cow::Borrowed(self.body()),
            compression => Cow::Owned(compression.decompress(self.body(), decompressed_bytes_max)?),
        };
        Ok(Records::new(self.header, body))
    }

    /// Checks what a leader relies on (`LogValidator`): as many records as the header says, at offsets 0, 1, 2, …, the
    /// last at `last_offset_delta`, and nothing after them. Decompresses when it has to.
    pub fn verify_records(&self, decompressed_bytes_max: usize) -> Result<(), RecordError> {
        self.records(decompressed_bytes_max)?.verify()
    }
}

/// The batches in `bytes`, one after the other. See [`Batches`].
pub fn batches(bytes: &[u8]) -> Batches<'_> {
    Batches {
        bytes,
        position: 0,
        failed: false,
    }
}

/// Walks from batch to batch. Bytes that are no batch give one error and end the walk; [`Batches::position`] then is
/// where the good part ends.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    bytes: &'a [u8],
    position: usize,
    failed: bool,
}

impl Batches<'_> {
    /// Bytes walked over: where the next batch begins, or the first byte of what is none.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<RecordBatch<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.bytes[self.position..];
        if rest.is_empty() || self.failed {
            return None;
        }
        let batch = RecordBatch::parse(rest);
        match &batch {
            Ok(batch) => self.position += batch.bytes.len(),
            Err(_) => self.failed = true,
        }
        Some(batch)
    }
}
