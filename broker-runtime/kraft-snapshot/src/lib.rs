//! A cluster's metadata as a KRaft snapshot: with it in the `__cluster_metadata-0` of its controllers, Apache Kafka starts on
//! the log directories of our brokers, and has their topics, partitions, configurations, users, access control lists and
//! quotas. The directories need nothing else: `meta.properties` and everything below them have Kafka's own formats.
//!
//! `layout` says what the image does not know, `records` turns the image into metadata records, `wire` has their primitives,
//! `snapshot` puts them into batches, `format` begins a cluster without any. Nothing here does I/O.
//!
//! Left behind is what Kafka has no record for: which brokers are to leave, and instructions of the runtime. Brokers are not in it
//! either: they register when they start, and become leaders then.

mod format;
mod layout;
mod records;
mod snapshot;
mod wire;

pub use format::{FormattedFile, candidacy, formatted};
pub use layout::{Endpoint, KraftLayout, Voter};
pub use snapshot::{METADATA_FOLDER, Snapshot, SnapshotError, snapshot};
