//! Partitions of this broker: the log with its role in replication.
//!
//! What the coordinators use of a [`Partition`]:
//! * `append_as_leader(records, required_epoch) -> Result<AppendedRange, PartitionError>`: validates, assigns offsets,
//!   appends; at once visible to followers, not yet to consumers.
//! * `wait_committed(range.last_offset, leader_epoch, deadline).await`: until the high watermark has passed the offset.
//! * `append_internal(batch, leader_epoch).await -> Result<i64, PartitionError>`: both; gives the base offset.
//! * `read(offset, max_bytes, ReadBound::HighWatermark | LogEnd) -> Result<Bytes, PartitionError>`: whole batches.
//! * `high_watermark()`, `log_start_offset()`, `log_end_offset()`, `leader_epoch()`, `is_leader()`.

mod error;
mod leader;

pub use error::PartitionError;
