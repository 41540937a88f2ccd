//! Bringing the log to the medium. An `fsync` that failed is never tried again: the kernel may have dropped the pages,
//! and a second call would say that all is well. The log goes offline instead.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use super::log::Log;
use crate::{
    LogError,
    log_dir::PARTITION_METADATA,
    producers::ProducerStates,
    segment::{Segment, SegmentPaths},
};

/// For so long after a batch a client that has no answer may send it again, milliseconds: twice what the most patient of the usual
/// ones waits by default (librdkafka's `message.timeout.ms`).
const SENT_AGAIN_MS: i64 = 10 * 60 * 1000;

/// What of a log is not on the medium.
pub(super) struct Dirty {
    /// The end of the log.
    pub(super) end_offset: i64,
    /// Those with records below it that are not on the medium.
    pub(super) segments: Vec<Arc<Segment>>,
    /// Base offset of the active segment.
    active: Option<i64>,
}

impl Log {
    /// Writes everything appended before this call to the medium, and gives the offset below which all is there.
    /// Appends go on meanwhile. One call at a time does the work; others wait for it.
    pub fn flush(&self) -> Result<i64, LogError> {
        let _flushing = self.flushing.lock();
        self.expect_online()?;
        self.flush_locked()
    }

    /// [`Log::flush`] for who has the flushing lock.
    pub(super) fn flush_locked(&self) -> Result<i64, LogError> {
        // Epochs first: no record may be safe whose epoch is not.
        self.store_epochs(true).map_err(|error| self.failed(error))?;
        let dirty = self.take_dirty();
        if let Err(source) = self.sync_segments(&dirty) {
            self.take_offline();
            return Err(LogError::Storage {
                path: self.directory.clone(),
                source,
            });
        }
        self.note_flushed(dirty.end_offset);
        Ok(dirty.end_offset)
    }

    /// What is to be flushed now. Its segments do not count as dirty any more.
    pub(super) fn take_dirty(&self) -> Dirty {
        let _writer = self.writer.lock();
        let segments = self.segments();
        let dirty = segments.iter().filter(|segment| segment.take_dirty());
        Dirty {
            end_offset: self.log_end_offset(),
            segments: dirty.cloned().collect(),
            active: segments.last().map(|segment| segment.base_offset()),
        }
    }

    fn sync_segments(&self, dirty: &Dirty) -> io::Result<()> {
        let mut names_changed = false;
        for segment in &dirty.segments {
            segment.sync()?;
            names_changed |= segment.take_unsettled();
            if dirty.active != Some(segment.base_offset()) {
                // It is complete: recovery will not look at it again, so its indexes have to be safe too.
                segment.sync_indexes()?;
                names_changed = true;
            }
        }
        if names_changed {
            self.storage.sync_dir(&self.directory)?;
        }
        if !dirty.segments.is_empty() && !self.directory_settled.swap(true, Ordering::AcqRel) {
            let metadata = self.directory.join(PARTITION_METADATA);
            match self.storage.open(&metadata, false) {
                Ok(file) => file.sync()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            self.storage.sync_dir(&self.directory)?;
            if let Some(parent) = self.directory.parent() {
                self.storage.sync_dir(parent)?;
            }
        }
        Ok(())
    }

    /// Flushes everything, completes the indexes, writes a snapshot of the producers and takes the log offline. After
    /// that a restart need not read the log, but for batches that may be sent again, if the directory is shut down cleanly as well.
    /// Closing twice is no error.
    pub fn close(&self, now_ms: i64) -> Result<(), LogError> {
        let _flushing = self.flushing.lock();
        if self.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        {
            let _writer = self.writer.lock();
            self.expect_online()?;
            // From here on nothing is appended.
            self.take_offline();
        }
        let end_offset = self.flush_locked()?;
        self.settle(end_offset, now_ms).map_err(|error| self.failed(error))?;
        self.closed.store(true, Ordering::Release);
        Ok(())
    }

    /// What a clean start relies on, besides the batches.
    fn settle(&self, end_offset: i64, now_ms: i64) -> io::Result<()> {
        let active = self.active();
        if active.size() > 0 {
            active.seal()?;
            active.sync_indexes()?;
        }
        let producers = self.writer.lock();
        let since_ms = now_ms.saturating_sub(SENT_AGAIN_MS);
        if let Some(oldest) = producers.oldest_in_flight(self.high_watermark(), since_ms) {
            return self.remove_snapshots_above(oldest);
        }
        if end_offset > 0 && self.snapshot_offset.load(Ordering::Acquire) != end_offset {
            self.store_snapshot(&producers, end_offset, true)?;
        }
        Ok(())
    }

    /// Makes who opens the log next, Apache Kafka too, read the batches from `offset` on, and so know each of them: a snapshot of the
    /// producers above knows the last one of each only, and the others would be out of order when they are sent again.
    fn remove_snapshots_above(&self, offset: i64) -> io::Result<()> {
        let (kept, above): (Vec<i64>, Vec<i64>) = self.snapshot_offsets()?.into_iter().partition(|it| *it <= offset);
        for offset in above {
            let path = SegmentPaths::new(&self.directory, offset).snapshot();
            self.storage.remove_file(&path)?;
        }
        if let Some(newest) = kept.last() {
            self.snapshot_offset.store(*newest, Ordering::Release);
            return self.storage.sync_dir(&self.directory);
        }
        // Where there is none, Kafka takes the log for one that has no producers, and reads nothing.
        self.store_snapshot(&ProducerStates::default(), self.first_base_offset(), true)
    }
}
