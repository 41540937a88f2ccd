//! Record batches, magic 2 (`org.apache.kafka.common.record.DefaultRecordBatch`): the header view, checking, patching,
//! walking through batches and records, building, and compression.
//!
//! ```text
//!  0 base_offset i64      17 crc u32                35 max_timestamp i64     57 records_count i32
//!  8 batch_length i32     21 attributes i16         43 producer_id i64       61 records, maybe compressed
//! 12 leader_epoch i32     23 last_offset_delta i32  51 producer_epoch i16
//! 16 magic i8             27 base_timestamp i64     53 base_sequence i32
//! ```
//!
//! `batch_length` counts from byte 12 on. The CRC-32C covers byte 21 to the end, so the base offset and the leader
//! epoch can be set without it.

mod batch;
mod builder;
mod compression;
mod control;
mod header;
mod record;
mod retain;
mod varint;

pub use batch::{Batches, RecordBatch, batches};
pub use builder::{BuildError, RecordBatchBuilder, RecordHeaderRef};
pub use compression::{Compression, CompressionError};
pub use control::{EndTransactionMarker, control_batch};
pub use header::{
    BatchError, BatchHeader, HEADER_BYTES, LENGTH_PREFIX_BYTES, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, TimestampType, crc32c, set_base_offset, set_leader_epoch,
    set_log_append_time,
};
pub use record::{Record, RecordError, RecordHeaders, RecordIter, Records};
pub use retain::{RetainError, Retained};

#[cfg(test)]
mod tests;
