//! Cutting the log off at its end: a follower whose history differs from the leader's (KIP-101). Flushing waits, and
//! what was flushed counts as flushed only below the cut.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use super::log::Log;
use crate::{LogError, producers::ProducerStates, segment::Segment};

impl Log {
    /// Cuts off everything from `offset` on. A batch that lies across it goes as a whole, so the log may end below
    /// `offset`: see [`Log::log_end_offset`]. Below the log start the log is emptied and begins at `offset`.
    pub fn truncate_to(&self, offset: i64) -> Result<(), LogError> {
        let _flushing = self.flushing.lock();
        let mut producers = self.writer.lock();
        self.expect_online()?;
        if offset >= self.log_end_offset() {
            // An epoch that was begun here and has no records goes too: a follower that went on naming it as its last one
            // would be told to cut for ever.
            self.epochs.lock().truncate_from_end(offset);
            return Ok(());
        }
        let first = self.segments().first().map_or(0, |segment| segment.base_offset());
        let result = if offset < first {
            self.restart_locked(&mut producers, offset)
        } else {
            self.truncate_locked(&mut producers, offset)
        };
        result.map_err(|error| self.cut_failed(error))
    }

    /// Empties the log; it begins again at `offset`.
    pub fn truncate_fully_and_start_at(&self, offset: i64) -> Result<(), LogError> {
        let _flushing = self.flushing.lock();
        let mut producers = self.writer.lock();
        self.expect_online()?;
        self.restart_locked(&mut producers, offset)
            .map_err(|error| self.cut_failed(error))
    }

    /// A cut that failed half-way leaves nothing to go on with, whatever the reason.
    fn cut_failed(&self, source: io::Error) -> LogError {
        self.take_offline();
        LogError::Storage {
            path: self.directory.clone(),
            source,
        }
    }

    fn truncate_locked(&self, producers: &mut ProducerStates, offset: i64) -> io::Result<()> {
        let segments = self.segments();
        let kept = segments
            .partition_point(|segment| segment.base_offset() < offset)
            .max(1);
        let last = &segments[kept - 1];
        // Before anything is cut: what will be appended there is not on the medium. First what the next checkpoint says. The log
        // may end below `offset`, and the segment that is cut may be complete soon: it is believed as a whole or not at all.
        self.flushed_offset.fetch_min(offset, Ordering::AcqRel);
        self.cleaned_offset.fetch_min(offset, Ordering::AcqRel);
        self.recovery_points
            .lower(&self.identity, offset.min(last.base_offset()))?;
        for segment in segments[kept..].iter().rev() {
            segment.delete()?;
        }
        let end_offset = last.truncate(offset)?;
        *self.segments.write() = Arc::new(segments[..kept].to_vec());
        self.log_end_offset.store(end_offset, Ordering::Release);
        self.flushed_offset.fetch_min(end_offset, Ordering::AcqRel);
        self.high_watermark.fetch_min(end_offset, Ordering::AcqRel);
        self.log_start_offset.fetch_min(end_offset, Ordering::AcqRel);
        self.epochs.lock().truncate_from_end(end_offset);
        *producers = self.load_producers(end_offset, None)?;
        Ok(())
    }

    fn restart_locked(&self, producers: &mut ProducerStates, offset: i64) -> io::Result<()> {
        self.flushed_offset.fetch_min(offset, Ordering::AcqRel);
        self.cleaned_offset.fetch_min(offset, Ordering::AcqRel);
        self.recovery_points.lower(&self.identity, offset)?;
        for segment in self.segments().iter().rev() {
            segment.delete()?;
        }
        let segment = Segment::new(Arc::clone(&self.storage), &self.directory, offset);
        segment.create_file()?;
        segment.mark_dirty();
        *self.segments.write() = Arc::new(vec![Arc::new(segment)]);
        self.log_start_offset.store(offset, Ordering::Release);
        self.log_end_offset.store(offset, Ordering::Release);
        self.flushed_offset.store(offset, Ordering::Release);
        self.high_watermark.store(offset, Ordering::Release);
        self.epochs.lock().clear();
        *producers = self.load_producers(i64::MIN, None)?;
        Ok(())
    }
}
