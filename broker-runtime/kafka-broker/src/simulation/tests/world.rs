//! The simulated cluster and what happens in it: one step after the other, drawn from the seed.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use kafka_metadata::{
    BrokerId, MetadataImage, MetadataRecord, PartitionState,
    controller::{ControllerDefaults, ControllerEvent, decide},
    rpc::{ControllerError, ControllerRequest, ControllerResponse, NewTopic, Reassignment},
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use uuid::Uuid;

use super::{
    checker::{Checker, Decisions},
    clock::SimulatedClock,
    network::{Message, ProcessName},
    node::{CLUSTER, Node, Process, TOPIC},
    producers::{BatchName, Producer},
};
use crate::partition::{Partition, PartitionError, ReadBound};

/// Brokers of the cluster.
const BROKERS: i32 = 4;
/// The assignment of the topic's partitions in the beginning.
const ASSIGNMENT: [[i32; 3]; 2] = [[1, 2, 3], [2, 3, 4]];
/// Producers: the first ones are idempotent, the others transactional.
const PRODUCERS: [bool; 4] = [false, false, true, true];
/// Faults in a thousand steps: some runs are wild, and some give time to recover.
const FAULTS: [u32; 5] = [1, 3, 8, 20, 40];
/// Lines of the story that are told when something is wrong.
const STORY_LINES_MAX: usize = 60;
/// Messages on their way at once; the oldest ones are lost.
const MESSAGES_MAX: usize = 60;
/// Rounds without faults after which everything must be in order.
const CALM_ROUNDS: usize = 400;

/// A fault of ours that a simulation has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    /// Followers ask for what comes next before what came is flushed.
    FetchBeforeFlush,
    /// Leaders come from all replicas.
    LeaderOutOfSync,
    /// Followers do not say which epoch their last record has.
    NoEpochs,
    /// Producers are told of success as soon as the leader has the records.
    AcknowledgedTooEarly,
    /// Producers that send again carry no sequence numbers.
    NoSequences,
    /// Readers of committed records go on to the high watermark.
    ReadsPastStable,
    /// Leaders do not ask the coordinator about transactions.
    Unverified,
    /// Brokers do not say that they have another disk.
    DiskUnnoticed,
}

/// An append whose fate is waited for.
pub(super) struct Waiting {
    pub(super) process: ProcessName,
    pub(super) fate: Pin<Box<dyn Future<Output = Result<(), PartitionError>>>>,
    pub(super) whose: Whose,
    pub(super) end: i64,
}

/// Who waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    /// A producer, for a batch.
    Batch(BatchName),
    /// A coordinator, for the marker of a producer in one of its epochs in a partition.
    Marker(usize, i16, i32),
}

/// See the head of this file.
pub(super) struct World {
    pub(super) rng: StdRng,
    pub(super) clock: SimulatedClock,
    pub(super) planted: Option<Planted>,
    pub(super) controller: MetadataImage,
    batches: Vec<(i64, Vec<MetadataRecord>)>,
    pub(super) nodes: Vec<Node>,
    pub(super) cut: BTreeSet<(BrokerId, BrokerId)>,
    /// Who has another disk, and has not registered with it.
    pub(super) blank: BTreeSet<BrokerId>,
    pub(super) network: VecDeque<Message>,
    pub(super) producers: Vec<Producer>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) decisions: Decisions,
    pub(super) checker: Checker,
    pub(super) next_id: u64,
    story: VecDeque<String>,
    pub(super) counts: BTreeMap<&'static str, u64>,
    /// Of a thousand steps, so many are faults.
    pub(super) faults: u32,
    _directory: tempfile::TempDir,
}

impl World {
    /// A cluster that has just been created.
    pub(super) fn new(seed: u64, planted: Option<Planted>) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let nodes = (1..=BROKERS).map(|id| Node::new(id, directory.path().join(id.to_string())));
        let producers = (0..).zip(PRODUCERS);
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            clock: SimulatedClock::new(),
            planted,
            controller: MetadataImage::default(),
            batches: Vec::new(),
            nodes: nodes.collect(),
            cut: BTreeSet::new(),
            blank: BTreeSet::new(),
            network: VecDeque::new(),
            producers: producers
                .map(|(id, is_transactional)| Producer::new(id, is_transactional, ASSIGNMENT.len()))
                .collect(),
            waiting: Vec::new(),
            decisions: Decisions::new(),
            checker: Checker::default(),
            next_id: 0,
            story: VecDeque::new(),
            counts: BTreeMap::new(),
            faults: 0,
            _directory: directory,
        };
        world.faults = *FAULTS.choose(&mut world.rng).unwrap_or(&1);
        if planted == Some(Planted::NoSequences) {
            world.producers[0].is_careless = true;
        }
        world.begin()?;
        Ok(world)
    }

    fn begin(&mut self) -> Result<()> {
        self.decide(ControllerEvent::CreateCluster {
            cluster_id: CLUSTER.to_owned(),
        })?;
        for at in 0..self.nodes.len() {
            self.start(at)?;
            self.attach(at)?;
            self.apply(at)?;
            self.beat(at, false)?;
        }
        let assignments = ASSIGNMENT.map(|replicas| replicas.map(BrokerId).to_vec()).to_vec();
        let topic = NewTopic {
            name: TOPIC.to_owned(),
            partitions: None,
            replication_factor: None,
            assignments: Some(assignments),
            // As the brokers have it.
            configs: BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())]),
        };
        let created = self.ask(ControllerRequest::CreateTopics {
            topics: vec![topic],
            validate_only: false,
        });
        ensure!(created.is_ok(), "{created:?}");
        Ok(())
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.story.len() == STORY_LINES_MAX {
            self.story.pop_front();
        }
        self.story.push_back(what());
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// The last things that happened.
    pub(super) fn story(&self) -> String {
        self.story.iter().map(|line| format!("\n  {line}")).collect()
    }

    // The controller.

    fn decide(&mut self, event: ControllerEvent) -> Result<ControllerResponse, ControllerError> {
        let mut decision = decide(&self.controller, event, &ControllerDefaults::default(), &mut self.rng)?;
        if self.planted == Some(Planted::LeaderOutOfSync) {
            self.elect_anybody(&mut decision.records, &mut decision.image);
        }
        if !decision.records.is_empty() {
            self.batches.push((self.controller.next_offset().0, decision.records));
        }
        self.controller = decision.image;
        Ok(decision.response)
    }

    fn elect_anybody(&mut self, records: &mut Vec<MetadataRecord>, image: &mut MetadataImage) {
        for record in records.clone() {
            let MetadataRecord::Partition {
                topic_id,
                partition,
                mut state,
            } = record
            else {
                continue;
            };
            let active = |replica: &BrokerId| image.active_broker(*replica).is_some();
            let anybody = state.replicas.iter().copied().find(active);
            if let (None, Some(leader)) = (state.leader, anybody) {
                state.leader = Some(leader);
                state.leader_epoch.0 += 1;
                state.partition_epoch.0 += 1;
                state.isr = vec![leader];
                let elected = MetadataRecord::Partition {
                    topic_id,
                    partition,
                    state,
                };
                image.apply(image.next_offset(), &elected);
                records.push(elected);
            }
        }
    }

    pub(super) fn ask(&mut self, request: ControllerRequest) -> Result<ControllerResponse, ControllerError> {
        self.decide(ControllerEvent::Request(request))
    }

    pub(super) fn fence(&mut self, broker_id: BrokerId) -> Result<()> {
        self.tell(|| format!("controller fences {broker_id}"));
        self.decide(ControllerEvent::Fence { broker_id })?;
        Ok(())
    }

    /// The controller is started again: all it knows is its log.
    pub(super) fn restart_controller(&mut self) -> Result<()> {
        let mut image = MetadataImage::default();
        for record in self.batches.iter().flat_map(|(_, records)| records) {
            image.apply(image.next_offset(), record);
        }
        ensure!(
            image == self.controller,
            "the log of the controller says something else than its image"
        );
        for process in self.nodes.iter_mut().filter_map(|node| node.process.as_mut()) {
            process.attached = false;
        }
        Ok(())
    }

    // Brokers and the controller.

    pub(super) fn process(&mut self, at: usize) -> Option<&mut Process> {
        self.nodes[at].process.as_mut()
    }

    pub(super) fn at(&self, id: BrokerId) -> usize {
        self.nodes.iter().position(|node| node.id == id).unwrap_or(0)
    }

    /// The process of that name, if it still runs.
    pub(super) fn living(&mut self, (id, life): ProcessName) -> Option<&mut Process> {
        let at = self.at(id);
        let node = &mut self.nodes[at];
        node.process.as_mut().filter(|_| node.lives == life)
    }

    pub(super) fn name(&self, at: usize) -> ProcessName {
        (self.nodes[at].id, self.nodes[at].lives)
    }

    pub(super) fn start(&mut self, at: usize) -> Result<()> {
        let clock = self.clock.clone();
        let id = self.nodes[at].id;
        self.tell(|| format!("{id} starts"));
        self.nodes[at].start(&clock)
    }

    /// The broker connects and registers, or registers again.
    pub(super) fn attach(&mut self, at: usize) -> Result<()> {
        let node = &self.nodes[at];
        let (id, lives, boots) = (node.id, node.lives, node.boots);
        let incarnation = (u128::try_from(id.0)? << 64) | u128::from(lives);
        let log_dir = match self.planted {
            Some(Planted::DiskUnnoticed) => Uuid::nil(),
            _ => node.directory_id(),
        };
        let request = ControllerRequest::Register {
            broker_id: id,
            cluster_id: CLUSTER.to_owned(),
            incarnation_id: Uuid::from_u128(incarnation),
            boot_id: boots.to_string(),
            log_dirs: vec![log_dir],
            rack: None,
            endpoints: Vec::new(),
            metadata_from: kafka_metadata::MetadataOffset(0),
        };
        match self.ask(request) {
            Ok(ControllerResponse::Registered { broker_epoch }) => {
                self.blank.remove(&id);
                self.tell(|| format!("{id} registers with epoch {broker_epoch}"));
                if let Some(process) = self.process(at) {
                    process.registered(broker_epoch);
                }
                Ok(())
            }
            // The process before this one has not been heard of for long enough; this one tries again.
            Err(ControllerError::DuplicateBrokerRegistration(_)) => self.fence(id),
            other => anyhow::bail!("{id} cannot register: {other:?}"),
        }
    }

    /// The broker gets the next batch of metadata, or all it has missed.
    pub(super) fn apply(&mut self, at: usize) -> Result<bool> {
        let Some(process) = self.nodes[at].process.as_mut() else {
            return Ok(false);
        };
        let next = process.image.next_offset().0;
        let first = self
            .batches
            .partition_point(|(offset, records)| offset + i64::try_from(records.len()).unwrap_or(0) <= next);
        let batches = &self.batches[first..];
        if !process.attached || batches.is_empty() {
            return Ok(false);
        }
        let count = if std::mem::take(&mut process.missed) {
            batches.len()
        } else {
            1
        };
        let records: Vec<MetadataRecord> = batches[..count]
            .iter()
            .flat_map(|(_, records)| records.clone())
            .collect();
        process.apply(batches[0].0, &records)?;
        Ok(true)
    }

    pub(super) fn beat(&mut self, at: usize, want_shutdown: bool) -> Result<bool> {
        let id = self.nodes[at].id;
        let Some(process) = self.process(at).filter(|process| process.attached) else {
            return Ok(false);
        };
        let (broker_epoch, applied) = (process.controller.broker_epoch(), process.image.applied);
        let answer = self.ask(ControllerRequest::Heartbeat {
            broker_id: id,
            broker_epoch,
            applied,
            want_shutdown,
        });
        match answer {
            Ok(ControllerResponse::Heartbeat { should_shutdown, .. }) => Ok(should_shutdown),
            Ok(other) => anyhow::bail!("{id}: {other:?}"),
            Err(_) => {
                // As after StaleBrokerEpoch: it connects again.
                if let Some(process) = self.process(at) {
                    process.attached = false;
                }
                Ok(false)
            }
        }
    }

    pub(super) fn reassign(&mut self) {
        let mut brokers: Vec<BrokerId> = self.nodes.iter().map(|node| node.id).collect();
        brokers.remove(self.rng.random_range(0..brokers.len()));
        brokers.rotate_left(1);
        let partition = self.index();
        let target = self.rng.random_bool(0.85).then_some(brokers);
        self.tell(|| format!("reassigns {partition} to {target:?}"));
        // A refusal is fine: there may be nothing to take back.
        let _ = self.ask(ControllerRequest::AlterReassignments {
            reassignments: vec![Reassignment {
                topic: TOPIC.to_owned(),
                partition,
                target,
            }],
        });
    }

    // Chance.

    pub(super) fn index(&mut self) -> i32 {
        let partitions = i32::try_from(ASSIGNMENT.len()).unwrap_or(1);
        self.rng.random_range(0..partitions)
    }

    pub(super) fn any_node(&mut self) -> usize {
        self.rng.random_range(0..self.nodes.len())
    }

    pub(super) fn any_partition(&mut self) -> Option<Arc<Partition>> {
        let at = self.any_node();
        let process = self.nodes[at].process.as_ref()?;
        let partitions: Vec<_> = process.partitions.values().collect();
        partitions.choose(&mut self.rng).map(|partition| Arc::clone(partition))
    }

    pub(super) fn send(&mut self, message: Message) {
        self.network.push_back(message);
        if self.network.len() > MESSAGES_MAX
            && let Some(oldest) = self.network.pop_front()
        {
            self.lose(oldest);
        }
    }

    // What is waited for.

    pub(super) fn wait(
        &mut self,
        process: ProcessName,
        partition: &Arc<Partition>,
        whose: Whose,
        (last, epoch): (i64, kafka_metadata::LeaderEpoch),
    ) {
        let partition = Arc::clone(partition);
        let fate = async move { partition.wait_committed(last, epoch, Duration::from_secs(3600)).await };
        self.waiting.push(Waiting {
            process,
            fate: Box::pin(fate),
            whose,
            end: last + 1,
        });
    }

    fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        for mut waiting in std::mem::take(&mut self.waiting) {
            match waiting.fate.as_mut().poll(&mut context) {
                Poll::Pending => self.waiting.push(waiting),
                Poll::Ready(Ok(())) => self.written(&waiting),
                // Whoever wrote it sends it again.
                Poll::Ready(Err(_)) => {}
            }
        }
    }

    /// Every replica that is in sync has it.
    fn written(&mut self, waiting: &Waiting) {
        match waiting.whose {
            Whose::Batch(name) => {
                if self.producers[name.producer].acknowledged(name) {
                    self.count("acknowledged");
                    self.tell(|| format!("acknowledged {name:?} up to {}", waiting.end));
                    self.checker.acknowledged(name.index, waiting.end);
                }
            }
            Whose::Marker(producer, epoch, index) => {
                self.checker.acknowledged(index, waiting.end);
                if let Some(number) = self.producers[producer].marker_written(epoch, index) {
                    self.count("transactions");
                    self.tell(|| format!("transaction {producer}/{number} is complete"));
                }
            }
        }
    }

    // The run.

    /// So many steps with faults, then a time without any, after which everything must be in order.
    pub(super) fn run(&mut self, steps: usize) -> Result<()> {
        for step in 0..steps {
            self.step()
                .and_then(|()| self.look())
                .with_context(|| format!("step {step}"))?;
            if step % 50 == 49 {
                let (nodes, image) = (&self.nodes, &self.controller);
                self.checker
                    .check_whole_logs(nodes, image, &self.blank)
                    .with_context(|| format!("step {step}"))?;
            }
        }
        self.calm_down().context("after the faults")
    }

    fn look(&mut self) -> Result<()> {
        self.poll();
        self.checker.check(&self.nodes, &self.controller, &self.blank)?;
        if self.rng.random_bool(0.1)
            && let Some(partition) = self.any_partition()
        {
            let from = self.rng.random_range(0..=partition.high_watermark().max(0));
            self.checker
                .check_readers(&partition, from, self.bound(), &self.decisions)?;
        }
        Ok(())
    }

    fn bound(&self) -> ReadBound {
        if self.planted == Some(Planted::ReadsPastStable) {
            ReadBound::HighWatermark
        } else {
            ReadBound::LastStable
        }
    }

    fn calm_down(&mut self) -> Result<()> {
        self.cut.clear();
        self.clock.set_wall(0);
        for _ in 0..CALM_ROUNDS {
            self.calm_round()?;
            self.look()?;
            if self.is_settled() {
                return self.check_settled();
            }
        }
        let states: Vec<&PartitionState> = self.controller.topics[TOPIC].partitions.iter().collect();
        let held = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.id, node.process.as_ref()?)));
        let ends: Vec<_> = held
            .flat_map(|(id, process)| process.partitions.values().map(move |partition| (id, partition)))
            .map(|(id, it)| (id, it.index, it.high_watermark(), it.log_end_offset()))
            .collect();
        let (waiting, producers) = (self.waiting.len(), &self.producers);
        anyhow::bail!(
            "nothing disturbs, and still it does not settle; replicas, by broker, partition, high watermark and end: {ends:?}, \
             {waiting} appends are waited for, {states:?}, {producers:?}"
        )
    }

    fn calm_round(&mut self) -> Result<()> {
        for at in 0..self.nodes.len() {
            if self.nodes[at].process.is_none() {
                self.fence(self.nodes[at].id)?;
                self.start(at)?;
            }
            if self.process(at).is_some_and(|process| !process.attached) {
                self.attach(at)?;
            }
            while self.apply(at)? {}
            self.beat(at, false)?;
            self.fetch(at);
            self.propose(at);
            if let Some(process) = self.process(at) {
                while process.flusher.flush_one() {}
                for partition in process.partitions.values() {
                    partition.review_isr();
                }
            }
        }
        for producer in 0..self.producers.len() {
            self.finish(producer);
        }
        while let Some(message) = self.network.pop_front() {
            self.deliver(message)?;
        }
        self.clock.pass(100);
        Ok(())
    }

    fn is_settled(&self) -> bool {
        let topic = &self.controller.topics[TOPIC];
        let in_sync = |(index, state): (i32, &PartitionState)| {
            let ends: BTreeSet<(i64, i64)> = self
                .nodes
                .iter()
                .filter_map(|node| node.process.as_ref()?.partitions.get(&index))
                .map(|partition| (partition.log_end_offset(), partition.high_watermark()))
                .collect();
            state.isr.len() == state.replicas.len()
                && !state.is_moving()
                && state.leader.is_some()
                && ends.len() == 1
                && ends.iter().all(|(end, high_watermark)| end == high_watermark)
        };
        let is_done = |producer: &Producer| {
            producer.is_idle() && producer.transaction.as_ref().is_none_or(|it| it.partitions.is_empty())
        };
        self.waiting.is_empty() && self.producers.iter().all(is_done) && (0..).zip(&topic.partitions).all(in_sync)
    }

    fn check_settled(&mut self) -> Result<()> {
        self.checker
            .check_whole_logs(&self.nodes, &self.controller, &self.blank)?;
        let processes = self.nodes.iter().filter_map(|node| node.process.as_ref());
        for partition in processes.flat_map(|process| process.partitions.values()) {
            let (stable, end) = (partition.last_stable_offset(), partition.log_end_offset());
            ensure!(
                stable == end,
                "{partition:?}: no transaction is open, and readers stop at {stable}, not {end}"
            );
            self.checker
                .check_readers(partition, 0, self.bound(), &self.decisions)?;
        }
        Ok(())
    }

    /// A number that shows how a run went: equal runs have equal ones.
    pub(super) fn fingerprint(&mut self) -> u64 {
        self.rng.next_u64()
    }
}
