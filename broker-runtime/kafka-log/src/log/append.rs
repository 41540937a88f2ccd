//! Appending, as leader and as follower, and closing a segment when it is full.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, IoSlice},
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use kafka_codec::record_batch::{BatchError, BatchHeader, EndTransactionMarker, RecordBatch, TimestampType, batches};

use super::{
    log::Log,
    validate::{Prepared, prepare},
};
use crate::{
    AppendInfo, AppendOrigin, LeaderAppend, LogConfig, LogError,
    producers::{MarkerVerdict, ProducerStates},
    segment::Segment,
};

/// What decides whether a new segment is begun.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    bytes: u64,
    last_offset: i64,
    max_timestamp: i64,
}

/// A batch that is appended: its final header, and the marker it is.
#[derive(Clone, Copy, Debug)]
struct Batch {
    header: BatchHeader,
    marker: Option<EndTransactionMarker>,
}

impl Log {
    /// Validates whole batches, gives them offsets and the leader epoch, and appends them with one write. Of a client
    /// it takes one batch at a time, as Kafka does. When the log has the batch already, nothing is appended and the
    /// answer says where it is.
    pub fn append_as_leader(&self, records: Bytes, append: LeaderAppend) -> Result<AppendInfo, LogError> {
        let config = self.config();
        let mut prepared = prepare(&records, append, &config)?;
        let mut producers = self.writer.lock();
        self.expect_online()?;
        if let Some(info) = self.find_duplicate(&producers, &prepared, append)? {
            return Ok(info);
        }
        let base_offset = self.log_end_offset();
        let mut next_offset = base_offset;
        for batch in &mut prepared {
            batch.finish(next_offset, append, config.message_timestamp_type);
            next_offset = batch.header.next_offset();
        }
        let appended: Vec<Batch> = prepared.iter().map(Batch::of_prepared).collect();
        let header_bytes: Vec<_> = appended.iter().map(|batch| batch.header.to_bytes()).collect();
        let mut slices = Vec::with_capacity(2 * appended.len());
        for (header, batch) in header_bytes.iter().zip(&prepared) {
            slices.extend([IoSlice::new(header), IoSlice::new(&batch.body)]);
        }
        let rolled = self.append_batches(&mut producers, &mut slices, &appended, &config)?;
        let appends_now = config.message_timestamp_type == TimestampType::LogAppendTime;
        Ok(AppendInfo {
            base_offset,
            last_offset: next_offset - 1,
            log_append_time_ms: appends_now.then_some(append.now_ms),
            log_start_offset: self.log_start_offset(),
            duplicate: false,
            rolled,
        })
    }

    fn find_duplicate(
        &self,
        producers: &ProducerStates,
        prepared: &[Prepared<'_>],
        append: LeaderAppend,
    ) -> Result<Option<AppendInfo>, LogError> {
        let known = |base_offset, last_offset, log_append_time_ms| AppendInfo {
            base_offset,
            last_offset,
            log_append_time_ms,
            log_start_offset: self.log_start_offset(),
            duplicate: true,
            rolled: false,
        };
        for batch in prepared {
            let header = &batch.header;
            if let (Some(marker), AppendOrigin::Marker { bumps_epoch }) = (batch.marker, append.origin) {
                if producers.check_marker(header, marker, bumps_epoch)? == MarkerVerdict::Known {
                    // It is somewhere below, and safe when all of that is.
                    let last_offset = self.log_end_offset() - 1;
                    return Ok(Some(known(last_offset, last_offset, None)));
                }
            } else if let Some(duplicate) = producers.check(header, append.origin, append.guard)? {
                // As `UnifiedLog.append`, whatever the type of the topic's timestamps.
                return Ok(Some(known(
                    duplicate.base_offset,
                    duplicate.last_offset,
                    Some(duplicate.timestamp),
                )));
            }
        }
        Ok(None)
    }

    /// Appends batches as they came from the leader. They have to continue the log; offsets may be left out, as
    /// compaction does. A batch that is cut at the end is ignored: it will be fetched again.
    pub fn append_as_follower(&self, records: Bytes) -> Result<AppendInfo, LogError> {
        let fetched = check_fetched(&records)?;
        let config = self.config();
        let mut producers = self.writer.lock();
        self.expect_online()?;
        let (Some(first), Some(last)) = (fetched.first(), fetched.last()) else {
            return Err(LogError::InvalidRecord("there is no batch".to_owned()));
        };
        let log_end_offset = self.log_end_offset();
        let (first, last) = (first.header, last.header);
        if first.base_offset < log_end_offset {
            return Err(LogError::UnexpectedOffset {
                found: first.base_offset,
                log_end_offset,
            });
        }
        let bytes: usize = fetched.iter().map(|batch| batch.header.size_in_bytes()).sum();
        let mut slices = [IoSlice::new(&records[..bytes])];
        let rolled = self.append_batches(&mut producers, &mut slices, &fetched, &config)?;
        Ok(AppendInfo {
            base_offset: first.base_offset,
            last_offset: last.last_offset(),
            log_append_time_ms: None,
            log_start_offset: self.log_start_offset(),
            duplicate: false,
            rolled,
        })
    }

    /// Appends batches that have their offsets; true when a segment was closed for it.
    fn append_batches(
        &self,
        producers: &mut ProducerStates,
        slices: &mut [IoSlice<'_>],
        batches: &[Batch],
        config: &LogConfig,
    ) -> Result<bool, LogError> {
        let headers: Vec<BatchHeader> = batches.iter().map(|batch| batch.header).collect();
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
            return Ok(false);
        };
        let size: usize = headers.iter().map(BatchHeader::size_in_bytes).sum();
        let bytes = u64::try_from(size).expect("usize has at most 64 bits");
        if bytes > config.segment_bytes {
            return Err(LogError::RecordListTooLarge {
                size,
                limit: config.segment_bytes,
            });
        }
        let max_timestamp = headers
            .iter()
            .map(|header| header.max_timestamp)
            .fold(last.max_timestamp, i64::max);
        let incoming = Incoming {
            bytes,
            last_offset: last.last_offset(),
            max_timestamp,
        };
        let active = self.active();
        let roll = should_roll(&active, incoming, config).map_err(|error| self.failed(error))?;
        if roll {
            self.roll(&active, producers, first.base_offset)
                .map_err(|error| self.failed(error))?;
        }
        let active = if roll { self.active() } else { active };
        if let Err(error) = active.append(slices, &headers, config.index_interval_bytes) {
            return Err(self.failed(error));
        }
        if config.preallocate && active.size() == bytes {
            active.allocate(config.segment_bytes);
        }
        let mut epochs = self.epochs.lock();
        for Batch { header, marker } in batches {
            if let Some(ended) = producers.apply(header, *marker).filter(|ended| !ended.committed) {
                active.note_aborted(ended.into());
            }
            epochs.assign(header.partition_leader_epoch, header.base_offset);
        }
        drop(epochs);
        // Before the records can be seen: they are not stable.
        self.publish_unstable(producers);
        self.log_end_offset.store(last.next_offset(), Ordering::Release);
        Ok(roll)
    }

    /// Closes the active segment and begins a new one at `base_offset`.
    pub(super) fn roll(&self, active: &Segment, producers: &ProducerStates, base_offset: i64) -> io::Result<()> {
        active.seal()?;
        if !active.is_dirty() {
            // The next flush has nothing to do with it, and the recovery point may be at its end already: from now on nobody
            // looks at its batches after a power failure.
            active.sync_indexes()?;
        }
        self.store_snapshot(producers, base_offset, false)?;
        // To the medium: what it replaces may be there, and segments below the recovery point are not asked for their epochs.
        self.store_epochs(true)?;
        let segment = Segment::new(Arc::clone(&self.storage), &self.directory, base_offset);
        segment.create_file()?;
        let mut segments = self.segments.write();
        let mut longer = Vec::clone(&segments);
        longer.push(Arc::new(segment));
        *segments = Arc::new(longer);
        Ok(())
    }

    /// Writes the producers' state as of `offset` to a file.
    pub(super) fn store_snapshot(&self, producers: &ProducerStates, offset: i64, sync: bool) -> io::Result<()> {
        let path = crate::segment::SegmentPaths::new(&self.directory, offset).snapshot();
        crate::checkpoint::replace_file(&*self.storage, &path, &producers.to_snapshot(), sync)?;
        self.snapshot_offset.store(offset, Ordering::Release);
        Ok(())
    }
}

impl Batch {
    fn of(batch: &RecordBatch<'_>) -> Self {
        Self {
            header: *batch.header(),
            marker: EndTransactionMarker::of(batch),
        }
    }

    fn of_prepared(batch: &Prepared<'_>) -> Self {
        Self {
            header: batch.header,
            marker: batch.marker,
        }
    }
}

/// `LogSegment.shouldRoll`.
fn should_roll(active: &Segment, incoming: Incoming, config: &LogConfig) -> io::Result<bool> {
    let size = active.size();
    if size == 0 {
        return Ok(incoming.last_offset - active.base_offset() > i64::from(i32::MAX));
    }
    if size + incoming.bytes > config.segment_bytes
        || active.index_bytes() >= config.segment_index_bytes
        || incoming.last_offset - active.base_offset() > i64::from(i32::MAX)
    {
        return Ok(true);
    }
    let first = active.first_timestamp()?.filter(|timestamp| *timestamp >= 0);
    let age_max = config.segment_ms.saturating_sub(jitter_ms(active, config));
    Ok(first.is_some_and(|first| incoming.max_timestamp.saturating_sub(first) > age_max))
}

/// By how much this segment is closed earlier: spread over `segment.jitter.ms`, and the same after a restart.
fn jitter_ms(active: &Segment, config: &LogConfig) -> i64 {
    let bound = config.segment_jitter_ms.min(config.segment_ms);
    if bound <= 0 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    active.paths().log().hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap_or(0) % bound
}

/// Whole, undamaged batches in order.
fn check_fetched(records: &[u8]) -> Result<Vec<Batch>, LogError> {
    let mut fetched: Vec<Batch> = Vec::new();
    for batch in batches(records) {
        let batch = match batch {
            Err(BatchError::Truncated { .. }) if !fetched.is_empty() => break,
            batch => batch?,
        };
        batch.verify_crc()?;
        let header = *batch.header();
        let end = fetched.last().map(|before| before.header.next_offset());
        if let Some(log_end_offset) = end.filter(|end| *end > header.base_offset) {
            return Err(LogError::UnexpectedOffset {
                found: header.base_offset,
                log_end_offset,
            });
        }
        fetched.push(Batch::of(&batch));
    }
    Ok(fetched)
}
