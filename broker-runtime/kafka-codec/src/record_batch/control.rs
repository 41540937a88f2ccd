//! Control batches (`ControlRecordType`): the markers that end a transaction in a partition (KIP-98; `EndTxnMarker`), and what
//! stands at both ends of a snapshot.

use bytes::{Bytes, BytesMut};

use super::{BuildError, RecordBatch, RecordBatchBuilder};

/// Version of the key and of the value of a marker.
const VERSION: i16 = 0;

/// Type of a marker, in the key.
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// A marker is smaller than this.
const MARKER_BYTES_MAX: usize = 1024;

/// A control batch with these records, each a type and a value, where `builder` says.
pub fn control_batch(
    builder: RecordBatchBuilder,
    records: &[(i16, Bytes)],
    timestamp: i64,
) -> Result<BytesMut, BuildError> {
    let mut batch = builder.control();
    for (kind, value) in records {
        let mut key = VERSION.to_be_bytes().to_vec();
        key.extend_from_slice(&kind.to_be_bytes());
        batch.append(timestamp, Some(&key), Some(value), &[]);
    }
    batch.build()
}

/// Ends a transaction of the producer whose id and epoch the batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransactionMarker {
    /// What the producer wrote counts.
    pub committed: bool,
    /// Epoch of the coordinator that has decided it.
    pub coordinator_epoch: i32,
}

impl EndTransactionMarker {
    /// The control batch of a producer.
    pub fn to_batch(self, producer_id: i64, producer_epoch: i16, timestamp: i64) -> Result<BytesMut, BuildError> {
        let mut key = VERSION.to_be_bytes().to_vec();
        key.extend_from_slice(&if self.committed { COMMIT } else { ABORT }.to_be_bytes());
        let mut value = VERSION.to_be_bytes().to_vec();
        value.extend_from_slice(&self.coordinator_epoch.to_be_bytes());
        let mut batch = RecordBatchBuilder::new()
            .producer(producer_id, producer_epoch, super::NO_SEQUENCE)
            .transactional()
            .control();
        batch.append(timestamp, Some(&key), Some(&value), &[]);
        batch.build()
    }

    /// The marker that `batch` is; `None` for records, other control batches, and markers that cannot be read.
    pub fn of(batch: &RecordBatch<'_>) -> Option<Self> {
        if !batch.header().is_control() {
            return None;
        }
        let records = batch.records(MARKER_BYTES_MAX).ok()?;
        let record = records.iter().next()?.ok()?;
        let (_, kind) = record.key?.split_first_chunk::<2>()?;
        let committed = match i16::from_be_bytes(*kind.first_chunk()?) {
            ABORT => false,
            COMMIT => true,
            _ => return None,
        };
        let (_, epoch) = record.value?.split_first_chunk::<2>()?;
        Some(Self {
            committed,
            coordinator_epoch: i32::from_be_bytes(*epoch.first_chunk()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_make_the_round_trip_in_kafkas_bytes() {
        for committed in [true, false] {
            let marker = EndTransactionMarker {
                committed,
                coordinator_epoch: 258,
            };
            let bytes = marker.to_batch(5, 3, 1_000).unwrap();
            let batch = RecordBatch::parse(&bytes).unwrap();
            batch.verify_crc().unwrap();
            assert_eq!(EndTransactionMarker::of(&batch), Some(marker));
            let header = batch.header();
            assert!(header.is_control() && header.is_transactional());
            assert_eq!(
                (header.producer_id, header.producer_epoch, header.base_sequence),
                (5, 3, -1)
            );
            // What Kafka 4.3 writes: length, attributes, two deltas, key of 4 bytes, value of 6, no headers.
            let kind = u8::from(committed);
            let expected = [32, 0, 0, 0, 8, 0, 0, 0, kind, 12, 0, 0, 0, 0, 1, 2, 0];
            assert_eq!(batch.body(), expected);
        }
    }

    #[test]
    fn other_batches_are_no_markers() {
        let mut records = RecordBatchBuilder::new();
        records.append(0, Some(&[0, 0, 0, 1]), Some(&[0; 6]), &[]);
        let bytes = records.build().unwrap();
        assert_eq!(EndTransactionMarker::of(&RecordBatch::parse(&bytes).unwrap()), None);
        for (key, value) in [
            (&[0, 0, 0, 2][..], &[0; 6][..]),
            (&[0][..], &[0; 6]),
            (&[0, 0, 0, 1], &[0; 5]),
        ] {
            let mut other = RecordBatchBuilder::new().control();
            other.append(0, Some(key), Some(value), &[]);
            let bytes = other.build().unwrap();
            assert_eq!(EndTransactionMarker::of(&RecordBatch::parse(&bytes).unwrap()), None);
        }
    }
}
