//! One log directory: whose it is, which partitions are in it, and the checkpoints of all of them.

mod checkpoints;
mod log_dir;
mod metadata_files;
mod names;

pub use checkpoints::Checkpoint;
pub use log_dir::{FoundPartition, LogDir, LogDirConfig};
pub(crate) use metadata_files::PARTITION_METADATA;

#[cfg(test)]
mod tests;
