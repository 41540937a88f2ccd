//! The 61 bytes in front of every batch.

use crc_fast::{CrcAlgorithm, checksum};
use thiserror::Error;

use super::Compression;

/// Bytes of a batch header.
pub const HEADER_BYTES: usize = 61;

/// Bytes in front of what `batch_length` counts: the base offset and the length itself.
pub const LENGTH_PREFIX_BYTES: usize = 12;

/// `producer_id` of a producer that is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;

/// `producer_epoch` of a producer that is not idempotent.
pub const NO_PRODUCER_EPOCH: i16 = -1;

/// `base_sequence` of a producer that is not idempotent.
pub const NO_SEQUENCE: i32 = -1;

/// Timestamp of records that have none.
pub const NO_TIMESTAMP: i64 = -1;

/// Leader epoch of a batch that no leader has appended yet.
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;

const MAGIC: i8 = 2;
const CRC_OFFSET: usize = 17;
const ATTRIBUTES_OFFSET: usize = 21;
const MAX_TIMESTAMP_OFFSET: usize = 35;

pub(super) const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
pub(super) const TRANSACTIONAL: i16 = 0x10;
pub(super) const CONTROL: i16 = 0x20;
pub(super) const DELETE_HORIZON: i16 = 0x40;

/// What is wrong with the bytes of a batch.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BatchError {
    /// The bytes end inside of a batch: a torn tail, or a fetch that was cut.
    #[error("batch needs {needed} bytes, {available} are there")]
    Truncated {
        /// Bytes the batch needs, as far as they are known.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The length field cannot be true.
    #[error("batch length {0} is impossible")]
    InvalidLength(i32),
    /// A message set of the time before Kafka 0.11, or no batch at all.
    #[error("batch has magic {0}, only 2 is supported")]
    UnsupportedMagic(i8),
    /// The bytes are not those that were written.
    #[error("batch at offset {base_offset} has CRC {stored:#010x}, computed {computed:#010x}")]
    Crc {
        /// Base offset in the header.
        base_offset: i64,
        /// CRC in the header.
        stored: u32,
        /// CRC of the bytes.
        computed: u32,
    },
    /// A field of the header has a value it cannot have.
    #[error("batch field {field} cannot be {value}")]
    InvalidField {
        /// Kafka's name of the field.
        field: &'static str,
        /// What it holds.
        value: i64,
    },
}

/// Who has set the timestamps of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer (`CreateTime`).
    CreateTime,
    /// The leader (`LogAppendTime`): all records of the batch have its `max_timestamp`.
    LogAppendTime,
}

/// The fields of a batch header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record, or of where it was before compaction.
    pub base_offset: i64,
    /// Bytes after this field.
    pub batch_length: i32,
    /// Epoch of the leader that appended the batch.
    pub partition_leader_epoch: i32,
    /// CRC-32C as stored.
    pub crc: u32,
    /// Compression, timestamp type and flags.
    pub attributes: i16,
    /// Offset of the last record, less the base offset.
    pub last_offset_delta: i32,
    /// Timestamp the records' deltas refer to; the delete horizon when that flag is set.
    pub base_timestamp: i64,
    /// Largest timestamp of the records.
    pub max_timestamp: i64,
    /// Producer id, or [`NO_PRODUCER_ID`].
    pub producer_id: i64,
    /// Epoch of the producer.
    pub producer_epoch: i16,
    /// Sequence number of the first record.
    pub base_sequence: i32,
    /// Number of records.
    pub records_count: i32,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes has N bytes")
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`. Checks what a reader relies on (length, magic, signs), not the CRC.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.len() < HEADER_BYTES {
            return Err(Self::short(bytes));
        }
        let magic = i8::from_be_bytes(array(bytes, 16));
        let header = Self {
            base_offset: i64::from_be_bytes(array(bytes, 0)),
            batch_length: i32::from_be_bytes(array(bytes, 8)),
            partition_leader_epoch: i32::from_be_bytes(array(bytes, 12)),
            crc: u32::from_be_bytes(array(bytes, CRC_OFFSET)),
            attributes: i16::from_be_bytes(array(bytes, ATTRIBUTES_OFFSET)),
            last_offset_delta: i32::from_be_bytes(array(bytes, 23)),
            base_timestamp: i64::from_be_bytes(array(bytes, 27)),
            max_timestamp: i64::from_be_bytes(array(bytes, MAX_TIMESTAMP_OFFSET)),
            producer_id: i64::from_be_bytes(array(bytes, 43)),
            producer_epoch: i16::from_be_bytes(array(bytes, 51)),
            base_sequence: i32::from_be_bytes(array(bytes, 53)),
            records_count: i32::from_be_bytes(array(bytes, 57)),
        };
        header.check(magic)?;
        Ok(header)
    }

    /// Tells a short but possible beginning from bytes that cannot become a batch.
    fn short(bytes: &[u8]) -> BatchError {
        let truncated = BatchError::Truncated {
            needed: HEADER_BYTES,
            available: bytes.len(),
        };
        if bytes.len() < LENGTH_PREFIX_BYTES {
            return truncated;
        }
        let batch_length = i32::from_be_bytes(array(bytes, 8));
        if Self::possible_length(batch_length) {
            truncated
        } else {
            BatchError::InvalidLength(batch_length)
        }
    }

    fn possible_length(batch_length: i32) -> bool {
        usize::try_from(batch_length).is_ok_and(|length| length >= HEADER_BYTES - LENGTH_PREFIX_BYTES)
    }

    fn check(&self, magic: i8) -> Result<(), BatchError> {
        if !Self::possible_length(self.batch_length) {
            return Err(BatchError::InvalidLength(self.batch_length));
        }
        if magic != MAGIC {
            return Err(BatchError::UnsupportedMagic(magic));
        }
        let invalid = |field, value| Err(BatchError::InvalidField { field, value });
        if self.base_offset < 0 {
            return invalid("base_offset", self.base_offset);
        }
        if self.last_offset_delta < 0 {
            return invalid("last_offset_delta", i64::from(self.last_offset_delta));
        }
        if self
            .base_offset
            .checked_add(i64::from(self.last_offset_delta))
            .is_none_or(|last| last == i64::MAX)
        {
            return invalid("base_offset", self.base_offset);
        }
        if self.records_count < 0 {
            return invalid("records_count", i64::from(self.records_count));
        }
        if self.codec().is_err() {
            return invalid("attributes", i64::from(self.attributes));
        }
        Ok(())
    }

    /// Bytes of the whole batch.
    pub fn size_in_bytes(&self) -> usize {
        LENGTH_PREFIX_BYTES + usize::try_from(self.batch_length).expect("parse accepts no negative length")
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// Offset after the last record.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// Sequence number of the last record; wraps from `i32::MAX` to 0, as Kafka's do.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }

    fn codec(&self) -> Result<Compression, i16> {
        Compression::from_id(self.attributes & CODEC_MASK)
    }

    /// How the records are compressed.
    pub fn compression(&self) -> Compression {
        self.codec().expect("parse accepts known codecs only")
    }

    /// Who has set the timestamps.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// Part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Holds a transaction marker or another control record.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// From an idempotent or transactional producer.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// `base_timestamp` is the time from which on tombstones may be removed (KIP-534).
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON != 0
    }

    /// The header as bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        bytes[16..17].copy_from_slice(&MAGIC.to_be_bytes());
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.records_count.to_be_bytes());
        bytes
    }

    /// The header with another compression; the CRC becomes stale.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.attributes = (self.attributes & !CODEC_MASK) | compression.id();
        self
    }

    /// The header with the leader's timestamp on all records; the CRC becomes stale.
    #[must_use]
    pub fn with_log_append_time(mut self, now_ms: i64) -> Self {
        self.attributes |= LOG_APPEND_TIME;
        self.max_timestamp = now_ms;
        self
    }

    /// The header with the CRC that belongs to it and to `body`, the bytes after the header.
    #[must_use]
    pub fn with_computed_crc(mut self, body: &[u8]) -> Self {
        let mut digest = crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(&self.to_bytes()[ATTRIBUTES_OFFSET..]);
        digest.update(body);
        self.crc = low_half(digest.finalize());
        self
    }
}

/// `sequence + increment`, wrapping from `i32::MAX` to 0 (`DefaultRecordBatch.incrementSequence`).
pub(super) fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    let next = (i64::from(sequence) + i64::from(increment)) % (i64::from(i32::MAX) + 1);
    i32::try_from(next).expect("a remainder of 2^31 fits")
}

fn low_half(crc: u64) -> u32 {
    u32::try_from(crc & 0xffff_ffff).expect("the low half fits")
}

/// CRC-32C (Castagnoli), as batches and producer snapshots use it.
pub fn crc32c(bytes: &[u8]) -> u32 {
    low_half(checksum(CrcAlgorithm::Crc32Iscsi, bytes))
}

/// CRC-32C of everything from the attributes on. `batch` is a whole batch.
pub(super) fn computed_crc(batch: &[u8]) -> u32 {
    crc32c(&batch[ATTRIBUTES_OFFSET..])
}

/// Sets the base offset of the batch at the front of `batch`; the CRC stays valid.
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn set_base_offset(batch: &mut [u8], base_offset: i64) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
}

/// Sets the leader epoch of the batch at the front of `batch`; the CRC stays valid.
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn set_leader_epoch(batch: &mut [u8], leader_epoch: i32) {
    batch[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Gives all records of one whole batch the leader's timestamp and computes the CRC anew.
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn set_log_append_time(batch: &mut [u8], now_ms: i64) {
    let attributes = i16::from_be_bytes(array(batch, ATTRIBUTES_OFFSET)) | LOG_APPEND_TIME;
    batch[ATTRIBUTES_OFFSET..ATTRIBUTES_OFFSET + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_OFFSET..MAX_TIMESTAMP_OFFSET + 8].copy_from_slice(&now_ms.to_be_bytes());
    let crc = computed_crc(batch);
    batch[CRC_OFFSET..CRC_OFFSET + 4].copy_from_slice(&crc.to_be_bytes());
}
