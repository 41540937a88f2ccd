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
        let segments = self.segments();
        if segments.first().is_some_and(|first| offset < first.base_offset()) {
            return self.restart_locked(&mut producers, offset);
        }
        let kept = segments.partition_point(|segment| segment.base_offset() < offset);
        let (kept, gone) = segments.split_at(kept.max(1));
        // The log may end below `offset`, and the segment that is cut may be complete soon: it is believed as a whole or not at all.
        let recovery_point = kept.last().map_or(offset, |last| last.base_offset().min(offset));
        self.announce_cut(offset, recovery_point)?;
        self.cut(&mut producers, kept, gone, offset)
            .map_err(|error| self.cut_failed(error))
    }

    /// Empties the log; it begins again at `offset`.
    pub fn truncate_fully_and_start_at(&self, offset: i64) -> Result<(), LogError> {
        let _flushing = self.flushing.lock();
        let mut producers = self.writer.lock();
        self.expect_online()?;
        self.restart_locked(&mut producers, offset)
    }

    fn restart_locked(&self, producers: &mut ProducerStates, offset: i64) -> Result<(), LogError> {
        self.announce_cut(offset, offset)?;
        self.restart(producers, offset).map_err(|error| self.cut_failed(error))
    }

    /// Before anything is cut at `offset`: what will be appended there is not on the medium, and recovery must not trust what lies
    /// from `recovery_point` on. Where the disk is too full to say so, nothing is cut, and the log is as it was.
    fn announce_cut(&self, offset: i64, recovery_point: i64) -> Result<(), LogError> {
        // First what the next checkpoint says.
        let flushed = self.flushed_offset.fetch_min(offset, Ordering::AcqRel);
        let cleaned = self.cleaned_offset.fetch_min(offset, Ordering::AcqRel);
        let unsettled = self.unsettled_cut.fetch_min(recovery_point, Ordering::AcqRel);
        self.recovery_points
            .lower(&self.identity, recovery_point)
            .map_err(|error| {
                self.flushed_offset.fetch_max(flushed, Ordering::AcqRel);
                self.cleaned_offset.fetch_max(cleaned, Ordering::AcqRel);
                self.unsettled_cut.store(unsettled, Ordering::Release);
                self.failed(error)
            })
    }

    /// A cut that failed half-way leaves nothing to go on with, whatever the reason.
    fn cut_failed(&self, source: io::Error) -> LogError {
        self.take_offline();
        LogError::Storage {
            path: self.directory.clone(),
            source,
        }
    }

    /// Cuts at `offset`, in the last one of the segments that are kept, or at its end.
    fn cut(
        &self,
        producers: &mut ProducerStates,
        kept: &[Arc<Segment>],
        gone: &[Arc<Segment>],
        offset: i64,
    ) -> io::Result<()> {
        self.cuts.fetch_add(1, Ordering::AcqRel);
        for segment in gone.iter().rev() {
            segment.delete()?;
        }
        let last = kept.last().expect("a log has at least one segment");
        let end_offset = last.truncate(offset)?;
        *self.segments.write() = Arc::new(kept.to_vec());
        self.log_end_offset.store(end_offset, Ordering::Release);
        self.flushed_offset.fetch_min(end_offset, Ordering::AcqRel);
        self.high_watermark.fetch_min(end_offset, Ordering::AcqRel);
        self.log_start_offset.fetch_min(end_offset, Ordering::AcqRel);
        self.epochs.lock().truncate_from_end(end_offset);
        *producers = self.load_producers(end_offset, None)?;
        Ok(())
    }

    fn restart(&self, producers: &mut ProducerStates, offset: i64) -> io::Result<()> {
        self.cuts.fetch_add(1, Ordering::AcqRel);
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
