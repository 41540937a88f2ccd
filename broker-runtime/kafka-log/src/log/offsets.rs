//! Leader epochs, and moving the start of the log.

use std::sync::atomic::Ordering;

use super::log::Log;
use crate::LogError;

impl Log {
    /// Notes that a leader epoch begins at `start_offset`: a new leader does so before its first append.
    pub fn begin_leader_epoch(&self, leader_epoch: i32, start_offset: i64) -> Result<(), LogError> {
        self.expect_online()?;
        self.epochs.lock().assign(leader_epoch, start_offset);
        Ok(())
    }

    /// The latest leader epoch.
    pub fn latest_epoch(&self) -> Option<i32> {
        self.epochs.lock().latest()
    }

    /// The largest epoch not above `leader_epoch`, and the offset where it ends. An epoch below all that are known
    /// ends where the first one starts; for one above all that are known there is no answer.
    pub fn end_offset_for_epoch(&self, leader_epoch: i32) -> Option<(i32, i64)> {
        self.epochs.lock().end_offset(leader_epoch, self.log_end_offset())
    }

    /// The epoch in which the record at `offset` was appended.
    pub fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        self.epochs.lock().epoch_at(offset)
    }

    /// Makes everything below `offset` unreadable (`DeleteRecords`, and a follower whose leader has done so); true when
    /// that was news. The space is freed by [`Log::apply_retention`].
    pub fn advance_log_start_offset(&self, offset: i64) -> Result<bool, LogError> {
        self.expect_online()?;
        let _writer = self.writer.lock();
        let (log_start_offset, log_end_offset) = (self.log_start_offset(), self.log_end_offset());
        if offset > log_end_offset {
            return Err(LogError::OffsetOutOfRange {
                offset,
                log_start_offset,
                log_end_offset,
            });
        }
        if offset <= log_start_offset {
            return Ok(false);
        }
        self.log_start_offset.store(offset, Ordering::Release);
        self.epochs.lock().truncate_from_start(offset);
        Ok(true)
    }
}
