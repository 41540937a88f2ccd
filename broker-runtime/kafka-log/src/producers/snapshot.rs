//! The content of a `.snapshot` file (Kafka's `ProducerSnapshot.json`): the last batch and the open transaction of each
//! producer.

use std::collections::{HashMap, VecDeque};

use kafka_codec::record_batch::{NO_SEQUENCE, crc32c};

use super::states::{Producer, ProducerBatch, ProducerStates};

/// Version of the snapshot file.
const SNAPSHOT_VERSION: i16 = 1;

/// Version and CRC.
const SNAPSHOT_PREFIX_BYTES: usize = 6;

/// One producer in a snapshot.
const SNAPSHOT_ENTRY_BYTES: usize = 46;

impl ProducerStates {
    /// The state as a file.
    pub(crate) fn to_snapshot(&self) -> Vec<u8> {
        let mut producers: Vec<_> = self.producers().collect();
        producers.sort_by_key(|(producer_id, _)| **producer_id);
        let mut body = Vec::with_capacity(4 + producers.len() * SNAPSHOT_ENTRY_BYTES);
        let count = i32::try_from(producers.len()).expect("memory holds fewer than 2^31 producers");
        body.extend_from_slice(&count.to_be_bytes());
        for (producer_id, producer) in producers {
            let none = ProducerBatch {
                last_sequence: NO_SEQUENCE,
                last_offset: -1,
                offset_delta: 0,
                timestamp: producer.last_timestamp,
            };
            let last = producer.batches.back().unwrap_or(&none);
            body.extend_from_slice(&producer_id.to_be_bytes());
            body.extend_from_slice(&producer.epoch.to_be_bytes());
            body.extend_from_slice(&last.last_sequence.to_be_bytes());
            body.extend_from_slice(&last.last_offset.to_be_bytes());
            body.extend_from_slice(&last.offset_delta.to_be_bytes());
            body.extend_from_slice(&producer.last_timestamp.to_be_bytes());
            body.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
            body.extend_from_slice(&producer.transaction_first_offset.to_be_bytes());
        }
        let mut file = SNAPSHOT_VERSION.to_be_bytes().to_vec();
        file.extend_from_slice(&crc32c(&body).to_be_bytes());
        file.append(&mut body);
        file
    }

    /// Reads a `.snapshot` file; `None` when it is torn, corrupt or of another version.
    pub(crate) fn from_snapshot(file: &[u8]) -> Option<Self> {
        let (prefix, body) = file.split_at_checked(SNAPSHOT_PREFIX_BYTES)?;
        let (version, crc) = prefix.split_first_chunk()?;
        if i16::from_be_bytes(*version) != SNAPSHOT_VERSION || crc.try_into().ok() != Some(crc32c(body).to_be_bytes()) {
            return None;
        }
        let (count, entries) = body.split_first_chunk()?;
        let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
        if entries.len() != count.checked_mul(SNAPSHOT_ENTRY_BYTES)? {
            return None;
        }
        let producers: HashMap<_, _> = entries.chunks_exact(SNAPSHOT_ENTRY_BYTES).map(parse_entry).collect();
        Some(Self::of(producers))
    }
}

fn parse_entry(entry: &[u8]) -> (i64, Producer) {
    fn field<const N: usize>(entry: &[u8], at: usize) -> [u8; N] {
        entry[at..at + N].try_into().expect("an entry has all of its fields")
    }
    let timestamp = i64::from_be_bytes(field(entry, 26));
    let batch = ProducerBatch {
        last_sequence: i32::from_be_bytes(field(entry, 10)),
        last_offset: i64::from_be_bytes(field(entry, 14)),
        offset_delta: i32::from_be_bytes(field(entry, 22)),
        timestamp,
    };
    let producer = Producer {
        epoch: i16::from_be_bytes(field(entry, 8)),
        batches: if batch.last_offset >= 0 {
            VecDeque::from([batch])
        } else {
            VecDeque::new()
        },
        last_timestamp: timestamp,
        coordinator_epoch: i32::from_be_bytes(field(entry, 34)),
        transaction_first_offset: i64::from_be_bytes(field(entry, 38)),
    };
    (i64::from_be_bytes(field(entry, 0)), producer)
}
