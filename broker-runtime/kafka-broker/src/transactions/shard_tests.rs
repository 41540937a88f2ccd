//! A shard between its questions, its log and its markers; and random lives of it, with lost answers, failed writes and
//! coordinators that die: what was answered as committed is never aborted, and the other way round.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use tokio::sync::oneshot::{self, Receiver};

use super::*;
use crate::{
    coordinator::CoordinatorRecord,
    groups::TopicPartition,
    transactions::{ask::Answer, state::TransactionState},
};

const TIMEOUT_MS: i32 = 1_000;
const PATIENCE_MS: i64 = 100;

fn config() -> TransactionConfig {
    TransactionConfig {
        timeout_max_ms: 900_000,
        patience_ms: PATIENCE_MS,
        abort_interval_ms: 10_000,
        expiration_ms: 100_000,
        expiration_interval_ms: 3_600_000,
    }
}

fn id() -> TransactionalId {
    TransactionalId::new("payments")
}

fn partitions() -> Vec<TopicPartition> {
    vec![TopicPartition {
        topic: Arc::from("orders"),
        partition: 0,
    }]
}

/// A shard, the log it writes to, and what its partition was told.
struct Bench {
    shard: Shard,
    log: Vec<TransactionRecord>,
    markers: Vec<Transaction>,
    on_their_way: Vec<Decided>,
    next_producer_id: i64,
    now_ms: i64,
}

impl Bench {
    fn new() -> Self {
        Self {
            shard: Shard::new(config()),
            log: Vec::new(),
            markers: Vec::new(),
            on_their_way: Vec::new(),
            next_producer_id: 100,
            now_ms: 0,
        }
    }

    fn ask<T>(&mut self, ask: impl FnOnce(Answer<T>) -> Ask) -> Receiver<Result<T, TransactionError>> {
        let (answer, answered) = oneshot::channel();
        self.shard.handle(ask(answer), self.now());
        answered
    }

    fn now(&self) -> Moment {
        Moment {
            monotonic_ms: self.now_ms,
            wall_ms: self.now_ms,
        }
    }

    /// Those who wait lose their patience.
    fn pass_patience(&mut self) {
        self.now_ms += PATIENCE_MS;
        self.shard.lose_patience(self.now());
    }

    fn write(&mut self, result: Result<(), TransactionError>) {
        for write in self.shard.take_writes() {
            if result.is_ok() {
                self.log.push(write.record.clone());
            }
            self.shard.complete(write, result, self.now());
        }
        self.on_their_way.append(&mut self.shard.take_decided());
    }

    fn deliver_markers(&mut self) {
        for Decided { id, transaction, .. } in std::mem::take(&mut self.on_their_way) {
            self.markers.push(transaction.clone());
            let producer = transaction.producer;
            let written = Ask::Markers(id, producer, MarkersOutcome::Written);
            self.shard.handle(written, self.now());
        }
    }

    fn failover(&mut self) {
        self.shard = Shard::new(config());
        for record in &self.log {
            let (key, value) = record.encode();
            let read = TransactionRecord::decode(Some(&key), value.as_deref())
                .unwrap()
                .unwrap();
            self.shard.replay(read);
        }
        self.shard.loaded();
        self.on_their_way = self.shard.take_decided();
    }

    fn init(&mut self) -> Receiver<Result<Successor, TransactionError>> {
        self.next_producer_id += 1;
        let request = InitProducer {
            id: id(),
            timeout_ms: TIMEOUT_MS,
            expected: None,
            fresh_producer_id: Some(self.next_producer_id),
        };
        self.ask(|answer| Ask::Init(request, answer))
    }

    fn add(&mut self, producer: ProducerIdentity) -> Receiver<Result<(), TransactionError>> {
        let request = AddPartitions {
            id: id(),
            producer,
            partitions: partitions(),
            bumps_epoch: true,
        };
        self.ask(|answer| Ask::Add(request, answer))
    }

    fn end(&mut self, producer: ProducerIdentity, commit: bool) -> Receiver<Result<Successor, TransactionError>> {
        let request = EndTransaction {
            id: id(),
            producer,
            commit,
            bumps_epoch: true,
            fresh_producer_id: None,
        };
        self.ask(|answer| Ask::End(request, answer))
    }

    fn verify(&mut self, producer: ProducerIdentity) -> Result<Vec<Result<(), TransactionError>>, TransactionError> {
        let request = AddPartitions {
            id: id(),
            producer,
            partitions: partitions(),
            bumps_epoch: false,
        };
        let mut answer = self.ask(|answer| Ask::Verify(request, answer));
        answer.try_recv().unwrap()
    }

    fn begin(&mut self) -> ProducerIdentity {
        let mut answer = self.init();
        self.write(Ok(()));
        producer(answer.try_recv().unwrap().unwrap())
    }

    fn state(&self) -> TransactionState {
        self.shard.entries[&id()].transaction.state
    }
}

fn producer(successor: Successor) -> ProducerIdentity {
    match successor {
        Successor::Producer(producer) => producer,
        Successor::NeedsProducerId => panic!("there was an id to take"),
    }
}

#[test]
fn a_transaction_runs_through_all_its_states() {
    let mut bench = Bench::new();
    let first = bench.begin();
    let mut added = bench.add(first);
    assert!(added.try_recv().is_err(), "it is not written yet");
    // One thing at a time: this one waits, but not for long.
    let mut early = bench.end(first, true);
    assert!(early.try_recv().is_err(), "it is waited for");
    bench.pass_patience();
    assert_eq!(early.try_recv().unwrap(), Err(TransactionError::ConcurrentTransactions));
    bench.write(Ok(()));
    added.try_recv().unwrap().unwrap();
    let mut ended = bench.end(first, true);
    bench.write(Ok(()));
    let next = producer(ended.try_recv().unwrap().unwrap());
    assert_eq!((next.id, next.epoch), (first.id, first.epoch + 1));
    // The next transaction begins when this one is done.
    let mut hasty = bench.add(next);
    bench.deliver_markers();
    bench.write(Ok(()));
    assert_eq!(bench.state(), TransactionState::CompleteCommit);
    assert!(hasty.try_recv().is_err(), "it is not written yet");
    bench.write(Ok(()));
    hasty.try_recv().unwrap().unwrap();
    assert_eq!(bench.state(), TransactionState::Ongoing);
    assert_eq!(bench.markers[0].producer, next);
}

#[test]
fn a_successor_carries_out_what_was_decided() {
    let mut bench = Bench::new();
    let first = bench.begin();
    drop(bench.add(first));
    bench.write(Ok(()));
    drop(bench.end(first, true));
    bench.write(Ok(()));
    bench.failover();
    assert_eq!(bench.on_their_way.len(), 1);
    bench.deliver_markers();
    // That could not be written: it is told again.
    bench.write(Err(TransactionError::CoordinatorNotAvailable));
    assert!(bench.on_their_way[0].again);
    bench.deliver_markers();
    bench.write(Ok(()));
    assert_eq!(bench.state(), TransactionState::CompleteCommit);
}

#[test]
fn refused_writes_change_nothing() {
    let mut bench = Bench::new();
    let mut refused = bench.init();
    bench.write(Err(TransactionError::CoordinatorNotAvailable));
    assert_eq!(
        refused.try_recv().unwrap(),
        Err(TransactionError::CoordinatorNotAvailable)
    );
    assert_eq!(bench.shard.len(), 0);
    let first = bench.begin();
    let mut refused = bench.add(first);
    bench.write(Err(TransactionError::NotCoordinator));
    assert_eq!(refused.try_recv().unwrap(), Err(TransactionError::NotCoordinator));
    assert_eq!(bench.state(), TransactionState::Empty);
}

#[test]
fn what_is_open_for_too_long_is_aborted_and_its_producer_fenced() {
    let mut bench = Bench::new();
    let first = bench.begin();
    drop(bench.add(first));
    bench.write(Ok(()));
    bench.shard.abort_timed_out(i64::from(TIMEOUT_MS));
    assert!(bench.shard.take_writes().is_empty());
    bench.shard.abort_timed_out(i64::from(TIMEOUT_MS) + 1);
    bench.write(Ok(()));
    bench.deliver_markers();
    bench.write(Ok(()));
    assert_eq!(bench.state(), TransactionState::CompleteAbort);
    let mut late = bench.end(ProducerIdentity { id: first.id, epoch: 7 }, true);
    assert_eq!(late.try_recv().unwrap(), Err(TransactionError::ProducerFenced));
    let mut refused = bench.add(first);
    assert_eq!(refused.try_recv().unwrap(), Err(TransactionError::ProducerFenced));
}

#[test]
fn a_newcomer_waits_until_what_is_open_is_aborted() {
    let mut bench = Bench::new();
    let first = bench.begin();
    drop(bench.add(first));
    bench.write(Ok(()));
    let mut newcomer = bench.init();
    bench.write(Ok(()));
    assert_eq!(bench.state(), TransactionState::PrepareAbort);
    bench.deliver_markers();
    bench.write(Ok(()));
    bench.write(Ok(()));
    let second = producer(newcomer.try_recv().unwrap().unwrap());
    assert_eq!((second.id, second.epoch), (first.id, first.epoch + 2));
    // Who has lost patience meanwhile does nothing any more.
    drop(bench.add(second));
    drop(bench.end(second, true));
    bench.write(Ok(()));
    assert_eq!(bench.state(), TransactionState::Ongoing);
}

#[test]
fn ids_that_nobody_uses_are_forgotten() {
    let mut bench = Bench::new();
    bench.begin();
    bench.shard.expire(99_999);
    assert!(bench.shard.take_writes().is_empty());
    bench.shard.expire(100_000);
    bench.write(Ok(()));
    assert_eq!(
        (bench.shard.len(), bench.log.last().map(|it| it.value.is_none())),
        (0, Some(true))
    );
}

#[derive(Clone, Debug)]
enum Step {
    Init,
    Add,
    End(bool),
    Write(bool),
    Deliver,
    /// The client does not get the answers that are on their way.
    LoseAnswers,
    Failover,
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Init),
        4 => Just(Step::Add),
        3 => any::<bool>().prop_map(Step::End),
        8 => (0_u8..10).prop_map(|dice| Step::Write(dice > 0)),
        4 => Just(Step::Deliver),
        1 => Just(Step::LoseAnswers),
        1 => Just(Step::Failover),
        1 => (0_i64..2_000).prop_map(Step::Pass),
    ]
}

/// A client, and what it has been told.
#[derive(Default)]
struct Client {
    producer: Option<ProducerIdentity>,
    init: Option<Receiver<Result<Successor, TransactionError>>>,
    end: Option<(ProducerIdentity, bool, Receiver<Result<Successor, TransactionError>>)>,
}

#[test]
fn who_adds_partitions_one_by_one_may_write_to_the_first_meanwhile() {
    let mut bench = Bench::new();
    let producer = bench.begin();
    drop(bench.add(producer));
    bench.write(Ok(()));
    let more = AddPartitions {
        id: id(),
        producer,
        partitions: vec![TopicPartition {
            topic: "more".into(),
            partition: 7,
        }],
        bumps_epoch: true,
    };
    drop(bench.ask(|answer| Ask::Add(more, answer)));
    assert_eq!(
        bench.verify(producer),
        Ok(vec![Ok(()); partitions().len()]),
        "another is being added"
    );
    bench.write(Ok(()));
    drop(bench.end(producer, true));
    assert_eq!(
        bench.verify(producer),
        Err(TransactionError::ConcurrentTransactions),
        "it is being ended"
    );
}

proptest! {
    #[test]
    fn no_answer_is_ever_broken(steps in proptest::collection::vec(step(), 1..150)) {
        let mut bench = Bench::new();
        let mut client = Client::default();
        // How the transaction that ended with an identity was told to have ended.
        let mut told: BTreeMap<(i64, i16), bool> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Init => client.init = Some(bench.init()),
                Step::Add => if let Some(own) = client.producer { drop(bench.add(own)); },
                Step::End(commit) => if let Some(own) = client.producer {
                    client.end = Some((own, commit, bench.end(own, commit)));
                },
                Step::Write(true) => bench.write(Ok(())),
                Step::Write(false) => bench.write(Err(TransactionError::CoordinatorNotAvailable)),
                Step::Deliver => bench.deliver_markers(),
                Step::LoseAnswers => (client.init, client.end) = (None, None),
                Step::Failover => bench.failover(),
                Step::Pass(ms) => {
                    bench.now_ms += ms;
                    let now = bench.now();
                    bench.shard.lose_patience(now);
                    bench.shard.abort_timed_out(now.wall_ms);
                }
            }
            if let Some(Ok(Ok(successor))) = client.init.as_mut().map(Receiver::try_recv) {
                client.producer = Some(producer(successor));
                client.init = None;
            }
            let ended = client.end.as_mut().map(|(own, commit, answer)| (*own, *commit, answer.try_recv()));
            if let Some((own, commit, Ok(Ok(successor)))) = ended {
                let next = producer(successor);
                prop_assert!((next.id, next.epoch) > (own.id, own.epoch));
                let before = told.insert((next.id, next.epoch), commit);
                prop_assert!(before.is_none_or(|before| before == commit), "an end was told in two ways");
                client.producer = Some(next);
                client.end = None;
            }
        }
        for _ in 0..4 {
            bench.write(Ok(()));
            bench.deliver_markers();
            bench.pass_patience();
        }
        bench.write(Ok(()));
        for marker in &bench.markers {
            let committed = marker.state == TransactionState::PrepareCommit;
            let identity = (marker.producer.id, marker.producer.epoch);
            if let Some(commit) = told.get(&identity) {
                prop_assert_eq!(committed, *commit, "{:?}", identity);
            }
            for other in bench.markers.iter().filter(|other| other.producer == marker.producer) {
                prop_assert_eq!(other.state, marker.state);
            }
        }
        prop_assert!(bench.shard.entries.values().all(|entry| !entry.transaction.state.is_prepared() && entry.writing.is_none()));
    }
}
