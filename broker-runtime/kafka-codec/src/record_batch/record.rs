//! The records of a batch. Keys, values and headers are slices; headers keep their order and their duplicates.

use std::borrow::Cow;

use thiserror::Error;

use super::{
    BatchHeader, CompressionError, TimestampType,
    varint::{read_varint, read_varlong},
};

/// What is wrong with the records of a batch.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The body cannot be decompressed.
    #[error("records cannot be decompressed")]
    Compression(#[from] CompressionError),
    /// A length or number in a record cannot be true.
    #[error("record {index} of the batch is malformed")]
    Malformed {
        /// Which record, from 0.
        index: i32,
    },
    /// The header promises another number of records.
    #[error("batch header counts {expected} records, {found} were found")]
    Count {
        /// By the header.
        expected: i32,
        /// By walking.
        found: i32,
    },
    /// The offsets of a new batch must be 0, 1, 2, …
    #[error("record {index} of the batch has offset delta {delta}")]
    OffsetDelta {
        /// Which record, from 0.
        index: i32,
        /// Its delta.
        delta: i32,
    },
    /// The last record is not where the header says.
    #[error("batch header ends at offset delta {expected}, the last record is at {found}")]
    LastOffsetDelta {
        /// By the header.
        expected: i32,
        /// By walking.
        found: i32,
    },
}

/// The decompressed records of a batch.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    header: BatchHeader,
    body: Cow<'a, [u8]>,
}

impl<'a> Records<'a> {
    pub(super) fn new(header: BatchHeader, body: Cow<'a, [u8]>) -> Self {
        Self { header, body }
    }

    /// The records in order. The walk ends after an error, and after as many records as the header counts.
    pub fn iter(&self) -> RecordIter<'_> {
        RecordIter {
            header: self.header,
            rest: &self.body,
            index: 0,
            failed: false,
        }
    }

    /// The bytes of the records.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// See [`RecordBatch::verify_records`](super::RecordBatch::verify_records).
    pub fn verify(&self) -> Result<(), RecordError> {
        let mut rest: &[u8] = &self.body;
        let mut index = 0;
        while !rest.is_empty() {
            let malformed = RecordError::Malformed { index };
            let Some((record, after)) = split_record(rest) else {
                return Err(malformed);
            };
            let Some(delta) = offset_delta(record) else {
                return Err(malformed);
            };
            if delta != index {
                return Err(RecordError::OffsetDelta { index, delta });
            }
            index = index.checked_add(1).ok_or(malformed)?;
            rest = after;
        }
        if index != self.header.records_count {
            return Err(RecordError::Count {
                expected: self.header.records_count,
                found: index,
            });
        }
        if index - 1 != self.header.last_offset_delta {
            let (expected, found) = (self.header.last_offset_delta, index - 1);
            return Err(RecordError::LastOffsetDelta { expected, found });
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Records<'_> {
    type Item = Result<Record<'a>, RecordError>;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The record at the front, without its length, and what follows it.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = read_varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// Attributes, timestamp delta, offset delta: only the last is looked at.
fn offset_delta(record: &[u8]) -> Option<i32> {
    let (_, rest) = record.split_first()?;
    let (_, rest) = read_varlong(rest)?;
    read_varint(rest).map(|(delta, _)| delta)
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970; the batch's append time for `LogAppendTime`.
    pub timestamp: i64,
    /// The key; `None` is not the same as empty.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: RecordHeaders<'a>,
}

/// The headers of a record, byte for byte as the producer wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeaders<'a> {
    count: i32,
    bytes: &'a [u8],
}

impl<'a> RecordHeaders<'a> {
    /// Key and value of every header, in order, duplicates included.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.bytes;
        (0..self.count).map_while(move |_| {
            let (header, after) = split_header(rest)?;
            rest = after;
            Some(header)
        })
    }

    /// Number of headers.
    pub fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(0)
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

type HeaderSlices<'a> = (&'a [u8], Option<&'a [u8]>);

fn split_header(bytes: &[u8]) -> Option<(HeaderSlices<'_>, &[u8])> {
    let (key, rest) = nullable_slice(bytes)?;
    let (value, rest) = nullable_slice(rest)?;
    Some(((key?, value), rest))
}

/// A slice with its length in front; -1 is null.
fn nullable_slice(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = read_varint(bytes)?;
    if length == -1 {
        return Some((None, rest));
    }
    let (slice, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((Some(slice), rest))
}

/// Walks through the records of a batch.
#[derive(Clone, Debug)]
pub struct RecordIter<'a> {
    header: BatchHeader,
    rest: &'a [u8],
    index: i32,
    failed: bool,
}

impl<'a> RecordIter<'a> {
    /// The same walk with the bytes of each record, without its length.
    pub(super) fn raw(mut self) -> impl Iterator<Item = Result<(&'a [u8], Record<'a>), RecordError>> {
        std::iter::from_fn(move || {
            let raw = split_record(self.rest).map(|(record, _)| record).unwrap_or_default();
            let record = self.next()?;
            Some(record.map(|record| (raw, record)))
        })
    }

    fn parse(&self, record: &'a [u8]) -> Option<Record<'a>> {
        let (_attributes, rest) = record.split_first()?;
        let (timestamp_delta, rest) = read_varlong(rest)?;
        let (offset_delta, rest) = read_varint(rest)?;
        let (key, rest) = nullable_slice(rest)?;
        let (value, rest) = nullable_slice(rest)?;
        let (count, bytes) = read_varint(rest)?;
        // A header takes two bytes at least.
        if usize::try_from(count).ok()? > bytes.len() / 2 {
            return None;
        }
        let headers = RecordHeaders { count, bytes };
        let mut after = bytes;
        for _ in 0..count {
            (_, after) = split_header(after)?;
        }
        if !after.is_empty() {
            return None;
        }
        let timestamp = match self.header.timestamp_type() {
            TimestampType::LogAppendTime => self.header.max_timestamp,
            TimestampType::CreateTime => self.header.base_timestamp.checked_add(timestamp_delta)?,
        };
        let offset = self.header.base_offset.checked_add(i64::from(offset_delta))?;
        Some(Record {
            offset,
            timestamp,
            key,
            value,
            headers,
        })
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.index >= self.header.records_count {
            return None;
        }
        let record = split_record(self.rest).and_then(|(record, after)| Some((self.parse(record)?, after)));
        match record {
            Some((record, after)) => {
                self.rest = after;
                self.index += 1;
                Some(Ok(record))
            }
            None => {
                self.failed = true;
                Some(Err(RecordError::Malformed { index: self.index }))
            }
        }
    }
}
