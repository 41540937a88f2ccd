//! The log directories of a broker: opens them at start, with recovery where the last stop was not clean, makes and
//! deletes logs as the metadata says, and writes checkpoints.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use kafka_log::{Checkpoint, FoundPartition, Log, LogConfig, LogDir, LogDirConfig, LogDirError};
use kafka_metadata::TopicId;
use kms::KmsError;
use parking_lot::Mutex;
use thiserror::Error;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{
    flusher::Flusher,
    replica::{OpenedLog, Partition},
};
use crate::config::BrokerConfig;

/// Why the log directories cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// One of them cannot.
    #[error("log directory cannot be used")]
    Directory(#[from] LogDirError),
    /// Their key cannot be had.
    #[error("key of the log directories cannot be had")]
    Key(#[from] KmsError),
    /// A thread cannot be started.
    #[error("flusher cannot be started")]
    Thread(#[source] io::Error),
}

struct Directory {
    dir: LogDir,
    flusher: Arc<Flusher<Partition>>,
    logs: AtomicUsize,
}

/// All log directories of a broker.
pub(crate) struct LogStore {
    directories: Vec<Directory>,
    /// Logs that were found at start and that the metadata has not asked for yet.
    loaded: Mutex<HashMap<(TopicId, i32), (usize, Arc<Log>)>>,
}

impl LogStore {
    /// Opens all directories and loads the logs in them, several at a time. Blocks, for as long as recovery takes.
    pub(crate) fn open(config: &BrokerConfig, threads: usize) -> Result<Self, StoreError> {
        let mut directories = Vec::new();
        let mut loaded = HashMap::new();
        let data_key = config.encryption.as_ref().map(|it| it.data_key()).transpose()?;
        for (index, path) in config.log_dirs.iter().enumerate() {
            let identity = LogDirConfig {
                cluster_id: config.cluster_id.clone(),
                node_id: config.broker_id.0,
                directory_id: None,
                data_key: data_key.clone(),
            };
            let (dir, found) = LogDir::open(path, identity)?;
            if !found.is_empty() {
                info!(path = %path.display(), logs = found.len(), clean = dir.was_clean(), "loading logs");
            }
            let logs = load_all(&dir, found, threads)?;
            let count = AtomicUsize::new(logs.len());
            loaded.extend(logs.into_iter().map(|(key, log)| (key, (index, log))));
            let flusher = Arc::new(Flusher::start().map_err(StoreError::Thread)?);
            directories.push(Directory {
                dir,
                flusher,
                logs: count,
            });
        }
        Ok(Self {
            directories,
            loaded: Mutex::new(loaded),
        })
    }

    /// What tells the directories from others that were in their places before.
    pub(crate) fn directory_ids(&self) -> Vec<Uuid> {
        self.directories.iter().map(|it| it.dir.directory_id()).collect()
    }

    /// The log of a partition: one that was found at start, else a new one in the directory that has the fewest.
    pub(crate) fn log(
        &self,
        topic: &str,
        topic_id: TopicId,
        partition: i32,
        config: LogConfig,
    ) -> Result<OpenedLog, LogDirError> {
        let opened = |index: usize, log| OpenedLog {
            log,
            flusher: Arc::clone(&self.directories[index].flusher),
            directory: index,
        };
        if let Some((index, log)) = self.loaded.lock().remove(&(topic_id, partition)) {
            log.configure(config);
            return Ok(opened(index, log));
        }
        let fewest = |&index: &usize| self.directories[index].logs.load(Ordering::Relaxed);
        // There is at least one directory: the configuration was checked.
        let index = (0..self.directories.len()).min_by_key(fewest).unwrap_or(0);
        let directory = &self.directories[index];
        let log = directory.dir.create_log(topic, topic_id.0, partition, config)?;
        directory.logs.fetch_add(1, Ordering::Relaxed);
        Ok(opened(index, log))
    }

    /// Deletes the log of a partition that is not held here any more. Its files stay until `due_ms`, unless the disk is full
    /// before.
    pub(crate) fn delete(&self, partition: &Partition, due_ms: i64) {
        let directory = &self.directories[partition.directory];
        directory.logs.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = directory.dir.delete_log_until(&partition.log, due_ms) {
            error!(?partition, %error, "log cannot be deleted");
        }
    }

    /// Removes files of what was deleted a while ago.
    pub(crate) fn remove_deleted(&self, now_ms: i64) {
        for directory in &self.directories {
            let removed = directory.dir.remove_deleted(now_ms);
            if removed > 0 {
                info!(path = %directory.dir.path().display(), removed, "what was deleted is removed");
            }
        }
    }

    /// Logs that the metadata has not asked for. Kept: if the metadata was lost, they are all there is.
    pub(crate) fn report_strays(&self) {
        for ((topic_id, partition), (_, log)) in self.loaded.lock().iter() {
            warn!(%topic_id, partition, path = %log.path().display(), "log belongs to no topic of the cluster");
        }
    }

    /// Writes the checkpoints of all directories.
    pub(crate) fn checkpoint(&self, checkpoint: Checkpoint) {
        for directory in &self.directories {
            if let Err(error) = directory.dir.write_checkpoint(checkpoint) {
                error!(path = %directory.dir.path().display(), %error, ?checkpoint, "checkpoint cannot be written");
            }
        }
    }

    /// Flushes and closes everything and marks the shutdown as clean. `now_ms`: unix milliseconds.
    pub(crate) fn close(&self, now_ms: i64) {
        for directory in &self.directories {
            directory.flusher.stop();
            if let Err(error) = directory.dir.clean_shutdown(now_ms) {
                error!(path = %directory.dir.path().display(), %error, "log directory cannot be closed cleanly");
            }
        }
    }
}

type LoadedLogs = Vec<((TopicId, i32), Arc<Log>)>;

fn load_all(dir: &LogDir, found: Vec<FoundPartition>, threads: usize) -> Result<LoadedLogs, LogDirError> {
    let next = AtomicUsize::new(0);
    let loaded = Mutex::new(Vec::with_capacity(found.len()));
    let failed = Mutex::new(None);
    let work = || {
        while let Some(partition) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(topic_id) = partition.topic_id else {
                warn!(path = %partition.path.display(), "directory does not say which topic it belongs to");
                continue;
            };
            match dir.load_log(partition, LogConfig::default()) {
                Ok(log) => loaded.lock().push(((TopicId(topic_id), partition.partition), log)),
                Err(error) => {
                    *failed.lock() = Some(error);
                    return;
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(found.len()) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok(loaded.into_inner()),
    }
}
