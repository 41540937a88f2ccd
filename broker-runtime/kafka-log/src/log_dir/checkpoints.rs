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

#[derive(Debug, Default)]
struct Offsets {
    recovery_points: PartitionOffsets,
    high_watermarks: PartitionOffsets,
    log_start_offsets: PartitionOffsets,
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

    /// Takes over what the logs say now, and writes the files that changed. Partitions without a log keep what they had.
    pub(super) fn update(&self, logs: &[Arc<Log>]) -> Result<(), LogDirError> {
        let mut offsets = self.offsets.lock();
        let mut next = Offsets {
            recovery_points: offsets.recovery_points.clone(),
            high_watermarks: offsets.high_watermarks.clone(),
            log_start_offsets: offsets.log_start_offsets.clone(),
        };
        for log in logs {
            let key = (log.topic().to_owned(), log.partition());
            next.recovery_points.insert(key.clone(), log.flushed_offset());
            next.high_watermarks.insert(key.clone(), log.high_watermark());
            if log.log_start_offset() > 0 {
                next.log_start_offsets.insert(key, log.log_start_offset());
            } else {
                next.log_start_offsets.remove(&key);
            }
        }
        self.write(&mut offsets, next)
    }

    /// Forgets a partition.
    pub(super) fn remove(&self, topic: &str, partition: i32) {
        let key = (topic.to_owned(), partition);
        let mut offsets = self.offsets.lock();
        offsets.recovery_points.remove(&key);
        offsets.high_watermarks.remove(&key);
        offsets.log_start_offsets.remove(&key);
    }

    fn write(&self, current: &mut Offsets, next: Offsets) -> Result<(), LogDirError> {
        let write = |name: &str, current: &mut PartitionOffsets, next: PartitionOffsets| {
            if *current != next {
                let path = self.directory.join(name);
                write_offsets(&*self.storage, &path, &next).map_err(|source| LogDirError::storage(path, source))?;
                *current = next;
            }
            Ok(())
        };
        // Start offsets first: a recovery point below the start does no harm.
        write(
            LOG_START_OFFSETS,
            &mut current.log_start_offsets,
            next.log_start_offsets,
        )?;
        write(RECOVERY_POINTS, &mut current.recovery_points, next.recovery_points)?;
        write(HIGH_WATERMARKS, &mut current.high_watermarks, next.high_watermarks)
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
