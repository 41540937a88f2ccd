//! Reading.

use std::{io, sync::Arc};

use bytes::Bytes;

use super::log::Log;
use crate::{FileRecords, LogError, Records, TimestampedOffset, segment::Segment};

/// Less than this is read at once: looking for its end in the index would cost more.
const IN_FILE_MIN_BYTES: usize = 32 * 1024;

impl Log {
    /// Reads whole batches from the one on that contains `offset`, below `end_offset` (exclusive: the high watermark for
    /// consumers, the log end for followers). At most `max_bytes`; the first batch even if it is larger, when
    /// `at_least_one` (KIP-74). Empty when there is nothing between `offset` and `end_offset`. The batches end where a
    /// segment ends, so less than `max_bytes` does not mean that there is no more.
    pub fn read(&self, offset: i64, max_bytes: usize, end_offset: i64, at_least_one: bool) -> Result<Bytes, LogError> {
        let found = self.first_segment_with(offset, end_offset, |segment, end_offset| {
            let start = segment.start(offset)?;
            start
                .map(|start| segment.read(&start, max_bytes, end_offset, at_least_one))
                .transpose()
        });
        Ok(found?.unwrap_or_default())
    }

    /// What [`Log::read`] reads. Much of it is left where it lies, so that it can go from there to whoever asked for it. Only below the
    /// high watermark: what is above it may be cut off meanwhile, and other records written in its place.
    pub fn find(
        &self,
        offset: i64,
        max_bytes: usize,
        end_offset: i64,
        at_least_one: bool,
    ) -> Result<Records, LogError> {
        let found = self.first_segment_with(offset, end_offset, |segment, end_offset| {
            let Some(start) = segment.start(offset)? else {
                return Ok(None);
            };
            if start.available.min(max_bytes) < IN_FILE_MIN_BYTES || !segment.is_plain()? {
                let read = segment.read(&start, max_bytes, end_offset, at_least_one)?;
                return Ok(Some(Records::InMemory(read)));
            }
            let place = segment.locate(&start, max_bytes, end_offset, at_least_one)?;
            Ok(Some(Records::InFile(FileRecords::new(
                place,
                Arc::clone(&self.offline),
            ))))
        });
        Ok(found?.unwrap_or_default())
    }

    /// What `look` finds in the first segment that has something at or after `offset`. It is given the end, which is that of the log
    /// where `end_offset` is beyond.
    fn first_segment_with<T>(
        &self,
        offset: i64,
        end_offset: i64,
        look: impl Fn(&Segment, i64) -> io::Result<Option<T>>,
    ) -> Result<Option<T>, LogError> {
        self.expect_online()?;
        let (log_start_offset, log_end_offset) = (self.log_start_offset(), self.log_end_offset());
        let out_of_range = LogError::OffsetOutOfRange {
            offset,
            log_start_offset,
            log_end_offset,
        };
        if offset < log_start_offset || offset > log_end_offset {
            return Err(out_of_range);
        }
        let end_offset = end_offset.min(log_end_offset);
        if offset >= end_offset {
            return Ok(None);
        }
        let segments = self.segments();
        let first = segments
            .partition_point(|segment| segment.base_offset() <= offset)
            .saturating_sub(1);
        for segment in &segments[first..] {
            match look(segment, end_offset) {
                Ok(Some(found)) => return Ok(Some(found)),
                // The records that were at this offset are gone; what follows is in the next segment.
                Ok(None) => {}
                // Retention was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(out_of_range),
                Err(error) => return Err(self.read_failed(error)),
            }
        }
        Ok(None)
    }

    fn read_failed(&self, source: io::Error) -> LogError {
        match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other
                if source.raw_os_error().is_none() =>
            {
                LogError::Damaged {
                    path: self.directory.clone(),
                    source,
                }
            }
            _ => self.failed(source),
        }
    }

    /// The first record whose timestamp is at least `timestamp` (`ListOffsets`); `None` when there is none. It may lie
    /// above the high watermark.
    pub fn offset_for_timestamp(&self, timestamp: i64) -> Result<Option<TimestampedOffset>, LogError> {
        self.expect_online()?;
        for segment in self.segments().iter() {
            if segment.max_timestamp().0 < timestamp {
                continue;
            }
            if let Some(found) = self.find_timestamp(segment, timestamp)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp (`ListOffsets` −3); `None` for an empty log.
    pub fn offset_of_max_timestamp(&self) -> Result<Option<TimestampedOffset>, LogError> {
        self.expect_online()?;
        let segments = self.segments();
        let mut latest: Option<(i64, &Arc<Segment>)> = None;
        for segment in segments.iter().filter(|segment| segment.size() > 0) {
            let (timestamp, _) = segment.max_timestamp();
            if latest.is_none_or(|(largest, _)| timestamp > largest) {
                latest = Some((timestamp, segment));
            }
        }
        match latest {
            Some((timestamp, segment)) => self.find_timestamp(segment, timestamp),
            None => Ok(None),
        }
    }

    fn find_timestamp(&self, segment: &Segment, timestamp: i64) -> Result<Option<TimestampedOffset>, LogError> {
        let found = segment.find_timestamp(timestamp, self.log_start_offset());
        let found = found.map_err(|error| self.read_failed(error))?;
        Ok(found.map(|(offset, timestamp, leader_epoch)| TimestampedOffset {
            offset,
            timestamp,
            leader_epoch,
        }))
    }
}
