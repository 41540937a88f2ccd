//! Producers of a simulation: idempotent ones, which send a batch again until it is acknowledged, and transactional ones, with
//! the coordinator that decides their transactions.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use kafka_codec::record_batch::RecordBatchBuilder;
use rand::{RngExt, rngs::StdRng};

use crate::partition::{ProducerIdentity, TransactionMarker};

/// Batches that a producer has, for one partition.
const BATCHES_MAX: usize = 3;

/// Names a batch: the producer, its epoch, the partition and the first sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchName {
    pub(super) producer: usize,
    pub(super) epoch: i16,
    pub(super) index: i32,
    pub(super) sequence: i32,
}

#[derive(Clone, Debug)]
struct Unacknowledged {
    sequence: i32,
    bytes: Bytes,
}

/// What a producer writes into one partition.
#[derive(Clone, Debug, Default)]
struct Lane {
    next_sequence: i32,
    next_number: u32,
    unacknowledged: VecDeque<Unacknowledged>,
}

/// Where a transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It takes records.
    Open,
    /// It is decided; these partitions have to be told.
    Ending { commit: bool, left: BTreeSet<i32> },
}

/// The transaction of a producer, as its coordinator knows it.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) number: u32,
    pub(super) stage: Stage,
    pub(super) partitions: BTreeSet<i32>,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    pub(super) id: i64,
    pub(super) epoch: i16,
    pub(super) transaction: Option<Transaction>,
    lanes: Vec<Lane>,
    /// A planted fault: batches carry no sequence numbers.
    pub(super) is_careless: bool,
}

/// The record that a producer writes next: `producer/transaction/number`; numbers count per partition.
fn text(id: i64, transaction: u32, number: u32) -> String {
    format!("{id}/{transaction}/{number}")
}

impl Producer {
    pub(super) fn new(id: i64, is_transactional: bool, partitions: usize) -> Self {
        Self {
            id,
            epoch: 0,
            transaction: is_transactional.then(|| Transaction::new(0)),
            lanes: vec![Lane::default(); partitions],
            is_careless: false,
        }
    }

    fn lane(&mut self, index: i32) -> &mut Lane {
        &mut self.lanes[usize::try_from(index).unwrap_or(0)]
    }

    /// A new batch for a partition, if another one may be in flight.
    pub(super) fn write(&mut self, index: i32, now_ms: i64, rng: &mut StdRng) -> Option<i32> {
        let transaction = match &self.transaction {
            Some(Transaction {
                stage: Stage::Ending { .. },
                ..
            }) => return None,
            Some(transaction) => Some(transaction.number),
            None => None,
        };
        let (id, epoch, is_careless) = (self.id, self.epoch, self.is_careless);
        let lane = self.lane(index);
        if lane.unacknowledged.len() >= BATCHES_MAX {
            return None;
        }
        let sequence = lane.next_sequence;
        let mut batch = RecordBatchBuilder::new();
        if !is_careless {
            batch = batch.producer(id, epoch, sequence);
        }
        if transaction.is_some() {
            batch = batch.transactional();
        }
        for _ in 0..rng.random_range(1..4) {
            let value = text(id, transaction.unwrap_or(0), lane.next_number);
            batch.append(now_ms, None, Some(value.as_bytes()), &[]);
            lane.next_number += 1;
            lane.next_sequence += 1;
        }
        let bytes = batch.build().ok()?.freeze();
        lane.unacknowledged.push_back(Unacknowledged { sequence, bytes });
        Some(sequence)
    }

    /// The first batch that is not acknowledged, to send or to send again. One at a time is in flight: a log that does not know
    /// a producer takes any sequence number, and a restart leaves it with the newest batch of each only, both as in Kafka.
    pub(super) fn unacknowledged(&self, index: i32) -> Option<(i32, Bytes)> {
        let lane = self.lanes.get(usize::try_from(index).ok()?)?;
        let batch = lane.unacknowledged.front()?;
        Some((batch.sequence, batch.bytes.clone()))
    }

    /// True when the batch was still waited for.
    pub(super) fn acknowledged(&mut self, name: BatchName) -> bool {
        if name.epoch != self.epoch {
            return false;
        }
        let lane = self.lane(name.index);
        let before = lane.unacknowledged.len();
        lane.unacknowledged.retain(|batch| batch.sequence != name.sequence);
        lane.unacknowledged.len() < before
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lanes.iter().all(|lane| lane.unacknowledged.is_empty())
    }

    /// A leader asks whether the partition is part of the transaction; it becomes so.
    pub(super) fn join(&mut self, epoch: i16, index: i32) -> bool {
        match &mut self.transaction {
            Some(transaction) if transaction.stage == Stage::Open && epoch == self.epoch => {
                transaction.partitions.insert(index);
                true
            }
            _ => false,
        }
    }

    /// Decides the transaction. One whose batches are not all acknowledged can only be aborted. The epoch grows (KIP-890).
    pub(super) fn decide(&mut self, commit: bool) -> Option<(u32, bool)> {
        let idle = self.is_idle();
        let transaction = self.transaction.as_mut()?;
        if transaction.stage != Stage::Open || transaction.partitions.is_empty() {
            return None;
        }
        let commit = commit && idle;
        let left = transaction.partitions.clone();
        transaction.stage = Stage::Ending { commit, left };
        self.epoch += 1;
        for lane in &mut self.lanes {
            lane.unacknowledged.clear();
            lane.next_sequence = 0;
        }
        Some((transaction.number, commit))
    }

    /// The marker of a transaction that is decided, and the partitions that have to be told.
    pub(super) fn marker(&self) -> Option<(TransactionMarker, &BTreeSet<i32>)> {
        let Some(Transaction {
            stage: Stage::Ending { commit, left },
            ..
        }) = &self.transaction
        else {
            return None;
        };
        let marker = TransactionMarker {
            producer: ProducerIdentity {
                id: self.id,
                epoch: self.epoch,
            },
            committed: *commit,
            coordinator_epoch: 0,
            bumps_epoch: true,
        };
        Some((marker, left))
    }

    /// A partition knows how the transaction of `epoch` has ended; gives it when all know.
    pub(super) fn marker_written(&mut self, epoch: i16, index: i32) -> Option<u32> {
        let transaction = self.transaction.as_mut().filter(|_| epoch == self.epoch)?;
        let Stage::Ending { left, .. } = &mut transaction.stage else {
            return None;
        };
        left.remove(&index);
        if !left.is_empty() {
            return None;
        }
        let ended = transaction.number;
        *transaction = Transaction::new(ended + 1);
        Some(ended)
    }
}

impl Transaction {
    fn new(number: u32) -> Self {
        Self {
            number,
            stage: Stage::Open,
            partitions: BTreeSet::new(),
        }
    }
}
