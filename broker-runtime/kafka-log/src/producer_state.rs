//! What the log knows of idempotent producers: the last five batches of each, by which a batch that is sent again is
//! recognised (KIP-98; `ProducerStateManager`). The state is a function of the log: followers build it from what they
//! append, a restart builds it from a snapshot and the batches after it.

use std::collections::{HashMap, VecDeque};

use kafka_codec::record_batch::{BatchHeader, NO_PRODUCER_EPOCH, NO_SEQUENCE, crc32c};

use crate::{LogError, ProducerInfo};

/// Batches that are remembered of a producer: as many as a client may have in flight.
const BATCHES_MAX: usize = 5;

/// Version of the snapshot file.
const SNAPSHOT_VERSION: i16 = 1;

/// Version and CRC.
const SNAPSHOT_PREFIX_BYTES: usize = 6;

/// One producer in a snapshot.
const SNAPSHOT_ENTRY_BYTES: usize = 46;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ProducerBatch {
    last_sequence: i32,
    last_offset: i64,
    offset_delta: i32,
    timestamp: i64,
}

impl ProducerBatch {
    fn of(header: &BatchHeader) -> Self {
        Self {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    /// `ProducerStateEntry`'s `decrementSequence`.
    fn first_sequence(&self) -> i32 {
        let first = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        let wrapped = if first < 0 {
            first + i64::from(i32::MAX) + 1
        } else {
            first
        };
        i32::try_from(wrapped).unwrap_or(0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    batches: VecDeque<ProducerBatch>,
    last_timestamp: i64,
    coordinator_epoch: i32,
    transaction_first_offset: i64,
}

/// A batch the log already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) timestamp: i64,
}

/// All producers of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProducerStates {
    producers: HashMap<i64, Producer>,
}

impl ProducerStates {
    /// Checks the sequence numbers of a client's batch (`ProducerAppendInfo.maybeValidateDataBatch`). A batch that is
    /// there already is no error.
    pub(crate) fn check(&self, header: &BatchHeader) -> Result<Option<Duplicate>, LogError> {
        if !header.has_producer_id() {
            return Ok(None);
        }
        let (producer_id, epoch, sequence) = (header.producer_id, header.producer_epoch, header.base_sequence);
        let Some(producer) = self.producers.get(&producer_id) else {
            // State can be gone with the records it came from: any beginning is accepted, as in Kafka.
            return Ok(None);
        };
        if epoch < producer.epoch {
            return Err(LogError::InvalidProducerEpoch {
                producer_id,
                epoch,
                current: producer.epoch,
            });
        }
        if epoch > producer.epoch {
            if sequence == 0 || producer.epoch == NO_PRODUCER_EPOCH {
                return Ok(None);
            }
            return Err(LogError::OutOfOrderSequence {
                producer_id,
                sequence,
                last: NO_SEQUENCE,
            });
        }
        let last_sequence = header.last_sequence();
        let same = |batch: &&ProducerBatch| batch.first_sequence() == sequence && batch.last_sequence == last_sequence;
        if let Some(batch) = producer.batches.iter().find(same) {
            let base_offset = batch.last_offset - i64::from(batch.offset_delta);
            return Ok(Some(Duplicate {
                base_offset,
                last_offset: batch.last_offset,
                timestamp: batch.timestamp,
            }));
        }
        let last = producer.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence);
        let in_sequence = sequence == last.wrapping_add(1) || (sequence == 0 && last == i32::MAX);
        if in_sequence {
            Ok(None)
        } else {
            Err(LogError::OutOfOrderSequence {
                producer_id,
                sequence,
                last,
            })
        }
    }

    /// Takes a batch of the log into account; offsets are final. What is in the log is right, so nothing is checked.
    pub(crate) fn apply(&mut self, header: &BatchHeader) {
        if !header.has_producer_id() || header.is_control() {
            return;
        }
        let producer = self.producers.entry(header.producer_id).or_insert_with(|| Producer {
            epoch: header.producer_epoch,
            batches: VecDeque::with_capacity(1),
            last_timestamp: header.max_timestamp,
            coordinator_epoch: -1,
            transaction_first_offset: -1,
        });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == BATCHES_MAX {
            producer.batches.pop_front();
        }
        producer.batches.push_back(ProducerBatch::of(header));
        producer.last_timestamp = header.max_timestamp;
    }

    /// Forgets producers that were quiet for `expiration_ms`.
    pub(crate) fn remove_expired(&mut self, now_ms: i64, expiration_ms: i64) {
        let alive = |producer: &Producer| now_ms.saturating_sub(producer.last_timestamp) < expiration_ms;
        self.producers
            .retain(|_, producer| producer.transaction_first_offset >= 0 || alive(producer));
    }

    pub(crate) fn infos(&self) -> Vec<ProducerInfo> {
        let info = |(producer_id, producer): (&i64, &Producer)| ProducerInfo {
            producer_id: *producer_id,
            producer_epoch: producer.epoch,
            last_sequence: producer.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence),
            last_timestamp: producer.last_timestamp,
        };
        let mut infos: Vec<ProducerInfo> = self.producers.iter().map(info).collect();
        infos.sort_by_key(|info| info.producer_id);
        infos
    }

    /// The content of a `.snapshot` file (Kafka's `ProducerSnapshot.json`): the last batch of each producer.
    pub(crate) fn to_snapshot(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(4 + self.producers.len() * SNAPSHOT_ENTRY_BYTES);
        let count = i32::try_from(self.producers.len()).expect("memory holds fewer than 2^31 producers");
        body.extend_from_slice(&count.to_be_bytes());
        let mut producers: Vec<_> = self.producers.iter().collect();
        producers.sort_by_key(|(producer_id, _)| **producer_id);
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
        let producers = entries.chunks_exact(SNAPSHOT_ENTRY_BYTES).map(parse_entry).collect();
        Some(Self { producers })
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

#[cfg(test)]
#[path = "producer_state_tests.rs"]
mod tests;
