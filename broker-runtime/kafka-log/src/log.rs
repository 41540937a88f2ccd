//! One partition's log.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::{AppendInfo, LeaderAppend, LogConfig, LogError, ProducerInfo, TimestampedOffset};

/// One partition's log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
}

impl Log {
    fn offline<T>(&self) -> Result<T, LogError> {
        Err(LogError::Offline(self.path.clone()))
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Validates one or more whole batches, assigns offsets and the leader epoch, and appends them.
    pub fn append_as_leader(&self, _records: Bytes, _append: LeaderAppend) -> Result<AppendInfo, LogError> {
        self.offline()
    }

    /// Appends batches as they came from the leader; they have to continue the log.
    pub fn append_as_follower(&self, _records: Bytes) -> Result<AppendInfo, LogError> {
        self.offline()
    }

    /// Reads whole batches from the one that contains `from` on, below `end_offset`, at most `max_bytes`; the first
    /// batch even if it is larger, when `at_least_one`.
    pub fn read(
        &self,
        _from: i64,
        _max_bytes: usize,
        _end_offset: i64,
        _at_least_one: bool,
    ) -> Result<Bytes, LogError> {
        self.offline()
    }

    /// Writes everything appended so far to the medium; gives the offset up to which all is safe.
    pub fn flush(&self) -> Result<i64, LogError> {
        self.offline()
    }

    /// Everything below is flushed.
    pub fn flushed_offset(&self) -> i64 {
        0
    }

    /// Number of offsets above [`Log::flushed_offset`].
    pub fn unflushed_records(&self) -> i64 {
        0
    }

    /// Offset of the next record.
    pub fn log_end_offset(&self) -> i64 {
        0
    }

    /// Offset of the first record.
    pub fn log_start_offset(&self) -> i64 {
        0
    }

    /// The high watermark last told.
    pub fn high_watermark(&self) -> i64 {
        0
    }

    /// Notes the high watermark: retention stays below it, and it is checkpointed.
    pub fn set_high_watermark(&self, _high_watermark: i64) {}

    /// Bytes of all segments.
    pub fn size_in_bytes(&self) -> u64 {
        0
    }

    /// First record whose timestamp is at least `timestamp` (`ListOffsets`).
    pub fn offset_for_timestamp(&self, _timestamp: i64) -> Result<Option<TimestampedOffset>, LogError> {
        self.offline()
    }

    /// First record with the largest timestamp (`ListOffsets` −3); `None` for an empty log.
    pub fn offset_of_max_timestamp(&self) -> Result<Option<TimestampedOffset>, LogError> {
        self.offline()
    }

    /// Notes that a leader epoch begins at `start_offset`.
    pub fn begin_leader_epoch(&self, _leader_epoch: i32, _start_offset: i64) -> Result<(), LogError> {
        self.offline()
    }

    /// The latest leader epoch.
    pub fn latest_epoch(&self) -> Option<i32> {
        None
    }

    /// The largest epoch not above `leader_epoch`, and where it ends.
    pub fn end_offset_for_epoch(&self, _leader_epoch: i32) -> Option<(i32, i64)> {
        None
    }

    /// The epoch in which `offset` was appended.
    pub fn epoch_for_offset(&self, _offset: i64) -> Option<i32> {
        None
    }

    /// Cuts off everything from `offset` on.
    pub fn truncate_to(&self, _offset: i64) -> Result<(), LogError> {
        self.offline()
    }

    /// Empties the log; it begins again at `offset`.
    pub fn truncate_fully_and_start_at(&self, _offset: i64) -> Result<(), LogError> {
        self.offline()
    }

    /// Makes everything below `offset` unreadable (`DeleteRecords`); true when that was news.
    pub fn advance_log_start_offset(&self, _offset: i64) -> Result<bool, LogError> {
        self.offline()
    }

    /// Deletes what retention no longer keeps; gives the number of segments deleted.
    pub fn apply_retention(&self, _now_ms: i64) -> Result<usize, LogError> {
        self.offline()
    }

    /// Takes a new configuration.
    pub fn configure(&self, _config: LogConfig) {}

    /// The configuration.
    pub fn config(&self) -> LogConfig {
        LogConfig::default()
    }

    /// Idempotent producers known to the log.
    pub fn producers(&self) -> Vec<ProducerInfo> {
        Vec::new()
    }

    /// Flushes everything, writes a snapshot of the producers and takes the log offline.
    pub fn close(&self) -> Result<(), LogError> {
        self.offline()
    }

    /// True once the disk failed or the log was closed.
    pub fn is_offline(&self) -> bool {
        true
    }
}
