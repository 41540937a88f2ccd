//! The partition log: segments, indexes, producer state, recovery, retention, compaction. Kafka's on-disk format byte for byte, so
//! that Kafka's tools read it and a log directory can be handed over to Apache Kafka; a directory that has a key is encrypted
//! below that format, in `storage/encrypted/`.
//!
//! Everything here is synchronous and blocks on the disk; no sockets, no async runtime. A [`LogDir`] owns a directory
//! and what is in it, a [`Log`] is one partition. All methods take `&self` and may be called from any thread.
//!
//! Offsets become safe in three steps: appended (in the page cache: survives `kill -9`), flushed ([`Log::flush`]: survives
//! a power failure), committed (the high watermark, which replication moves and tells us by [`Log::set_high_watermark`]).

mod append_info;
mod checkpoint;
mod config;
mod deleted;
mod error;
mod index;
mod leader_epochs;
mod log;
mod log_dir;
mod producers;
mod records;
mod segment;
pub mod storage;
#[cfg(test)]
mod testing;
mod transaction_index;

pub use append_info::{AppendInfo, AppendOrigin, LeaderAppend, ProducerInfo, TimestampedOffset};
pub use config::{CleanerBuffers, CleanupPolicy, LogConfig};
pub use error::{LogDirError, LogError, RecordRefusal, RefusalReason};
pub use kafka_codec::record_batch::TimestampType;
pub use log::{Compaction, Log};
pub use log_dir::{Checkpoint, FoundPartition, LogDir, LogDirConfig};
pub use producers::VerificationGuard;
pub use records::{FileRecords, Records};
pub use transaction_index::AbortedTransaction;
