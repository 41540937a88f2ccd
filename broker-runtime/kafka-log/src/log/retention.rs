//! Deleting what nobody needs any more: whole segments, oldest first, never above the high watermark
//! (`UnifiedLog.deleteOldSegments`).

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use super::log::{Log, Segments};
use crate::{LogConfig, LogError, segment::Segment};

impl Log {
    /// Deletes segments that are older than `retention.ms`, more than `retention.bytes` allows, or below the log start
    /// offset, and forgets producers that were quiet for long. A log that is only compacted loses nothing but what is
    /// below its start. Gives the number of segments deleted. To be called every few minutes
    /// (`log.retention.check.interval.ms`).
    ///
    /// Segments whose records have no timestamps are not deleted by time: Kafka takes the file's time for them.
    pub fn apply_retention(&self, now_ms: i64) -> Result<usize, LogError> {
        let config = self.config();
        let flushing = self.flushing.lock();
        let mut producers = self.writer.lock();
        self.expect_online()?;
        producers.remove_expired(now_ms, config.producer_id_expiration_ms);
        let segments = self.segments();
        let count = self.deletable(&segments, &config, now_ms);
        if count == 0 {
            return Ok(0);
        }
        if count == segments.len() {
            // The active segment goes too: an empty one takes its place, so that the log keeps its end.
            let active = self.active();
            self.roll(&active, &producers, self.log_end_offset())
                .map_err(|error| self.failed(error))?;
        }
        drop(producers);
        let due_ms = now_ms.saturating_add(config.file_delete_delay_ms);
        let deleted = self.delete_oldest(count, due_ms).map_err(|error| self.failed(error));
        drop(flushing);
        deleted?;
        Ok(count)
    }

    /// How many segments may go, from the oldest on.
    fn deletable(&self, segments: &Segments, config: &LogConfig, now_ms: i64) -> usize {
        let (start, high_watermark) = (self.log_start_offset(), self.high_watermark());
        let by_policy = config.cleanup_policy.delete;
        let total: u64 = segments.iter().map(|segment| segment.size()).sum();
        let mut excess = config.retention_bytes.map_or(0, |limit| total.saturating_sub(limit));
        let mut count = 0;
        for (index, segment) in segments.iter().enumerate() {
            let end_offset = segments
                .get(index + 1)
                .map_or(self.log_end_offset(), |next| next.base_offset());
            let is_active = index + 1 == segments.len();
            if end_offset > high_watermark || (segment.size() == 0 && is_active) {
                break;
            }
            let below_start = end_offset <= start && !is_active;
            // One that compaction has emptied holds nothing that could be too young.
            let too_old = by_policy && (segment.size() == 0 || is_expired(segment, config, now_ms));
            let too_much = by_policy && !is_active && excess >= segment.size();
            if !below_start && !too_old && !too_much {
                break;
            }
            excess = excess.saturating_sub(segment.size());
            count += 1;
        }
        count
    }

    /// Their files go when `due_ms` has come.
    fn delete_oldest(&self, count: usize, due_ms: i64) -> io::Result<()> {
        let old = {
            let mut segments = self.segments.write();
            let kept = segments[count..].to_vec();
            std::mem::replace(&mut *segments, Arc::new(kept))
        };
        let start_offset = self.segments().first().map_or(0, |segment| segment.base_offset());
        self.log_start_offset.fetch_max(start_offset, Ordering::AcqRel);
        self.epochs.lock().truncate_from_start(start_offset);
        for segment in &old[..count] {
            segment.retire(&self.deleted, due_ms)?;
            tracing::info!(
                path = %self.directory.display(), base_offset = segment.base_offset(), "segment deleted by retention"
            );
        }
        Ok(())
    }
}

fn is_expired(segment: &Segment, config: &LogConfig, now_ms: i64) -> bool {
    let (timestamp, _) = segment.max_timestamp();
    config
        .retention_ms
        .is_some_and(|limit| timestamp >= 0 && now_ms.saturating_sub(timestamp) > limit)
}
