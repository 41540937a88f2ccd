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

/// Where a read begins.
#[derive(Debug)]
pub(crate) struct Start {
    position: u64,
    /// Of the batch there, unless the position was remembered.
    header: Option<BatchHeader>,
    /// Bytes of batches from there on.
    pub(crate) available: usize,
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

    /// Where a read of `offset` begins: at the batch that contains it or comes next after it. `None` when no batch of this segment is at
    /// or after `offset`.
    pub(crate) fn start(&self, offset: i64) -> io::Result<Option<Start>> {
        let size = self.size();
        let (position, header) = match self.hint(offset) {
            Some(position) if position < size => (position, None),
            Some(_) => return Ok(None),
            None => match self.find(offset)? {
                Some((header, position)) => (position, Some(header)),
                None => return Ok(None),
            },
        };
        Ok(Some(Start {
            position,
            header,
            available: usize::try_from(size - position).unwrap_or(usize::MAX),
        }))
    }

    /// Reads whole batches below `end_offset` from `start` on; at most `max_bytes`, except for the first one when `at_least_one`.
    pub(crate) fn read(
        &self,
        start: &Start,
        max_bytes: usize,
        end_offset: i64,
        at_least_one: bool,
    ) -> io::Result<Bytes> {
        let (position, available) = (start.position, start.available);
        let mut wanted = match &start.header {
            Some(header) if at_least_one => max_bytes.max(header.size_in_bytes()),
            _ => max_bytes,
        };
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
            return Ok(Bytes::new());
        };
        self.remember(next_offset, position + u64::try_from(used).map_err(io::Error::other)?);
        if used < buffer.len() / WASTE_RATIO {
            return Ok(Bytes::copy_from_slice(&buffer[..used]));
        }
        buffer.truncate(used);
        Ok(Bytes::from(buffer))
    }

    /// The bytes of its file are those of its batches.
    pub(crate) fn is_plain(&self) -> io::Result<bool> {
        Ok(self.open(false)?.as_file().is_some())
    }

    /// Where the batches lie that [`Segment::read`] reads. The index says where most of them end; the last few are looked at one by
    /// one.
    pub(crate) fn locate(
        &self,
        start: &Start,
        max_bytes: usize,
        end_offset: i64,
        at_least_one: bool,
    ) -> io::Result<Location> {
        let (position, size) = (start.position, self.size());
        let limit = position.saturating_add(u64::try_from(max_bytes).unwrap_or(u64::MAX));
        let entry = self.state.lock().offsets.last_where(&*self.storage, |entry| {
            let batch = u64::from(entry.position);
            batch < size && batch <= limit && i64::from(entry.relative_offset) < end_offset - self.base_offset
        })?;
        let mut end = entry.map_or(position, |entry| u64::from(entry.position).max(position));
        let mut next_offset = None;
        for item in self.headers(end) {
            let (header, batch) = item?;
            let exempt = at_least_one && batch == position;
            let batch_end = batch + size_of_batch(&header);
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
        Ok(Location {
            file: self.open(false)?,
            position,
            length: usize::try_from(end - position).map_err(io::Error::other)?,
            end_offset: next_offset.unwrap_or(self.base_offset),
        })
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
