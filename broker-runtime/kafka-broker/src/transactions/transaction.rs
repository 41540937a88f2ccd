//! One transactional id: who its producer is, what its transaction holds, and what becomes of it. A plain value; every change is a
//! new value, which takes effect when it is written (`TransactionMetadata`, `TransactionCoordinator`).

use std::collections::BTreeSet;

use super::{error::TransactionError, state::TransactionState};
use crate::{coordinator::text_id, groups::TopicPartition, partition::ProducerIdentity};

text_id!(
    /// `transactional.id`.
    TransactionalId
);

/// The largest epoch a client is given. One more is used to fence it.
const CLIENT_EPOCH_MAX: i16 = i16::MAX - 1;

/// A transactional id as it is written. `last_epoch` is not: it only serves a client that asks again at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) producer: ProducerIdentity,
    /// The producer id before the last change of it; -1 when there was none.
    pub(crate) previous_producer_id: i64,
    /// The producer id from the end of the transaction on, when the epochs of this one are used up; else -1.
    pub(crate) next_producer_id: i64,
    /// The producer gets a new epoch with every transaction (KIP-890, second part).
    pub(crate) bumps_epoch: bool,
    pub(crate) timeout_ms: i32,
    pub(crate) state: TransactionState,
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// Unix time in milliseconds.
    pub(crate) last_update_ms: i64,
    /// When the first partition was added; -1 before.
    pub(crate) start_ms: i64,
    /// The epoch before the last change of it; -1 when it is not known.
    pub(crate) last_epoch: i16,
}

/// What follows a question of a producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Write this, then answer with its producer.
    Write(Transaction),
    /// Write this, which aborts what is open, then send the client away to come again.
    Fence(Transaction),
    /// There is nothing to do.
    Answer(ProducerIdentity),
    /// A new producer id is needed first.
    NeedsProducerId,
}

impl Transaction {
    /// Of a producer that has not been given an epoch.
    pub(crate) fn new(producer_id: i64, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            producer: ProducerIdentity {
                id: producer_id,
                epoch: -1,
            },
            previous_producer_id: -1,
            next_producer_id: -1,
            bumps_epoch: false,
            timeout_ms,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            last_update_ms: now_ms,
            start_ms: -1,
            last_epoch: -1,
        }
    }

    fn is_exhausted(&self) -> bool {
        self.producer.epoch >= CLIENT_EPOCH_MAX
    }

    /// A producer begins, or begins again: whoever had the id before is fenced.
    pub(crate) fn init(
        &self,
        expected: Option<ProducerIdentity>,
        timeout_ms: i32,
        fresh_producer_id: Option<i64>,
        now_ms: i64,
    ) -> Result<Next, TransactionError> {
        if let Some(expected) = expected {
            let is_own = self.producer.epoch < 0 || expected.id == self.producer.id;
            let was_own = expected.id == self.previous_producer_id && expected.epoch >= CLIENT_EPOCH_MAX;
            if !is_own && !was_own {
                return Err(TransactionError::ProducerFenced);
            }
        }
        match self.state {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                Err(TransactionError::ConcurrentTransactions)
            }
            TransactionState::Ongoing => Ok(Next::Fence(self.fence(now_ms))),
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
                let mut next = self.clone();
                if self.is_exhausted() && expected.is_none_or(|expected| expected == self.producer) {
                    let Some(id) = fresh_producer_id else {
                        return Ok(Next::NeedsProducerId);
                    };
                    next.previous_producer_id = self.producer.id;
                    next.last_epoch = if expected.is_some() { self.producer.epoch } else { -1 };
                    next.producer = ProducerIdentity { id, epoch: 0 };
                } else {
                    (next.producer.epoch, next.last_epoch) = self.next_epoch(expected)?;
                }
                next.state = TransactionState::Empty;
                next.partitions.clear();
                next.timeout_ms = timeout_ms;
                next.last_update_ms = now_ms;
                next.start_ms = -1;
                Ok(Next::Write(next))
            }
        }
    }

    fn next_epoch(&self, expected: Option<ProducerIdentity>) -> Result<(i16, i16), TransactionError> {
        let current = self.producer.epoch;
        match expected {
            None => Ok((current + 1, -1)),
            // It comes from before the last change of the id, and this is its answer.
            Some(expected) if expected.id != self.producer.id && current >= 0 => Ok((current, self.last_epoch)),
            Some(expected) if current < 0 || expected.epoch == current => Ok((current + 1, current)),
            // The answer to the last attempt was lost.
            Some(expected) if expected.epoch == self.last_epoch => Ok((current, self.last_epoch)),
            Some(_) => Err(TransactionError::ProducerFenced),
        }
    }

    /// The transaction is aborted over the head of its producer, whose epoch is not good any more.
    pub(crate) fn fence(&self, now_ms: i64) -> Self {
        let mut next = self.clone();
        next.producer.epoch = self.producer.epoch.saturating_add(1);
        next.last_epoch = -1;
        next.state = TransactionState::PrepareAbort;
        next.last_update_ms = now_ms;
        next
    }

    fn check_producer(&self, producer: ProducerIdentity) -> Result<(), TransactionError> {
        if producer.id != self.producer.id {
            Err(TransactionError::InvalidProducerIdMapping)
        } else if producer.epoch != self.producer.epoch {
            Err(TransactionError::ProducerFenced)
        } else {
            Ok(())
        }
    }

    /// The transaction takes in partitions, or begins with them; `None` when it has them already.
    pub(crate) fn add(
        &self,
        producer: ProducerIdentity,
        partitions: &[TopicPartition],
        bumps_epoch: bool,
        now_ms: i64,
    ) -> Result<Option<Self>, TransactionError> {
        self.check_producer(producer)?;
        if self.state.is_prepared() {
            return Err(TransactionError::ConcurrentTransactions);
        }
        let ongoing = self.state == TransactionState::Ongoing;
        if ongoing && partitions.iter().all(|partition| self.partitions.contains(partition)) {
            return Ok(None);
        }
        let mut next = self.clone();
        if !ongoing {
            next.partitions.clear();
            next.start_ms = now_ms;
        }
        next.state = TransactionState::Ongoing;
        next.bumps_epoch = bumps_epoch;
        next.partitions.extend(partitions.iter().cloned());
        next.last_update_ms = now_ms;
        Ok(Some(next))
    }

    /// Whether partitions are part of the open transaction of `producer`.
    pub(crate) fn verify(
        &self,
        producer: ProducerIdentity,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Result<(), TransactionError>>, TransactionError> {
        self.check_producer(producer)?;
        if self.state.is_prepared() {
            return Err(TransactionError::ConcurrentTransactions);
        }
        let is_in = |partition| self.state == TransactionState::Ongoing && self.partitions.contains(partition);
        let results = partitions.iter().map(|partition| {
            if is_in(partition) {
                Ok(())
            } else {
                Err(TransactionError::TransactionAbortable)
            }
        });
        Ok(results.collect())
    }

    /// The producer ends its transaction. With `bumps_epoch` it may come again with the epoch it had, and abort what it has
    /// not begun.
    pub(crate) fn end(
        &self,
        producer: ProducerIdentity,
        commit: bool,
        bumps_epoch: bool,
        fresh_producer_id: Option<i64>,
        now_ms: i64,
    ) -> Result<Next, TransactionError> {
        let epoch_moved_on =
            producer.id == self.producer.id && i32::from(producer.epoch) + 1 == i32::from(self.producer.epoch);
        let id_moved_on =
            producer.id == self.previous_producer_id && producer.epoch == CLIENT_EPOCH_MAX && self.producer.epoch == 0;
        let again = bumps_epoch && (epoch_moved_on || id_moved_on);
        if !again {
            self.check_producer(producer)?;
        }
        let ended = TransactionState::complete(commit);
        match self.state {
            TransactionState::Ongoing if again => Err(TransactionError::ProducerFenced),
            TransactionState::Ongoing => Ok(self.decide(commit, bumps_epoch, fresh_producer_id, now_ms)),
            state if state == ended && (again || !bumps_epoch) => Ok(Next::Answer(self.producer)),
            TransactionState::Empty | TransactionState::CompleteCommit | TransactionState::CompleteAbort
                if bumps_epoch && !commit && !again =>
            {
                // It has not begun anything, or not heard of what it has: the epoch moves on all the same.
                Ok(self.decide(commit, bumps_epoch, fresh_producer_id, now_ms))
            }
            // It may be of the next transaction already, so it is not looked at how this one ends.
            state if state.is_prepared() => Err(TransactionError::ConcurrentTransactions),
            _ => Err(TransactionError::InvalidTxnState),
        }
    }

    fn decide(&self, commit: bool, bumps_epoch: bool, fresh_producer_id: Option<i64>, now_ms: i64) -> Next {
        let mut next = self.clone();
        if self.state != TransactionState::Ongoing {
            next.partitions.clear();
            next.start_ms = now_ms;
        }
        next.bumps_epoch = bumps_epoch;
        if bumps_epoch {
            if self.is_exhausted() {
                let Some(id) = fresh_producer_id else {
                    return Next::NeedsProducerId;
                };
                next.next_producer_id = id;
            }
            next.last_epoch = self.producer.epoch;
            next.producer.epoch = self.producer.epoch.saturating_add(1);
        }
        next.state = TransactionState::prepare(commit);
        next.last_update_ms = now_ms;
        Next::Write(next)
    }

    /// All partitions know how it has ended.
    pub(crate) fn completed(&self, now_ms: i64) -> Self {
        let mut next = self.clone();
        next.producer = self.successor();
        if self.next_producer_id >= 0 {
            next.previous_producer_id = self.producer.id;
            next.next_producer_id = -1;
        }
        next.state = TransactionState::complete(self.state == TransactionState::PrepareCommit);
        next.partitions.clear();
        next.last_update_ms = now_ms;
        next
    }

    /// Who goes on after the decision.
    pub(crate) fn successor(&self) -> ProducerIdentity {
        if self.next_producer_id >= 0 {
            ProducerIdentity {
                id: self.next_producer_id,
                epoch: 0,
            }
        } else {
            self.producer
        }
    }

    /// It is open for longer than its producer has asked for.
    pub(crate) fn has_timed_out(&self, now_ms: i64) -> bool {
        self.state == TransactionState::Ongoing && self.start_ms.saturating_add(i64::from(self.timeout_ms)) < now_ms
    }

    /// Nobody has used the id for `expiration_ms`.
    pub(crate) fn has_expired(&self, now_ms: i64, expiration_ms: i64) -> bool {
        let rests = self.state != TransactionState::Ongoing && !self.state.is_prepared();
        rests && now_ms.saturating_sub(self.last_update_ms) >= expiration_ms
    }
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
