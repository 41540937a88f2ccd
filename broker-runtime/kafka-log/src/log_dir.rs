//! One log directory.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;

use crate::{Log, LogConfig, LogDirError};

/// Whose directory it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDirConfig {
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// The broker.
    pub node_id: i32,
    /// Id for a new directory; made at random when `None`. A directory that has one keeps it.
    pub directory_id: Option<Uuid>,
}

/// A partition found in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPartition {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// Id of the topic; `None` when it is not known any more.
    pub topic_id: Option<Uuid>,
    /// Its directory.
    pub path: PathBuf,
}

/// One log directory.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
}

impl LogDir {
    /// Locks the directory, makes it when it is missing, checks whose it is, and lists the partitions in it.
    pub fn open(path: &Path, _config: LogDirConfig) -> Result<(Self, Vec<FoundPartition>), LogDirError> {
        Ok((Self { path: path.to_owned() }, Vec::new()))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `directory.id`.
    pub fn directory_id(&self) -> Uuid {
        Uuid::nil()
    }

    /// True when the directory was closed by [`LogDir::clean_shutdown`] the last time.
    pub fn was_clean(&self) -> bool {
        false
    }

    /// Makes an empty log. Nothing is written to the medium before the first flush.
    pub fn create_log(
        &self,
        topic: &str,
        _id: Uuid,
        partition: i32,
        _config: LogConfig,
    ) -> Result<Arc<Log>, LogDirError> {
        Err(LogDirError::InvalidPartition {
            topic: topic.to_owned(),
            partition,
            reason: "not built",
        })
    }

    /// Loads a log that was found, recovering it when the last shutdown was not clean. May read much.
    pub fn load_log(&self, found: &FoundPartition, _config: LogConfig) -> Result<Arc<Log>, LogDirError> {
        Err(LogDirError::Locked(found.path.clone()))
    }

    /// Takes the log offline and deletes its directory.
    pub fn delete_log(&self, _log: &Log) -> Result<(), LogDirError> {
        Ok(())
    }

    /// Deletes a partition that was found and is not wanted any more.
    pub fn delete_found(&self, _found: &FoundPartition) -> Result<(), LogDirError> {
        Ok(())
    }

    /// High watermarks of the last checkpoint, as of [`LogDir::open`]. A log that is loaded takes over its own.
    pub fn checkpointed_high_watermarks(&self) -> BTreeMap<(String, i32), i64> {
        BTreeMap::new()
    }

    /// Writes the checkpoints of all logs: high watermarks, recovery points, log start offsets. To be called every few
    /// seconds (`replica.high.watermark.checkpoint.interval.ms`).
    pub fn checkpoint(&self) -> Result<(), LogDirError> {
        Ok(())
    }

    /// Closes all logs, writes the checkpoints and the marker of a clean shutdown. The lock goes with the value.
    pub fn clean_shutdown(&self) -> Result<(), LogDirError> {
        Ok(())
    }
}
