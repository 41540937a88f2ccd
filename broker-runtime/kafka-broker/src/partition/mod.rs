//! Partitions of this broker: the log with its role in replication.
//!
//! What the coordinators use of a [`Partition`]:
//! * `append_as_leader(records, terms)`: validates, assigns offsets, appends; at once visible to followers, not yet to
//!   consumers. `append_marker` does so with the end of a transaction.
//! * `wait_committed(last_offset, leader_epoch, timeout).await`: until the high watermark has passed the offset.
//! * `read(offset, max_bytes, bound)`: whole batches.

mod append;
mod error;
mod flusher;
mod health;
mod leader;
mod marker;
mod read;
mod registry;
mod replica;
mod store;
mod volume;
mod waiters;

pub use append::{AppendTerms, AppendedRange, RequiredAcks};
pub use error::PartitionError;
#[cfg(test)]
pub(crate) use flusher::Flusher;
pub(crate) use health::LeaderHealth;
pub(crate) use leader::FollowerFetch;
pub use marker::{ProducerIdentity, TransactionMarker};
pub use read::ReadBound;
pub(crate) use read::{ReadRequest, ReadResult};
pub use registry::PartitionRegistry;
#[cfg(test)]
pub(crate) use replica::OpenedLog;
pub use replica::Partition;
pub(crate) use replica::PartitionContext;
pub(crate) use store::LogStore;
pub use store::StoreError;
pub(crate) use volume::Volume;
pub(crate) use waiters::FetchWaiter;
