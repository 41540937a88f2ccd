//! The directory itself.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use super::{
    checkpoints::{Checkpoint, Checkpoints},
    metadata_files::{expect_key, identify, read_topic_id, write_topic_id},
    names::{deleted_name, invalid_topic, is_deleted, parse_partition_name, partition_name},
};
use crate::{
    Log, LogConfig, LogDirError,
    deleted::Deleted,
    log::{LoadLog, LogIdentity, SyncTogether},
    storage::{DataKey, Disk, EncryptedStorage, Storage},
};

const LOCK: &str = ".lock";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";

/// Whose directory it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDirConfig {
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// The broker.
    pub node_id: i32,
    /// Id for a new directory; made at random when `None`. A directory that has one keeps it.
    pub directory_id: Option<Uuid>,
    /// Encrypts segments and their indexes. Files from before a directory got its key stay as they are.
    pub data_key: Option<DataKey>,
}

/// A partition found in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPartition {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// Id of the topic; `None` when it is not known any more: nothing was flushed to it before a power failure.
    pub topic_id: Option<Uuid>,
    /// Its directory.
    pub path: PathBuf,
}

type LogRegistry = HashMap<(String, i32), Weak<Log>>;

/// One log directory. It is locked against other processes as long as this value lives.
#[derive(Debug)]
pub struct LogDir {
    path: PathBuf,
    directory_id: Uuid,
    was_clean: bool,
    storage: Arc<dyn Storage>,
    checkpoints: Arc<Checkpoints>,
    together: Arc<SyncTogether>,
    deleted: Arc<Deleted>,
    logs: Mutex<LogRegistry>,
    _lock: File,
}

impl LogDir {
    /// Locks the directory, makes it when it is missing, checks whose it is, finishes deletions that were begun, and
    /// lists the partitions in it.
    pub fn open(path: &Path, config: LogDirConfig) -> Result<(Self, Vec<FoundPartition>), LogDirError> {
        Self::open_on(Arc::new(Disk), path, config)
    }

    /// [`LogDir::open`] on another file system; the lock file is on the real one.
    pub fn open_on(
        storage: Arc<dyn Storage>,
        path: &Path,
        config: LogDirConfig,
    ) -> Result<(Self, Vec<FoundPartition>), LogDirError> {
        fs::create_dir_all(path).map_err(|source| LogDirError::storage(path, source))?;
        let lock = lock(path)?;
        // The key first: an identity is not written for a directory that cannot be used.
        expect_key(&*storage, path, config.data_key.as_ref())?;
        let directory_id = identify(&*storage, path, &config)?;
        let storage = match &config.data_key {
            Some(key) => Arc::new(EncryptedStorage::new(storage, key)),
            None => storage,
        };
        let was_clean = take_clean_marker(&*storage, path)?;
        let checkpoints = Arc::new(Checkpoints::read(Arc::clone(&storage), path)?);
        let found = find_partitions(&*storage, path)?;
        let together = SyncTogether::of(&*storage, path).map_err(|source| LogDirError::storage(path, source))?;
        let together = Arc::new(together);
        let deleted = Arc::new(Deleted::new(Arc::clone(&storage)));
        let logs = Mutex::new(HashMap::new());
        let path = path.to_owned();
        Ok((
            Self {
                path,
                directory_id,
                was_clean,
                storage,
                checkpoints,
                together,
                deleted,
                logs,
                _lock: lock,
            },
            found,
        ))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `directory.id`.
    pub fn directory_id(&self) -> Uuid {
        self.directory_id
    }

    /// True when the directory was closed by [`LogDir::clean_shutdown`] the last time: nothing has to be recovered.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// Makes an empty log. That is cheap: nothing is flushed before the log itself is, and there is no segment file
    /// before the first record.
    pub fn create_log(
        &self,
        topic: &str,
        topic_id: Uuid,
        partition: i32,
        config: LogConfig,
    ) -> Result<Arc<Log>, LogDirError> {
        let refuse = |reason| LogDirError::InvalidPartition {
            topic: topic.to_owned(),
            partition,
            reason,
        };
        if let Some(reason) = invalid_topic(topic) {
            return Err(refuse(reason));
        }
        if partition < 0 {
            return Err(refuse("the partition is negative"));
        }
        let directory = self.path.join(partition_name(topic, partition));
        if directory.exists() {
            return Err(refuse("there is a directory of that name"));
        }
        self.storage
            .create_dir(&directory)
            .map_err(|source| LogDirError::storage(&directory, source))?;
        write_topic_id(&*self.storage, &directory, topic_id).inspect_err(|error| {
            // It would be in the way of the next attempt.
            let _ = self.storage.remove_dir(&directory);
            if error.is_no_space() {
                self.deleted.make_room();
            }
        })?;
        self.checkpoints.remove(topic, partition);
        let identity = LogIdentity {
            topic: topic.to_owned(),
            partition,
            topic_id: Some(topic_id),
        };
        Ok(self.register(self.plan(identity, directory, config).create()))
    }

    /// Opens a log that was found, recovering it when the last shutdown was not clean: then everything above the
    /// recovery point is read. Logs may be loaded in parallel.
    pub fn load_log(&self, found: &FoundPartition, config: LogConfig) -> Result<Arc<Log>, LogDirError> {
        let identity = LogIdentity {
            topic: found.topic.clone(),
            partition: found.partition,
            topic_id: found.topic_id,
        };
        Ok(self.register(self.plan(identity, found.path.clone(), config).load()?))
    }

    fn plan(&self, identity: LogIdentity, directory: PathBuf, config: LogConfig) -> LoadLog {
        let checkpoint = self.checkpoints.of(&identity.topic, identity.partition);
        LoadLog {
            identity,
            directory,
            storage: Arc::clone(&self.storage),
            deleted: Arc::clone(&self.deleted),
            recovery_points: Arc::clone(&self.checkpoints) as _,
            together: Arc::clone(&self.together),
            config,
            clean: self.was_clean,
            recovery_point: checkpoint.recovery_point,
            log_start_offset: checkpoint.log_start_offset,
            high_watermark: checkpoint.high_watermark,
        }
    }

    fn register(&self, log: Log) -> Arc<Log> {
        let log = Arc::new(log);
        let key = (log.topic().to_owned(), log.partition());
        self.logs.lock().insert(key, Arc::downgrade(&log));
        log
    }

    /// The logs that are open.
    pub fn logs(&self) -> Vec<Arc<Log>> {
        self.logs.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// Takes a log offline and deletes its directory. Who still reads from it gets errors.
    pub fn delete_log(&self, log: &Log) -> Result<(), LogDirError> {
        self.delete_log_until(log, i64::MIN)
    }

    /// The same, but the directory stays, under the name of a deleted one, until [`LogDir::remove_deleted`] is called at `due_ms` or
    /// later, or the disk is full.
    pub fn delete_log_until(&self, log: &Log, due_ms: i64) -> Result<(), LogDirError> {
        log.retire();
        self.logs.lock().remove(&(log.topic().to_owned(), log.partition()));
        self.delete(log.topic(), log.partition(), log.path(), due_ms)
    }

    /// Removes what was deleted and is due; gives how many files and directories that was. To be called every few seconds.
    pub fn remove_deleted(&self, now_ms: i64) -> usize {
        self.deleted.remove_due(now_ms)
    }

    /// Deletes a partition that was found and is not wanted: its topic is gone, or has another id.
    pub fn delete_found(&self, found: &FoundPartition) -> Result<(), LogDirError> {
        self.delete(&found.topic, found.partition, &found.path, i64::MIN)
    }

    /// Renames the directory first: a crash leaves it to be deleted at the next start.
    fn delete(&self, topic: &str, partition: i32, path: &Path, due_ms: i64) -> Result<(), LogDirError> {
        self.checkpoints.remove(topic, partition);
        let unique = Uuid::new_v4().simple().to_string();
        let renamed = self.path.join(deleted_name(&partition_name(topic, partition), &unique));
        match self.storage.rename(path, &renamed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            result => result.map_err(|source| LogDirError::storage(path, source))?,
        }
        if due_ms > i64::MIN {
            self.deleted.directory(renamed, due_ms);
            return Ok(());
        }
        self.storage
            .remove_dir(&renamed)
            .map_err(|source| LogDirError::storage(renamed, source))
    }

    /// High watermarks of the checkpoint, by topic and partition. A log that is loaded takes over its own.
    pub fn checkpointed_high_watermarks(&self) -> BTreeMap<(String, i32), i64> {
        self.checkpoints.high_watermarks()
    }

    /// Writes all checkpoints; see [`LogDir::write_checkpoint`].
    pub fn checkpoint(&self) -> Result<(), LogDirError> {
        Checkpoint::ALL.into_iter().try_for_each(|it| self.write_checkpoint(it))
    }

    /// Writes one of the checkpoints of all logs; a file that would not change is left alone. To be called every few seconds.
    pub fn write_checkpoint(&self, checkpoint: Checkpoint) -> Result<(), LogDirError> {
        let updated = self.checkpoints.update(checkpoint, &self.logs());
        if updated.as_ref().is_err_and(LogDirError::is_no_space) {
            self.deleted.make_room();
        }
        updated
    }

    /// Closes all logs, writes the checkpoints and the marker of a clean shutdown. When a log cannot be closed there is
    /// no marker, and the next start recovers. The directory stays locked until this value is dropped. `now_ms`: unix milliseconds.
    pub fn clean_shutdown(&self, now_ms: i64) -> Result<(), LogDirError> {
        let logs = self.logs();
        let mut failure = None;
        for log in &logs {
            if let Err(error) = log.close(now_ms) {
                failure = Some(error);
            }
        }
        for checkpoint in Checkpoint::ALL {
            self.checkpoints.update(checkpoint, &logs)?;
        }
        if let Some(error) = failure {
            return Err(error.into());
        }
        let path = self.path.join(CLEAN_SHUTDOWN);
        let content = br#"{"version":0,"brokerEpoch":-1}"#;
        let written = self
            .storage
            .write(&path, content, true)
            .and_then(|()| self.storage.sync_dir(&self.path));
        written.map_err(|source| LogDirError::storage(path, source))
    }
}

fn lock(path: &Path) -> Result<File, LogDirError> {
    let lock_path = path.join(LOCK);
    let failed = |source: io::Error| LogDirError::storage(&lock_path, source);
    let lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(failed)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LogDirError::Locked(path.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// True when the marker of a clean shutdown was there. It is removed before anything is written.
fn take_clean_marker(storage: &dyn Storage, path: &Path) -> Result<bool, LogDirError> {
    let marker = path.join(CLEAN_SHUTDOWN);
    let failed = |source| LogDirError::storage(&marker, source);
    match storage.read(&marker) {
        Ok(_) => {
            storage.remove_file(&marker).map_err(failed)?;
            storage.sync_dir(path).map_err(failed)?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn find_partitions(storage: &dyn Storage, path: &Path) -> Result<Vec<FoundPartition>, LogDirError> {
    let mut found = Vec::new();
    for entry in storage
        .list(path)
        .map_err(|source| LogDirError::storage(path, source))?
    {
        let directory = path.join(&entry.name);
        if !entry.is_dir {
            continue;
        }
        if is_deleted(&entry.name) {
            storage
                .remove_dir(&directory)
                .map_err(|source| LogDirError::storage(&directory, source))?;
        } else if let Some((topic, partition)) = parse_partition_name(&entry.name) {
            let topic_id = read_topic_id(storage, &directory)?;
            found.push(FoundPartition {
                topic: topic.to_owned(),
                partition,
                topic_id,
                path: directory,
            });
        }
    }
    Ok(found)
}
