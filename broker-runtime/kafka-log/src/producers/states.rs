//! The last five batches of each idempotent producer, by which a batch that is sent again is recognised, and its open
//! transaction (KIP-98; `ProducerStateManager`). The state is a function of the log: followers build it from what they append, a
//! restart builds it from a snapshot and the batches after it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use kafka_codec::record_batch::{BatchHeader, EndTransactionMarker, NO_PRODUCER_EPOCH, NO_SEQUENCE};

use super::transactions::{EndedTransaction, Transactions, VerificationGuard};
use crate::{AppendOrigin, LogError, ProducerInfo};

/// Batches that are remembered of a producer: as many as a client may have in flight.
const BATCHES_MAX: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProducerBatch {
    pub(super) last_sequence: i32,
    pub(super) last_offset: i64,
    pub(super) offset_delta: i32,
    pub(super) timestamp: i64,
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
pub(super) struct Producer {
    pub(super) epoch: i16,
    pub(super) batches: VecDeque<ProducerBatch>,
    pub(super) last_timestamp: i64,
    /// Of the coordinator that has written the last marker; -1 before the first one.
    pub(super) coordinator_epoch: i32,
    /// Of its open transaction; -1 when there is none.
    pub(super) transaction_first_offset: i64,
}

impl Producer {
    fn new(epoch: i16, timestamp: i64) -> Self {
        Self {
            epoch,
            batches: VecDeque::with_capacity(1),
            last_timestamp: timestamp,
            coordinator_epoch: -1,
            transaction_first_offset: -1,
        }
    }

    fn has_open_transaction(&self) -> bool {
        self.transaction_first_offset >= 0
    }

    fn check_epoch(&self, header: &BatchHeader) -> Result<(), LogError> {
        if header.producer_epoch < self.epoch {
            Err(self.stale(header))
        } else {
            Ok(())
        }
    }

    fn stale(&self, header: &BatchHeader) -> LogError {
        LogError::InvalidProducerEpoch {
            producer_id: header.producer_id,
            epoch: header.producer_epoch,
            current: self.epoch,
        }
    }

    /// The batch with the same sequence numbers, if it is among the last ones.
    fn find(&self, header: &BatchHeader) -> Option<Duplicate> {
        let (first, last) = (header.base_sequence, header.last_sequence());
        let same = |batch: &&ProducerBatch| batch.first_sequence() == first && batch.last_sequence == last;
        let batch = self
            .batches
            .iter()
            .filter(|_| header.producer_epoch == self.epoch)
            .find(same)?;
        Some(Duplicate {
            base_offset: batch.last_offset - i64::from(batch.offset_delta),
            last_offset: batch.last_offset,
            timestamp: batch.timestamp,
        })
    }

    fn take_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
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
    pub(crate) transactions: Transactions,
}

/// What a marker would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkerVerdict {
    /// It is to be appended.
    New,
    /// The log has it already.
    Known,
}

impl ProducerStates {
    /// The state that a snapshot holds.
    pub(super) fn of(producers: HashMap<i64, Producer>) -> Self {
        let mut transactions = Transactions::default();
        for (producer_id, producer) in &producers {
            if producer.has_open_transaction() {
                transactions.begin(producer.transaction_first_offset, *producer_id);
            }
        }
        Self {
            producers,
            transactions,
        }
    }

    pub(super) fn producers(&self) -> impl Iterator<Item = (&i64, &Producer)> {
        self.producers.iter()
    }

    /// Checks a batch of records (`ProducerAppendInfo.maybeValidateDataBatch`): the epoch, of a client's the sequence numbers,
    /// and that what belongs to a transaction was verified to. A batch that is there already is no error.
    pub(crate) fn check(
        &self,
        header: &BatchHeader,
        origin: AppendOrigin,
        guard: Option<VerificationGuard>,
    ) -> Result<Option<Duplicate>, LogError> {
        if !header.has_producer_id() {
            return Ok(None);
        }
        let producer = self.producers.get(&header.producer_id);
        if origin == AppendOrigin::Client
            && let Some(duplicate) = producer.and_then(|producer| producer.find(header))
        {
            return Ok(Some(duplicate));
        }
        self.check_transaction(header, producer, guard)?;
        if let Some(producer) = producer {
            producer.check_epoch(header)?;
        }
        if origin == AppendOrigin::Client {
            self.check_sequence(header, producer)?;
        }
        Ok(None)
    }

    fn check_transaction(
        &self,
        header: &BatchHeader,
        producer: Option<&Producer>,
        guard: Option<VerificationGuard>,
    ) -> Result<(), LogError> {
        let producer_id = header.producer_id;
        let open = producer.filter(|producer| producer.has_open_transaction());
        if header.is_transactional() {
            let goes_on = open.is_some_and(|producer| producer.epoch == header.producer_epoch);
            if !goes_on && !self.transactions.is_verified(producer_id, guard) {
                let reason = "the transaction was not verified to be open";
                return Err(LogError::InvalidTransactionState { producer_id, reason });
            }
        } else if open.is_some() {
            let reason = "the producer has an open transaction, and the batch is not of it";
            return Err(LogError::InvalidTransactionState { producer_id, reason });
        }
        Ok(())
    }

    fn check_sequence(&self, header: &BatchHeader, producer: Option<&Producer>) -> Result<(), LogError> {
        let (producer_id, sequence) = (header.producer_id, header.base_sequence);
        let out_of_order = |last| {
            Err(LogError::OutOfOrderSequence {
                producer_id,
                sequence,
                last,
            })
        };
        if let Some((lowest, bumps_epoch)) = self
            .transactions
            .expected_sequence(producer_id)
            .filter(|_| header.is_transactional())
        {
            let begins_at_zero = bumps_epoch && producer.is_none_or(|producer| producer.batches.is_empty());
            if sequence > lowest || (begins_at_zero && sequence != 0) {
                return out_of_order(NO_SEQUENCE);
            }
        }
        let Some(producer) = producer.filter(|producer| producer.epoch != NO_PRODUCER_EPOCH) else {
            // State can be gone with the records it came from: any beginning is accepted, as in Kafka.
            return Ok(());
        };
        if header.producer_epoch != producer.epoch {
            return if sequence == 0 {
                Ok(())
            } else {
                out_of_order(NO_SEQUENCE)
            };
        }
        let last = producer.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence);
        if sequence == last.wrapping_add(1) || (sequence == 0 && last == i32::MAX) {
            Ok(())
        } else {
            out_of_order(last)
        }
    }

    /// Checks a marker (`ProducerAppendInfo.appendEndTxnMarker`). `bumps_epoch` says that every transaction of the producer
    /// ends with a newer epoch than its records have (KIP-890): one that comes late cannot end the next transaction.
    pub(crate) fn check_marker(
        &self,
        header: &BatchHeader,
        marker: EndTransactionMarker,
        bumps_epoch: bool,
    ) -> Result<MarkerVerdict, LogError> {
        let Some(producer) = self.producers.get(&header.producer_id) else {
            return Ok(MarkerVerdict::New);
        };
        producer.check_epoch(header)?;
        if marker.coordinator_epoch < producer.coordinator_epoch {
            return Err(LogError::CoordinatorFenced {
                producer_id: header.producer_id,
                epoch: marker.coordinator_epoch,
                current: producer.coordinator_epoch,
            });
        }
        if !bumps_epoch || header.producer_epoch > producer.epoch {
            return Ok(MarkerVerdict::New);
        }
        if producer.has_open_transaction() {
            Err(producer.stale(header))
        } else {
            Ok(MarkerVerdict::Known)
        }
    }

    /// See [`crate::Log::has_producer`].
    pub(crate) fn has_producer(&self, producer_id: i64) -> bool {
        self.producers.contains_key(&producer_id)
    }

    /// An open transaction of this epoch is in the log: what comes next of it needs no verification.
    pub(crate) fn has_open_transaction(&self, producer_id: i64, epoch: i16) -> bool {
        let producer = self.producers.get(&producer_id);
        producer.is_some_and(|producer| producer.has_open_transaction() && producer.epoch == epoch)
    }

    /// Takes a batch of the log into account; offsets are final. What is in the log is right, so nothing is checked. Gives the
    /// transaction that it ends.
    pub(crate) fn apply(
        &mut self,
        header: &BatchHeader,
        marker: Option<EndTransactionMarker>,
    ) -> Option<EndedTransaction> {
        if !header.has_producer_id() || (header.is_control() && marker.is_none()) {
            return None;
        }
        let producer = self
            .producers
            .entry(header.producer_id)
            .or_insert_with(|| Producer::new(header.producer_epoch, header.max_timestamp));
        producer.take_epoch(header.producer_epoch);
        producer.last_timestamp = header.max_timestamp;
        if let Some(marker) = marker {
            producer.coordinator_epoch = marker.coordinator_epoch;
            self.transactions.forget_verification(header.producer_id);
            let first_offset = std::mem::replace(&mut producer.transaction_first_offset, -1);
            return (first_offset >= 0).then(|| {
                self.transactions
                    .end(header.producer_id, first_offset, header.last_offset(), marker.committed)
            });
        }
        if producer.batches.len() == BATCHES_MAX {
            producer.batches.pop_front();
        }
        producer.batches.push_back(ProducerBatch::of(header));
        if header.is_transactional() && !producer.has_open_transaction() {
            producer.transaction_first_offset = header.base_offset;
            self.transactions.begin(header.base_offset, header.producer_id);
        }
        None
    }

    /// Where the oldest batch begins that may be sent again and that a snapshot, which has the last batch of each producer only, would not
    /// know: of producers that have written since `since_ms`, and of those with more than one batch that is not committed.
    pub(crate) fn oldest_in_flight(&self, high_watermark: i64, since_ms: i64) -> Option<i64> {
        let oldest = |producer: &Producer| {
            let before_last = producer.batches.iter().nth_back(1)?;
            let in_flight = producer.last_timestamp >= since_ms || before_last.last_offset >= high_watermark;
            let first = producer.batches.front().filter(|_| in_flight)?;
            Some(first.last_offset - i64::from(first.offset_delta))
        };
        self.producers.values().filter_map(oldest).min()
    }

    /// Epoch and last sequence of the last batch of each producer that nobody may cut off any more. Of those that have written since, more
    /// than is remembered, it is the one before.
    pub(crate) fn last_committed(&self, high_watermark: i64) -> BTreeMap<i64, (i16, i32)> {
        let last = |producer: &Producer| {
            let mut committed = producer.batches.iter().rev();
            let last = committed.find(|batch| batch.last_offset < high_watermark);
            let before = || producer.batches.front().map_or(0, ProducerBatch::first_sequence) - 1;
            (producer.epoch, last.map_or_else(before, |batch| batch.last_sequence))
        };
        self.producers
            .iter()
            .map(|(id, producer)| (*id, last(producer)))
            .collect()
    }

    /// Remembers batches that an older state of the same log, which has seen everything since, knows of the producers.
    pub(crate) fn recall(&mut self, older: &Self) {
        let end = |producer: &Producer| (producer.epoch, producer.batches.back().map(|batch| batch.last_offset));
        for (producer_id, producer) in &mut self.producers {
            if let Some(known) = older.producers.get(producer_id)
                && known.batches.len() > producer.batches.len()
                && end(known) == end(producer)
            {
                producer.batches.clone_from(&known.batches);
            }
        }
    }

    /// Forgets producers that were quiet for `expiration_ms`.
    pub(crate) fn remove_expired(&mut self, now_ms: i64, expiration_ms: i64) {
        let alive = |producer: &Producer| now_ms.saturating_sub(producer.last_timestamp) < expiration_ms;
        self.producers
            .retain(|_, producer| producer.has_open_transaction() || alive(producer));
        self.transactions.remove_expired(now_ms, expiration_ms);
    }

    pub(crate) fn infos(&self) -> Vec<ProducerInfo> {
        let info = |(producer_id, producer): (&i64, &Producer)| ProducerInfo {
            producer_id: *producer_id,
            producer_epoch: producer.epoch,
            last_sequence: producer.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence),
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: producer.coordinator_epoch,
            transaction_first_offset: producer
                .has_open_transaction()
                .then_some(producer.transaction_first_offset),
        };
        let mut infos: Vec<ProducerInfo> = self.producers.iter().map(info).collect();
        infos.sort_by_key(|info| info.producer_id);
        infos
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
