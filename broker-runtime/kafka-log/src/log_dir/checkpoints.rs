//! The three checkpoint files of a directory, kept in memory as well and written when something has changed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{
    Log, LogDirError,
    checkpoint::{PartitionOffsets, read_offsets, write_offsets},
    log::{LogIdentity, RecoveryPoints},
    storage::Storage,
};

const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
const LOG_START_OFFSETS: &str = "log-start-offset-checkpoint";

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Below which a restart trusts the disk (`recovery-point-offset-checkpoint`).
    RecoveryPoints,
    /// `replication-offset-checkpoint`.
    HighWatermarks,
    /// Of logs that begin later than at 0 (`log-start-offset-checkpoint`).
    LogStartOffsets,
}

impl Checkpoint {
    /// Start offsets first: a recovery point below the start does no harm.
    pub const ALL: [Self; 3] = [Self::LogStartOffsets, Self::RecoveryPoints, Self::HighWatermarks];

    const fn file_name(self) -> &'static str {
        match self {
            Self::RecoveryPoints => RECOVERY_POINTS,
            Self::HighWatermarks => HIGH_WATERMARKS,
            Self::LogStartOffsets => LOG_START_OFFSETS,
        }
    }

    /// What it says of a log.
    fn of(self, log: &Log) -> Option<i64> {
        match self {
            Self::RecoveryPoints => Some(log.recovery_point()),
            Self::HighWatermarks => Some(log.high_watermark()),
            Self::LogStartOffsets => Some(log.log_start_offset()).filter(|offset| *offset > 0),
        }
    }
}

#[derive(Debug, Default)]
struct Offsets {
    recovery_points: PartitionOffsets,
    high_watermarks: PartitionOffsets,
    log_start_offsets: PartitionOffsets,
}

impl Offsets {
    fn of(&mut self, checkpoint: Checkpoint) -> &mut PartitionOffsets {
        match checkpoint {
            Checkpoint::RecoveryPoints => &mut self.recovery_points,
            Checkpoint::HighWatermarks => &mut self.high_watermarks,
            Checkpoint::LogStartOffsets => &mut self.log_start_offsets,
        }
    }
}

/// What the checkpoints say of one partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartitionCheckpoint {
    pub(super) recovery_point: i64,
    pub(super) high_watermark: i64,
    pub(super) log_start_offset: i64,
}

/// The checkpoints of a directory.
#[derive(Debug)]
pub(super) struct Checkpoints {
    storage: Arc<dyn Storage>,
    directory: PathBuf,
    offsets: Mutex<Offsets>,
}

impl Checkpoints {
    pub(super) fn read(storage: Arc<dyn Storage>, directory: &Path) -> Result<Self, LogDirError> {
        let read = |name: &str| read_offsets(&*storage, &directory.join(name));
        let offsets = Offsets {
            recovery_points: read(RECOVERY_POINTS)?,
            high_watermarks: read(HIGH_WATERMARKS)?,
            log_start_offsets: read(LOG_START_OFFSETS)?,
        };
        Ok(Self {
            offsets: Mutex::new(offsets),
            directory: directory.to_owned(),
            storage,
        })
    }

    pub(super) fn high_watermarks(&self) -> PartitionOffsets {
        self.offsets.lock().high_watermarks.clone()
    }

    pub(super) fn of(&self, topic: &str, partition: i32) -> PartitionCheckpoint {
        let key = (topic.to_owned(), partition);
        let offsets = self.offsets.lock();
        let get = |map: &PartitionOffsets| map.get(&key).copied().unwrap_or(0).max(0);
        PartitionCheckpoint {
            recovery_point: get(&offsets.recovery_points),
            high_watermark: get(&offsets.high_watermarks),
            log_start_offset: get(&offsets.log_start_offsets),
        }
    }

    /// Takes over what the logs say now, and writes the file if it changes. Partitions without a log keep what they had.
    pub(super) fn update(&self, checkpoint: Checkpoint, logs: &[Arc<Log>]) -> Result<(), LogDirError> {
        let mut offsets = self.offsets.lock();
        let current = offsets.of(checkpoint);
        let mut next = current.clone();
        for log in logs {
            let key = (log.topic().to_owned(), log.partition());
            match checkpoint.of(log) {
                Some(offset) => next.insert(key, offset),
                None => next.remove(&key),
            };
        }
        if *current != next {
            let path = self.directory.join(checkpoint.file_name());
            write_offsets(&*self.storage, &path, &next).map_err(|source| LogDirError::storage(path, source))?;
            *current = next;
        }
        Ok(())
    }

    /// Forgets a partition.
    pub(super) fn remove(&self, topic: &str, partition: i32) {
        let key = (topic.to_owned(), partition);
        let mut offsets = self.offsets.lock();
        offsets.recovery_points.remove(&key);
        offsets.high_watermarks.remove(&key);
        offsets.log_start_offsets.remove(&key);
    }
}

impl RecoveryPoints for Checkpoints {
    fn lower(&self, identity: &LogIdentity, offset: i64) -> io::Result<()> {
        let key = (identity.topic.clone(), identity.partition);
        let mut offsets = self.offsets.lock();
        let Some(point) = offsets.recovery_points.get_mut(&key).filter(|point| **point > offset) else {
            return Ok(());
        };
        let before = std::mem::replace(point, offset);
        let path = self.directory.join(RECOVERY_POINTS);
        let written = write_offsets(&*self.storage, &path, &offsets.recovery_points);
        if written.is_err() {
            // As the file may still have it: whoever tries again must write it.
            offsets.recovery_points.insert(key, before);
        }
        written
    }
}
