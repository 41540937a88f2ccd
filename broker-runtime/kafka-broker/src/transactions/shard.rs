//! One partition of `__transaction_state` as its coordinator knows it. Nothing here does I/O: records to append leave through
//! [`Shard::take_writes`] and their fate comes back through [`Shard::complete`]; decided transactions leave through
//! [`Shard::take_decided`], and what has become of their markers comes back as a question. A transactional id does one thing at a
//! time: who comes while a write or the markers are on their way waits a little, which is mostly enough, and is then sent away to
//! come again (CONCURRENT_TRANSACTIONS).

use std::collections::{HashMap, VecDeque};

use super::{
    ask::{AddPartitions, Answer, Ask, EndTransaction, InitProducer, Successor, TransactionDescription},
    error::TransactionError,
    markers::MarkersOutcome,
    record_format::TransactionRecord,
    settings::TransactionConfig,
    state::TransactionState,
    transaction::{Next, Transaction, TransactionalId},
};
use crate::{coordinator::Moment, partition::ProducerIdentity};

/// A record to append, and what follows.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) record: TransactionRecord,
    then: Then,
}

/// What follows once the fate of a write is known.
#[derive(Debug)]
enum Then {
    Nothing,
    /// Answer with the producer.
    Answer(Answer<Successor>),
    /// The end of the transaction is decided: answer who goes on, and let the partitions know.
    Decided(Option<Answer<Successor>>),
    /// The same, but what was asked for can only be done after that.
    Fenced(InitProducer, Answer<Successor>),
    Added(Answer<()>),
}

/// A transaction whose partitions are to be told how it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) id: TransactionalId,
    pub(crate) transaction: Transaction,
    /// They know, but that could not be written: it is tried again in a moment.
    pub(crate) again: bool,
}

/// What a write changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// The transaction goes on, in more partitions.
    MorePartitions,
    Other,
}

#[derive(Debug)]
struct Entry {
    transaction: Transaction,
    /// A write on its way.
    writing: Option<Change>,
    /// Questions that wait until the id is at rest, and until when, on the monotonic clock.
    waiting: Vec<(Ask, i64)>,
}

impl Entry {
    fn new(transaction: Transaction, writing: Option<Change>) -> Self {
        Self {
            transaction,
            writing,
            waiting: Vec::new(),
        }
    }

    fn is_at_rest(&self) -> bool {
        self.writing.is_none() && !self.transaction.state.is_prepared()
    }
}

/// A coordinator's partition. See the head of this file.
#[derive(Debug)]
pub(crate) struct Shard {
    config: TransactionConfig,
    entries: HashMap<TransactionalId, Entry>,
    outbox: Vec<Write>,
    decided: Vec<Decided>,
    /// When the patience of those who wait ends, the earliest first.
    patience: VecDeque<(i64, TransactionalId)>,
}

impl Shard {
    pub(crate) fn new(config: TransactionConfig) -> Self {
        Self {
            config,
            entries: HashMap::new(),
            outbox: Vec::new(),
            decided: Vec::new(),
            patience: VecDeque::new(),
        }
    }

    /// Takes in a committed record, at load.
    pub(crate) fn replay(&mut self, record: TransactionRecord) {
        match record.value {
            Some(transaction) => {
                self.entries.insert(record.id, Entry::new(transaction, None));
            }
            None => drop(self.entries.remove(&record.id)),
        }
    }

    /// All records are in: what was decided is carried out.
    pub(crate) fn loaded(&mut self) {
        let prepared = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.transaction.state.is_prepared());
        self.decided.extend(prepared.map(|(id, entry)| Decided {
            id: id.clone(),
            transaction: entry.transaction.clone(),
            again: false,
        }));
    }

    /// Number of transactional ids.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Answers a question, or writes what it asks for first, or lets it wait until the id is at rest.
    pub(crate) fn handle(&mut self, ask: Ask, now: Moment) {
        let until_ms = now.monotonic_ms.saturating_add(self.config.patience_ms);
        self.admit(ask, until_ms, now);
    }

    fn admit(&mut self, ask: Ask, until_ms: i64, now: Moment) {
        match ask.waits_for().cloned() {
            Some(id) if self.entries.get(&id).is_some_and(|entry| !entry.is_at_rest()) => {
                self.let_wait(&id, ask, until_ms);
            }
            _ => self.answer(ask, now.wall_ms),
        }
    }

    fn let_wait(&mut self, id: &TransactionalId, ask: Ask, until_ms: i64) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.waiting.retain(|(ask, _)| !ask.is_abandoned());
            entry.waiting.push((ask, until_ms));
            self.patience.push_back((until_ms, id.clone()));
        }
    }

    /// The id may have come to rest: those who wait for that have their turn.
    fn wake(&mut self, id: &TransactionalId, now: Moment) {
        let entry = self.entries.get_mut(id).filter(|entry| entry.is_at_rest());
        let waiting = entry
            .map(|entry| std::mem::take(&mut entry.waiting))
            .unwrap_or_default();
        for (ask, until_ms) in waiting {
            if !ask.is_abandoned() {
                self.admit(ask, until_ms, now);
            }
        }
    }

    /// When [`Self::lose_patience`] has something to do, on the monotonic clock.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        self.patience.front().map(|(until_ms, _)| *until_ms)
    }

    /// Sends those away who have waited for too long.
    pub(crate) fn lose_patience(&mut self, now: Moment) {
        while self
            .next_deadline_ms()
            .is_some_and(|until_ms| until_ms <= now.monotonic_ms)
        {
            let due = self.patience.pop_front();
            let Some(entry) = due.and_then(|(_, id)| self.entries.get_mut(&id)) else {
                continue;
            };
            let (over, waiting) = std::mem::take(&mut entry.waiting)
                .into_iter()
                .partition(|(_, until_ms)| *until_ms <= now.monotonic_ms);
            entry.waiting = waiting;
            let over: Vec<(Ask, i64)> = over;
            over.into_iter()
                .for_each(|(ask, _)| ask.refuse(TransactionError::ConcurrentTransactions));
        }
    }

    fn answer(&mut self, ask: Ask, now_ms: i64) {
        // Whoever asked may have gone; then the answer is dropped.
        match ask {
            Ask::Init(request, answer) => self.init(request, answer, now_ms),
            Ask::Add(request, answer) => self.add(&request, answer, now_ms),
            Ask::Verify(request, answer) => {
                let settled = self.settled(&request.id);
                let _ = answer.send(settled.and_then(|it| it.verify(request.producer, &request.partitions)));
            }
            Ask::End(request, answer) => self.end(request, answer, now_ms),
            Ask::Describe(id, answer) => {
                let entry = self.entries.get(&id).ok_or(TransactionError::TransactionalIdNotFound);
                let _ = answer.send(entry.map(|entry| describe(&id, entry)));
            }
            Ask::List(answer) => {
                let all = self.entries.iter().map(|(id, entry)| describe(id, entry));
                let _ = answer.send(Ok(all.collect()));
            }
            Ask::Markers(id, producer, outcome) => self.markers_written(id, producer, outcome, now_ms),
        }
    }

    /// The transaction of an id with which nothing is being done at the moment.
    fn idle(&self, id: &TransactionalId) -> Result<&Transaction, TransactionError> {
        let entry = self.entries.get(id).ok_or(TransactionError::InvalidProducerIdMapping)?;
        if entry.writing.is_some() {
            Err(TransactionError::ConcurrentTransactions)
        } else {
            Ok(&entry.transaction)
        }
    }

    /// The transaction of an id, unless what is being done with it may end it. Clients that add partitions one by one write to the
    /// first while the next is being added.
    fn settled(&self, id: &TransactionalId) -> Result<&Transaction, TransactionError> {
        match self.entries.get(id) {
            Some(entry) if entry.writing == Some(Change::MorePartitions) => Ok(&entry.transaction),
            _ => self.idle(id),
        }
    }

    fn init(&mut self, request: InitProducer, answer: Answer<Successor>, now_ms: i64) {
        match self.next_init(&request, now_ms) {
            Ok(Next::Write(next)) => self.write(request.id, next, Then::Answer(answer)),
            Ok(Next::Fence(next)) => self.write(request.id.clone(), next, Then::Fenced(request, answer)),
            Ok(Next::Answer(producer)) => drop(answer.send(Ok(Successor::Producer(producer)))),
            Ok(Next::NeedsProducerId) => drop(answer.send(Ok(Successor::NeedsProducerId))),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    fn next_init(&self, request: &InitProducer, now_ms: i64) -> Result<Next, TransactionError> {
        request.check(&self.config)?;
        let (timeout_ms, fresh) = (request.timeout_ms, request.fresh_producer_id);
        if self.entries.contains_key(&request.id) {
            return self
                .idle(&request.id)?
                .init(request.expected, timeout_ms, fresh, now_ms);
        }
        match fresh {
            Some(id) => Transaction::new(id, timeout_ms, now_ms).init(request.expected, timeout_ms, None, now_ms),
            None => Ok(Next::NeedsProducerId),
        }
    }

    fn add(&mut self, request: &AddPartitions, answer: Answer<()>, now_ms: i64) {
        let next = self
            .idle(&request.id)
            .and_then(|it| it.add(request.producer, &request.partitions, request.bumps_epoch, now_ms));
        match next {
            Ok(Some(next)) => self.write(request.id.clone(), next, Then::Added(answer)),
            Ok(None) => drop(answer.send(Ok(()))),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    fn end(&mut self, request: EndTransaction, answer: Answer<Successor>, now_ms: i64) {
        let EndTransaction {
            producer,
            commit,
            bumps_epoch,
            fresh_producer_id,
            ..
        } = request;
        let next = self
            .idle(&request.id)
            .and_then(|it| it.end(producer, commit, bumps_epoch, fresh_producer_id, now_ms));
        match next {
            Ok(Next::Write(next) | Next::Fence(next)) => self.write(request.id, next, Then::Decided(Some(answer))),
            Ok(Next::Answer(producer)) => drop(answer.send(Ok(Successor::Producer(producer)))),
            Ok(Next::NeedsProducerId) => drop(answer.send(Ok(Successor::NeedsProducerId))),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    /// All partitions know; `producer` is the one whose transaction it was.
    fn markers_written(
        &mut self,
        id: TransactionalId,
        producer: ProducerIdentity,
        outcome: MarkersOutcome,
        now_ms: i64,
    ) {
        let prepared = self.entries.get(&id).map(|entry| &entry.transaction);
        let Some(prepared) = prepared.filter(|it| it.state.is_prepared() && it.producer == producer) else {
            return;
        };
        match outcome {
            MarkersOutcome::Written => {
                let next = prepared.completed(now_ms);
                self.write(id, next, Then::Nothing);
            }
            MarkersOutcome::Fenced => {
                tracing::warn!(%id, "a newer coordinator ends the transactions of this id");
            }
        }
    }

    /// Aborts the transactions that are open for too long.
    pub(crate) fn abort_timed_out(&mut self, now_ms: i64) {
        let idle = self.entries.iter().filter(|(_, entry)| entry.writing.is_none());
        let timed_out = idle.filter(|(_, entry)| entry.transaction.has_timed_out(now_ms));
        let fenced: Vec<_> = timed_out
            .map(|(id, entry)| (id.clone(), entry.transaction.fence(now_ms)))
            .collect();
        for (id, next) in fenced {
            tracing::info!(%id, timeout_ms = next.timeout_ms, "transaction aborted: it was open for longer than its timeout");
            self.write(id, next, Then::Decided(None));
        }
    }

    /// Forgets ids that nobody has used for long.
    pub(crate) fn expire(&mut self, now_ms: i64) {
        let expiration_ms = self.config.expiration_ms;
        let idle = self.entries.iter_mut().filter(|(_, entry)| entry.writing.is_none());
        for (id, entry) in idle.filter(|(_, entry)| entry.transaction.has_expired(now_ms, expiration_ms)) {
            entry.writing = Some(Change::Other);
            self.outbox.push(Write {
                record: TransactionRecord {
                    id: id.clone(),
                    value: None,
                },
                then: Then::Nothing,
            });
        }
    }

    fn write(&mut self, id: TransactionalId, next: Transaction, then: Then) {
        if let Some(entry) = self.entries.get_mut(&id) {
            let grows = [&entry.transaction, &next].map(|it| it.state == TransactionState::Ongoing) == [true; 2];
            entry.writing = Some(if grows { Change::MorePartitions } else { Change::Other });
        } else {
            // What is there until the write has succeeded is never looked at.
            self.entries
                .insert(id.clone(), Entry::new(next.clone(), Some(Change::Other)));
        }
        let value = Some(next);
        self.outbox.push(Write {
            record: TransactionRecord { id, value },
            then,
        });
    }

    /// What is to be appended, in this order.
    pub(crate) fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.outbox)
    }

    /// What the partitions are to be told.
    pub(crate) fn take_decided(&mut self) -> Vec<Decided> {
        std::mem::take(&mut self.decided)
    }

    /// The high watermark has passed the write, or it failed.
    pub(crate) fn complete(&mut self, write: Write, result: Result<(), TransactionError>, now: Moment) {
        let Write {
            record: TransactionRecord { id, value },
            then,
        } = write;
        match (result, value) {
            (Ok(()), Some(transaction)) => self.written(&id, transaction, then, now),
            (Ok(()), None) => {
                let gone = self.entries.remove(&id);
                for (ask, until_ms) in gone.into_iter().flat_map(|entry| entry.waiting) {
                    self.admit(ask, until_ms, now);
                }
            }
            (Err(error), value) => {
                tracing::warn!(%id, %error, "transaction could not be written");
                self.write_failed(&id, value);
                refuse(then, error);
            }
        }
        self.wake(&id, now);
    }

    fn written(&mut self, id: &TransactionalId, transaction: Transaction, then: Then, now: Moment) {
        let producer = transaction.successor();
        if transaction.state.is_prepared() {
            self.decided.push(Decided {
                id: id.clone(),
                transaction: transaction.clone(),
                again: false,
            });
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.transaction = transaction;
            entry.writing = None;
        }
        match then {
            Then::Nothing => {}
            Then::Answer(answer) => drop(answer.send(Ok(Successor::Producer(producer)))),
            Then::Decided(answer) => {
                if let Some(answer) = answer {
                    let _ = answer.send(Ok(Successor::Producer(producer)));
                }
            }
            Then::Fenced(request, answer) => {
                let until_ms = now.monotonic_ms.saturating_add(self.config.patience_ms);
                self.let_wait(id, Ask::Init(request, answer), until_ms);
            }
            Then::Added(answer) => drop(answer.send(Ok(()))),
        }
    }

    fn write_failed(&mut self, id: &TransactionalId, value: Option<Transaction>) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.writing = None;
        if value.as_ref() == Some(&entry.transaction) {
            // It was the first record of the id; those who wait may try to write the next one.
            let gone = self.entries.remove(id);
            let waiting = gone.into_iter().flat_map(|entry| entry.waiting);
            waiting.for_each(|(ask, _)| ask.refuse(TransactionError::CoordinatorNotAvailable));
        } else if entry.transaction.state.is_prepared() {
            // The markers are written, and that has to be written too.
            self.decided.push(Decided {
                id: id.clone(),
                transaction: entry.transaction.clone(),
                again: true,
            });
        }
    }
}

fn refuse(then: Then, error: TransactionError) {
    match then {
        Then::Nothing | Then::Decided(None) => {}
        Then::Answer(answer) | Then::Fenced(_, answer) | Then::Decided(Some(answer)) => drop(answer.send(Err(error))),
        Then::Added(answer) => drop(answer.send(Err(error))),
    }
}

fn describe(id: &TransactionalId, entry: &Entry) -> TransactionDescription {
    TransactionDescription {
        id: id.clone(),
        transaction: entry.transaction.clone(),
    }
}

#[cfg(test)]
#[path = "shard_tests.rs"]
mod tests;
