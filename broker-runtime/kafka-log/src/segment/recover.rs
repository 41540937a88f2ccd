//! Loading a segment after a restart, and cutting it off.

use std::{io, sync::atomic::Ordering};

use kafka_codec::record_batch::{BatchError, BatchHeader, NO_TIMESTAMP};

use super::segment::{IndexContext, Segment, SegmentState, size_of_batch};
use crate::{
    index::{OffsetEntry, SparseIndex},
    transaction_index::TransactionIndex,
};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Offset after the last good batch; the base offset when there is none.
    pub(crate) end_offset: i64,
    /// Bytes cut off.
    pub(crate) truncated_bytes: u64,
    /// Why.
    pub(crate) error: Option<BatchError>,
}

impl Segment {
    /// Loads a segment that was closed in good order. `is_last` says that the caller needs the end offset, which is
    /// `None` otherwise. An error of kind `InvalidData`, and a missing index, ask for [`Segment::recover`].
    pub(crate) fn load(&self, is_last: bool) -> io::Result<Option<i64>> {
        let size = self.open(false)?.size()?;
        let storage = &*self.storage;
        let missing = || io::Error::from(io::ErrorKind::InvalidData);
        let offsets: SparseIndex<OffsetEntry> =
            SparseIndex::load(storage, self.paths.offset_index())?.ok_or_else(missing)?;
        let times = SparseIndex::load(storage, self.paths.time_index())?.ok_or_else(missing)?;
        let aborted = TransactionIndex::load(storage, self.paths.transaction_index())?.ok_or_else(missing)?;
        let last_position = offsets.last().map_or(0, |entry| u64::from(entry.position));
        if last_position > 0 && last_position >= size {
            return Err(missing());
        }
        let mut state = SegmentState {
            offsets,
            times,
            aborted,
            max_timestamp: NO_TIMESTAMP,
            offset_of_max_timestamp: self.base_offset,
            bytes_since_entry: size - last_position,
            first_timestamp: None,
        };
        if let Some(last) = state.times.last() {
            state.max_timestamp = last.timestamp;
            state.offset_of_max_timestamp = self.base_offset + i64::from(last.relative_offset);
        }
        self.size.store(size, Ordering::Release);
        self.settled.store(true, Ordering::Release);
        if !is_last {
            *self.state.lock() = state;
            return Ok(None);
        }
        let mut end_offset = self.base_offset;
        for item in self.headers(last_position) {
            let (header, _) = item.map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => missing(),
                _ => error,
            })?;
            end_offset = header.next_offset();
            if header.max_timestamp > state.max_timestamp {
                state.max_timestamp = header.max_timestamp;
                state.offset_of_max_timestamp = header.last_offset();
            }
        }
        *self.state.lock() = state;
        Ok(Some(end_offset))
    }

    /// Reads all of a segment, checks every batch, cuts off what is torn or damaged, and makes the indexes anew;
    /// that of aborted transactions is left empty, because the caller knows the producers. `visit` sees the header of every good batch.
    pub(crate) fn recover(
        &self,
        index_interval_bytes: u64,
        mut visit: impl FnMut(&BatchHeader),
    ) -> io::Result<Recovered> {
        let file = self.open(true)?;
        let size = file.size()?;
        let context = IndexContext {
            base_offset: self.base_offset,
            interval_bytes: index_interval_bytes,
        };
        let mut state = SegmentState::new(&self.paths);
        state.offsets.clear(&*self.storage)?;
        state.times.clear(&*self.storage)?;
        state.aborted.clear(&*self.storage)?;
        let mut end_offset = self.base_offset;
        let scanned = self.scan(size, READ_BYTES, |batch, position| {
            let header = batch.header();
            if header.base_offset < end_offset {
                // Whatever this is, it does not belong here.
                let value = header.base_offset;
                return Ok(Err(BatchError::InvalidField {
                    field: "base_offset",
                    value,
                }));
            }
            if let Err(error) = batch.verify_crc() {
                return Ok(Err(error));
            }
            if i32::try_from(header.last_offset() - self.base_offset).is_err() {
                let value = header.base_offset;
                return Ok(Err(BatchError::InvalidField {
                    field: "base_offset",
                    value,
                }));
            }
            state.note_batch(&*self.storage, header, position, context)?;
            end_offset = header.next_offset();
            visit(header);
            Ok(Ok(()))
        })?;
        let truncated_bytes = size - scanned.position;
        if truncated_bytes > 0 {
            file.truncate(scanned.position)?;
        }
        state.note_time(&*self.storage, context)?;
        state.store_indexes(&*self.storage, false)?;
        *self.state.lock() = state;
        self.size.store(scanned.position, Ordering::Release);
        self.mark_dirty();
        Ok(Recovered {
            end_offset,
            truncated_bytes,
            error: scanned.error,
        })
    }

    /// Cuts off the batch that contains `offset` and all after it; gives the offset after the last batch left.
    pub(crate) fn truncate(&self, offset: i64) -> io::Result<i64> {
        self.forget_hints();
        let size = self.size();
        let new_size = self.find(offset)?.map_or(size, |(_, position)| position);
        let mut end_offset = self.base_offset;
        let mut state = self.state.lock();
        let limit = |position: u32| u64::from(position) < new_size;
        state.offsets.truncate(&*self.storage, |entry| limit(entry.position))?;
        let relative = offset - self.base_offset;
        state
            .times
            .truncate(&*self.storage, |entry| i64::from(entry.relative_offset) < relative)?;
        state.aborted.truncate(&*self.storage, offset)?;
        let last_position = state.offsets.last().map_or(0, |entry| u64::from(entry.position));
        state.max_timestamp = state.times.last().map_or(NO_TIMESTAMP, |last| last.timestamp);
        state.offset_of_max_timestamp =
            self.base_offset + state.times.last().map_or(0, |last| i64::from(last.relative_offset));
        state.first_timestamp = state.first_timestamp.filter(|_| new_size > 0);
        state.bytes_since_entry = new_size - last_position;
        // No reader is in here now: the log lets none in while it cuts.
        self.size.store(new_size, Ordering::Release);
        for item in self.headers(last_position) {
            let (header, position) = item?;
            debug_assert!(
                position + size_of_batch(&header) <= new_size,
                "a batch ends where the next one starts"
            );
            end_offset = header.next_offset();
            if header.max_timestamp > state.max_timestamp {
                state.max_timestamp = header.max_timestamp;
                state.offset_of_max_timestamp = header.last_offset();
            }
        }
        drop(state);
        if new_size < size {
            self.open(true)?.truncate(new_size)?;
            self.mark_dirty();
        }
        Ok(end_offset)
    }
}
