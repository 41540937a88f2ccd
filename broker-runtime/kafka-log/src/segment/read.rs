//! Finding and reading batches.

use std::{io, sync::Arc};

use bytes::Bytes;
use kafka_codec::record_batch::{BatchHeader, LENGTH_PREFIX_BYTES, RecordBatch, batches};

use super::{
    segment::{Hint, Segment, size_of_batch},
    walk::invalid_data,
};
use crate::storage::StorageFile;

/// A read buffer that is filled to less than this part of it is copied, not kept.
const WASTE_RATIO: usize = 4;

/// Where whole batches lie in the file of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) position: u64,
    /// In bytes; 0 when there are none.
    pub(crate) length: usize,
    /// No batch has an offset at or above it.
    pub(crate) end_offset: i64,
}

impl Segment {
    /// Where to begin looking for `offset`: the start of some batch before or at it.
    fn search_start(&self, offset: i64) -> io::Result<u64> {
        let relative = offset - self.base_offset;
        let state = self.state.lock();
        let entry = state
            .offsets
            .last_where(&*self.storage, |entry| i64::from(entry.relative_offset) <= relative)?;
        Ok(entry.map_or(0, |entry| u64::from(entry.position)))
    }

    /// The first batch whose last offset is at least `offset`, and its position; `None` when there is none.
    pub(crate) fn find(&self, offset: i64) -> io::Result<Option<(BatchHeader, u64)>> {
        for item in self.headers(self.search_start(offset)?) {
            let (header, position) = item?;
            if header.last_offset() >= offset {
                return Ok(Some((header, position)));
            }
        }
        Ok(None)
    }

    fn hint(&self, offset: i64) -> Option<u64> {
        let hints = self.hints.lock();
        hints
            .0
            .iter()
            .find(|hint| hint.offset == offset && hint.position > 0)
            .map(|hint| hint.position)
    }

    fn remember(&self, offset: i64, position: u64) {
        let mut hints = self.hints.lock();
        let (slots, next) = &mut *hints;
        slots[*next] = Hint { offset, position };
        *next = (*next + 1) % slots.len();
    }

    pub(super) fn forget_hints(&self) {
        self.hints.lock().0 = Default::default();
    }

    /// Reads whole batches below `end_offset` from the one on that contains `offset` or comes next after it; at most
    /// `max_bytes`, except for the first one when `at_least_one`. `None` when no batch of this segment is at or after
    /// `offset`.
    pub(crate) fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        end_offset: i64,
        at_least_one: bool,
    ) -> io::Result<Option<Bytes>> {
        let size = self.size();
        let Some((position, first)) = self.start(offset, size)? else {
            return Ok(None);
        };
        let mut wanted = match first {
            Some(header) if at_least_one => max_bytes.max(header.size_in_bytes()),
            _ => max_bytes,
        };
        let available = usize::try_from(size - position).unwrap_or(usize::MAX);
        if at_least_one {
            // Enough to see how large the first batch is.
            wanted = wanted.max(LENGTH_PREFIX_BYTES);
        }
        let mut buffer = self.open(false)?.read_at(wanted.min(available), position)?;
        if let Some(needed) = first_batch_bytes(&buffer).filter(|needed| at_least_one && *needed > buffer.len()) {
            // A remembered position says nothing about the size of the batch there.
            buffer = self.open(false)?.read_at(needed.min(available), position)?;
        }
        let (used, next_offset) = whole_batches(&buffer, max_bytes, end_offset, at_least_one)?;
        let Some(next_offset) = next_offset else {
            return Ok(Some(Bytes::new()));
        };
        self.remember(next_offset, position + u64::try_from(used).map_err(io::Error::other)?);
        if used < buffer.len() / WASTE_RATIO {
            return Ok(Some(Bytes::copy_from_slice(&buffer[..used])));
        }
        buffer.truncate(used);
        Ok(Some(Bytes::from(buffer)))
    }

    /// Where a read of `offset` begins, and the header of the batch there unless the position was remembered. `None` when no batch of
    /// this segment, which has `size` bytes, is at or after `offset`.
    fn start(&self, offset: i64, size: u64) -> io::Result<Option<(u64, Option<BatchHeader>)>> {
        match self.hint(offset) {
            Some(position) => Ok((position < size).then_some((position, None))),
            None => Ok(self.find(offset)?.map(|(header, position)| (position, Some(header)))),
        }
    }

    /// Bytes from the batch on that contains `offset`, at most `max_bytes`: how much there is for a read, before anything is looked at.
    pub(crate) fn readable(&self, offset: i64, max_bytes: usize) -> io::Result<usize> {
        let size = self.size();
        let start = self.start(offset, size)?;
        let left = start.map_or(0, |(position, _)| size - position);
        Ok(usize::try_from(left).unwrap_or(usize::MAX).min(max_bytes))
    }

    /// The bytes of its file are those of its batches.
    pub(crate) fn is_plain(&self) -> io::Result<bool> {
        Ok(self.open(false)?.as_file().is_some())
    }

    /// Where the batches lie that [`Segment::read`] reads. The index says where most of them end; the last few are looked at one by
    /// one.
    pub(crate) fn locate(
        &self,
        offset: i64,
        max_bytes: usize,
        end_offset: i64,
        at_least_one: bool,
    ) -> io::Result<Option<Location>> {
        let size = self.size();
        let Some((position, _)) = self.start(offset, size)? else {
            return Ok(None);
        };
        let limit = position.saturating_add(u64::try_from(max_bytes).unwrap_or(u64::MAX));
        let entry = self.state.lock().offsets.last_where(&*self.storage, |entry| {
            let batch = u64::from(entry.position);
            batch < size && batch <= limit && i64::from(entry.relative_offset) < end_offset - self.base_offset
        })?;
        let mut end = entry.map_or(position, |entry| u64::from(entry.position).max(position));
        let mut next_offset = None;
        for item in self.headers(end) {
            let (header, start) = item?;
            let exempt = at_least_one && start == position;
            let batch_end = start + size_of_batch(&header);
            if header.last_offset() >= end_offset || (batch_end > limit && !exempt) {
                if end > position {
                    next_offset = next_offset.or(Some(header.base_offset));
                }
                break;
            }
            end = batch_end;
            next_offset = Some(header.next_offset());
        }
        if let Some(next_offset) = next_offset {
            self.remember(next_offset, end);
        }
        Ok(Some(Location {
            file: self.open(false)?,
            position,
            length: usize::try_from(end - position).map_err(io::Error::other)?,
            end_offset: next_offset.unwrap_or(offset),
        }))
    }

    /// The first record at or after `from_offset` whose timestamp is at least `timestamp`: offset, timestamp, epoch.
    pub(crate) fn find_timestamp(&self, timestamp: i64, from_offset: i64) -> io::Result<Option<(i64, i64, i32)>> {
        let before = {
            let state = self.state.lock();
            state
                .times
                .last_where(&*self.storage, |entry| entry.timestamp < timestamp)?
        };
        let start = before.map_or(self.base_offset, |entry| {
            self.base_offset + i64::from(entry.relative_offset)
        });
        for item in self.headers(self.search_start(start.max(from_offset))?) {
            let (header, position) = item?;
            if header.max_timestamp < timestamp || header.last_offset() < from_offset {
                continue;
            }
            let length = usize::try_from(size_of_batch(&header)).map_err(io::Error::other)?;
            let bytes = self.open(false)?.read_at(length, position)?;
            let batch = RecordBatch::parse(&bytes).map_err(invalid_data)?;
            if let Some((offset, found)) = first_record(&batch, timestamp, from_offset)? {
                return Ok(Some((offset, found, header.partition_leader_epoch)));
            }
        }
        Ok(None)
    }
}

fn first_record(batch: &RecordBatch<'_>, timestamp: i64, from_offset: i64) -> io::Result<Option<(i64, i64)>> {
    let records = batch
        .records(crate::log::DECOMPRESSED_BYTES_MAX)
        .map_err(io::Error::other)?;
    for record in &records {
        let record = record.map_err(io::Error::other)?;
        if record.timestamp >= timestamp && record.offset >= from_offset {
            return Ok(Some((record.offset, record.timestamp)));
        }
    }
    Ok(None)
}

fn first_batch_bytes(buffer: &[u8]) -> Option<usize> {
    let length: [u8; 4] = buffer.get(8..12)?.try_into().ok()?;
    usize::try_from(i32::from_be_bytes(length))
        .ok()?
        .checked_add(kafka_codec::record_batch::LENGTH_PREFIX_BYTES)
}

/// How many bytes at the front of `buffer` may be returned, and the offset after them, if there are any.
fn whole_batches(
    buffer: &[u8],
    max_bytes: usize,
    end_offset: i64,
    at_least_one: bool,
) -> io::Result<(usize, Option<i64>)> {
    let mut used = 0;
    let mut next_offset = None;
    let mut walk = batches(buffer);
    while let Some(batch) = walk.next() {
        let batch = match batch {
            Ok(batch) => batch,
            Err(kafka_codec::record_batch::BatchError::Truncated { .. }) => break,
            Err(error) => return Err(invalid_data(error)),
        };
        let exempt = at_least_one && used == 0;
        if batch.header().last_offset() >= end_offset || (walk.position() > max_bytes && !exempt) {
            break;
        }
        used = walk.position();
        next_offset = Some(batch.header().next_offset());
    }
    Ok((used, next_offset))
}
