//! What compaction leaves of a batch: the records that are kept, at their offsets (`MemoryRecords.filterTo`). Base offset, last
//! offset and the producer's sequence stay, so that nobody can tell from the header that records are gone.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use super::{
    BatchHeader, CompressionError, HEADER_BYTES, LENGTH_PREFIX_BYTES, NO_TIMESTAMP, Record, RecordBatch, RecordError,
    TimestampType,
    header::{CODEC_MASK, DELETE_HORIZON},
    varint::{put_varlong, read_varlong},
};

/// `batch_length` of a batch without records.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "some fifty bytes"
)]
const EMPTY_BATCH_LENGTH: i32 = (HEADER_BYTES - LENGTH_PREFIX_BYTES) as i32;

/// What is left of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retained {
    /// Everything: the batch stays as it is.
    All,
    /// This.
    Some(BytesMut),
    /// Nothing.
    None,
}

/// Why a batch cannot be looked into or made anew.
#[derive(Debug, Error)]
pub enum RetainError {
    /// Its records cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The compressor failed.
    #[error("records cannot be compressed")]
    Compression(#[from] CompressionError),
    /// A batch has at most 2 GiB.
    #[error("batch of {0} bytes is too large")]
    TooLarge(usize),
}

impl RecordBatch<'_> {
    /// Keeps the records that `keep` says. When a tombstone is kept and the batch has no delete horizon yet, it gets this one
    /// (KIP-534): the time from which on its tombstones may go, since whoever read what they delete has read them by then.
    pub fn retain(
        &self,
        decompressed_bytes_max: usize,
        delete_horizon_ms: Option<i64>,
        mut keep: impl FnMut(&Record<'_>) -> bool,
    ) -> Result<Retained, RetainError> {
        let header = *self.header();
        let records = self.records(decompressed_bytes_max).map_err(RecordError::from)?;
        let mut kept = Vec::new();
        let (mut count, mut has_tombstone, mut max_timestamp) = (0, false, NO_TIMESTAMP);
        for item in records.iter().raw() {
            let (raw, record) = item?;
            count += 1;
            if keep(&record) {
                has_tombstone |= record.value.is_none();
                max_timestamp = max_timestamp.max(record.timestamp);
                kept.push(raw);
            }
        }
        let horizon = delete_horizon_ms.filter(|_| has_tombstone && !header.has_delete_horizon());
        if kept.is_empty() {
            return Ok(Retained::None);
        }
        if kept.len() == count && horizon.is_none() {
            return Ok(Retained::All);
        }
        let mut left = header;
        if header.timestamp_type() == TimestampType::CreateTime {
            left.max_timestamp = max_timestamp;
        }
        made_anew(&header, left, horizon, &kept).map(Retained::Some)
    }

    /// The batch without its records: it says how far its producer has come (`DefaultRecordBatch.writeEmptyHeader`).
    pub fn without_records(&self) -> BytesMut {
        let mut left = *self.header();
        left.attributes &= !(CODEC_MASK | DELETE_HORIZON);
        left.base_timestamp = left.max_timestamp;
        left.records_count = 0;
        left.batch_length = EMPTY_BATCH_LENGTH;
        BytesMut::from(&left.with_computed_crc(&[]).to_bytes()[..])
    }

    /// The batch with a delete horizon: of a marker, the time from which on it may go (KIP-534).
    pub fn with_delete_horizon(&self, decompressed_bytes_max: usize, horizon_ms: i64) -> Result<BytesMut, RetainError> {
        let records = self.records(decompressed_bytes_max).map_err(RecordError::from)?;
        let raw: Result<Vec<&[u8]>, RecordError> = records.iter().raw().map(|item| item.map(|(raw, _)| raw)).collect();
        made_anew(self.header(), *self.header(), Some(horizon_ms), &raw?)
    }
}

/// A batch of these records, which were in one with the header `before`.
fn made_anew(
    before: &BatchHeader,
    mut left: BatchHeader,
    horizon_ms: Option<i64>,
    kept: &[&[u8]],
) -> Result<BytesMut, RetainError> {
    if let Some(horizon_ms) = horizon_ms {
        left.attributes |= DELETE_HORIZON;
        left.base_timestamp = horizon_ms;
    }
    left.records_count = i32::try_from(kept.len()).map_err(|_| RetainError::TooLarge(kept.len()))?;
    let mut body = Vec::new();
    for (index, raw) in (0..).zip(kept) {
        let shift = before.base_timestamp.wrapping_sub(left.base_timestamp);
        let record = shifted(raw, shift).ok_or(RecordError::Malformed { index })?;
        put_varlong(&mut body, i64::try_from(record.len()).unwrap_or(i64::MAX));
        body.extend_from_slice(&record);
    }
    let body = before.compression().compress(&body)?;
    let size = HEADER_BYTES + body.len();
    left.batch_length = i32::try_from(size - LENGTH_PREFIX_BYTES).map_err(|_| RetainError::TooLarge(size))?;
    let mut batch = BytesMut::with_capacity(size);
    batch.put_slice(&left.with_computed_crc(&body).to_bytes());
    batch.put_slice(&body);
    Ok(batch)
}

/// A record, without its length, whose timestamp refers to a base that is `shift` earlier.
fn shifted(raw: &[u8], shift: i64) -> Option<Vec<u8>> {
    if shift == 0 {
        return Some(raw.to_vec());
    }
    let (attributes, rest) = raw.split_first()?;
    let (delta, rest) = read_varlong(rest)?;
    let mut record = vec![*attributes];
    put_varlong(&mut record, delta.wrapping_add(shift));
    record.extend_from_slice(rest);
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_batch::{Compression, RecordBatchBuilder};

    const LIMIT: usize = 1 << 20;

    fn batch(compression: Compression) -> BytesMut {
        let mut builder = RecordBatchBuilder::new()
            .base_offset(100)
            .leader_epoch(7)
            .producer(5, 1, 40)
            .compression(compression);
        let header: [(&[u8], Option<&[u8]>); 1] = [(b"h", Some(b"v"))];
        builder.append(1_000, Some(b"a"), Some(b"1"), &header);
        builder.append(3_000, Some(b"b"), None, &[]);
        builder.append(2_000, Some(b"c"), Some(b"3"), &[]);
        builder.build().unwrap()
    }

    type Seen = Vec<(i64, i64, Option<Vec<u8>>, usize)>;

    fn seen(bytes: &[u8]) -> Seen {
        let batch = RecordBatch::parse(bytes).unwrap();
        batch.verify_crc().unwrap();
        let records = batch.records(LIMIT).unwrap();
        let all = records.iter().map(|record| {
            let record = record.unwrap();
            let value = record.value.map(<[u8]>::to_vec);
            (record.offset, record.timestamp, value, record.headers.len())
        });
        all.collect()
    }

    #[test]
    fn a_batch_without_records_says_the_same_of_its_producer() {
        for compression in [Compression::None, Compression::Zstd] {
            let bytes = batch(compression);
            let whole = RecordBatch::parse(&bytes).unwrap();
            let left = whole.without_records();
            assert_eq!((left.len(), seen(&left)), (HEADER_BYTES, Vec::new()));
            let left = RecordBatch::parse(&left).unwrap();
            let (before, after) = (whole.header(), left.header());
            assert_eq!((after.base_offset, after.last_offset()), (100, 102));
            assert_eq!((after.producer_id, after.producer_epoch), (5, 1));
            assert_eq!(
                (after.base_sequence, after.last_sequence()),
                (40, before.last_sequence())
            );
            assert_eq!((after.compression(), after.max_timestamp), (Compression::None, 3_000));
            assert_eq!(left.retain(LIMIT, None, |_| true).unwrap(), Retained::None);
        }
    }

    #[test]
    fn what_is_kept_stays_where_and_what_it_was() {
        let all = [
            Compression::None,
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ];
        for compression in all {
            let bytes = batch(compression);
            let whole = RecordBatch::parse(&bytes).unwrap();
            let Retained::Some(left) = whole.retain(LIMIT, None, |record| record.offset != 101).unwrap() else {
                panic!("something is left, and something is not");
            };
            let before = seen(&bytes);
            assert_eq!(seen(&left), [before[0].clone(), before[2].clone()]);
            let (before, after) = (whole.header(), *RecordBatch::parse(&left).unwrap().header());
            assert_eq!((after.base_offset, after.last_offset()), (100, 102));
            assert_eq!(after.last_sequence(), before.last_sequence());
            assert_eq!(after.partition_leader_epoch, 7);
            assert_eq!(after.compression(), compression);
            assert_eq!((after.max_timestamp, after.records_count), (2_000, 2));
        }
    }

    #[test]
    fn nothing_to_do_and_nothing_left_are_told_apart() {
        let bytes = batch(Compression::None);
        let whole = RecordBatch::parse(&bytes).unwrap();
        assert_eq!(whole.retain(LIMIT, None, |_| true).unwrap(), Retained::All);
        assert_eq!(whole.retain(LIMIT, Some(9), |_| false).unwrap(), Retained::None);
        let without = whole.retain(LIMIT, Some(9), |record| record.value.is_some()).unwrap();
        let Retained::Some(left) = without else {
            panic!("two are left")
        };
        assert!(!RecordBatch::parse(&left).unwrap().header().has_delete_horizon());
    }

    #[test]
    fn a_tombstone_gets_a_horizon_once_and_timestamps_stay() {
        let bytes = batch(Compression::Lz4);
        let whole = RecordBatch::parse(&bytes).unwrap();
        let Retained::Some(left) = whole.retain(LIMIT, Some(777_000), |_| true).unwrap() else {
            panic!("the horizon is new");
        };
        assert_eq!(seen(&left), seen(&bytes));
        let again = RecordBatch::parse(&left).unwrap();
        assert!(again.header().has_delete_horizon());
        assert_eq!(again.header().base_timestamp, 777_000);
        assert_eq!(again.retain(LIMIT, Some(888_000), |_| true).unwrap(), Retained::All);
        let Retained::Some(less) = again
            .retain(LIMIT, Some(888_000), |record| record.value.is_none())
            .unwrap()
        else {
            panic!("the tombstone is left");
        };
        assert_eq!(seen(&less), seen(&bytes)[1..2]);
        assert_eq!(RecordBatch::parse(&less).unwrap().header().base_timestamp, 777_000);
    }
}
