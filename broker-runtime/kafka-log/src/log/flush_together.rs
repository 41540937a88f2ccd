//! New logs, flushed for the first time, many at once. Each needs its records, its epochs, its metadata and the names of all of them and
//! of itself on the medium: seven calls, each of which may wait for the journal. The file system is asked once instead.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::{Mutex, MutexGuard};

use super::{flush::Dirty, log::Log};
use crate::{
    LogError,
    storage::{FileSystem, Storage},
};

/// While more than this for each log waits to be written on the machine, whoever it belongs to, logs are flushed one by one: they would
/// wait for all of it. About as much is written in the time of the calls that are saved.
const DIRTY_BYTES_MAX: u64 = 4 << 20;

/// The same for all logs.
const DIRTY_BYTES_MAX_TOTAL: u64 = 256 << 20;

/// The file system of a log directory, as long as its word can be relied on. It tells of a failed write once, to one caller: after that
/// it is not asked again, and each log asks for its own files, which tell of their own failures.
#[derive(Debug)]
pub(crate) struct SyncTogether(Mutex<Option<Arc<dyn FileSystem>>>);

impl SyncTogether {
    /// To be made before anything is written that it is asked to bring to the medium.
    pub(crate) fn of(storage: &dyn Storage, directory: &Path) -> io::Result<Self> {
        storage.file_system(directory).map(|it| Self(Mutex::new(it)))
    }

    /// True when all that was written before this call, to so many logs, is on the medium.
    fn sync(&self, logs: usize) -> bool {
        // The lock is held while it runs: an error that another call was told must be known before this one is believed.
        let mut file_system = self.0.lock();
        let Some(asked) = &*file_system else {
            return false;
        };
        let logs = u64::try_from(logs).unwrap_or(u64::MAX);
        let dirty_max = DIRTY_BYTES_MAX.saturating_mul(logs).min(DIRTY_BYTES_MAX_TOTAL);
        if asked.dirty_bytes().is_ok_and(|dirty| dirty > dirty_max) {
            return false;
        }
        match asked.sync() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "file system cannot be written to the medium as a whole: each log is from now on");
                *file_system = None;
                false
            }
        }
    }
}

/// A log that is about to be flushed.
struct Prepared<'a> {
    log: &'a Log,
    _flushing: MutexGuard<'a, ()>,
    dirty: Dirty,
    /// How often the file of epochs had been written.
    epochs_writes: u64,
}

impl Log {
    /// True while nothing of a new log has been flushed: [`Log::flush_together`] is worth its while.
    pub fn is_unsettled(&self) -> bool {
        self.is_new && !self.directory_settled.load(Ordering::Acquire)
    }

    /// [`Log::flush`] of many logs of one log directory that [are new](Log::is_unsettled).
    pub fn flush_together(logs: &[&Self]) -> Vec<Result<i64, LogError>> {
        let prepared: Vec<Result<Prepared<'_>, LogError>> = logs.iter().map(|log| log.prepare_flush()).collect();
        let one_directory = logs
            .windows(2)
            .all(|pair| Arc::ptr_eq(&pair[0].together, &pair[1].together));
        let on_medium = one_directory && logs.first().is_some_and(|log| log.together.sync(logs.len()));
        prepared
            .into_iter()
            .map(|log| match log {
                Ok(log) if on_medium => Ok(log.finish()),
                Ok(log) => log.flush_alone(),
                Err(error) => Err(error),
            })
            .collect()
    }

    fn prepare_flush(&self) -> Result<Prepared<'_>, LogError> {
        let flushing = self.flushing.lock();
        self.expect_online()?;
        // A file that replaces one from before is brought to the medium before it does.
        self.store_epochs(!self.is_unsettled())
            .map_err(|error| self.failed(error))?;
        let epochs_writes = self.epochs.lock().writes();
        Ok(Prepared {
            log: self,
            _flushing: flushing,
            dirty: self.take_dirty(),
            epochs_writes,
        })
    }
}

impl Prepared<'_> {
    fn finish(self) -> i64 {
        for segment in &self.dirty.segments {
            segment.take_unsettled();
        }
        self.log.epochs.lock().mark_synced(self.epochs_writes);
        self.log.directory_settled.store(true, Ordering::Release);
        let end_offset = self.dirty.end_offset;
        self.log.note_flushed(end_offset);
        end_offset
    }

    fn flush_alone(self) -> Result<i64, LogError> {
        for segment in &self.dirty.segments {
            segment.mark_dirty();
        }
        self.log.flush_locked()
    }
}
