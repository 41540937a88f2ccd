//! The steps of a simulation: what brokers, producers and the network do by themselves, and what is done to them.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use clock::Clock;
use kafka_codec::{
    ErrorCode,
    messages::fetch_response::{EpochEndOffset, PartitionData},
};
use kafka_log::{AppendOrigin, VerificationGuard};
use kafka_metadata::{
    BrokerId, LeaderEpoch,
    rpc::{AlterPartition, ControllerError, ControllerRequest, ControllerResponse},
};
use rand::RngExt;

use super::{
    network::{Message, ProcessName},
    producers::BatchName,
    world::{Planted, Whose, World},
};
use crate::{
    partition::{
        AppendTerms, FollowerFetch, Partition, PartitionError, ProducerIdentity, ReadBound, ReadRequest, RequiredAcks,
    },
    replication::apply,
    response::partition_error_code,
};

/// Bytes of one fetch: a few batches.
const FETCH_BYTES: usize = 600;

impl World {
    /// Something happens.
    pub(super) fn step(&mut self) -> Result<()> {
        let at = self.any_node();
        if self.rng.random_range(0..1000) < self.faults {
            return self.fault(at);
        }
        match self.rng.random_range(0..960) {
            0..300 => return self.arrive(),
            300..430 => self.fetch(at),
            430..520 => {
                if let Some(process) = self.process(at) {
                    process.flusher.flush_one();
                }
            }
            520..640 => self.produce(),
            640..740 => drop(self.apply(at)?),
            740..790 => drop(self.beat(at, false)?),
            790..830 => {
                let ms = self.rng.random_range(1..300);
                self.clock.pass(ms);
            }
            830..860 => {
                if let Some(partition) = self.any_partition() {
                    partition.review_isr();
                }
            }
            860..900 => self.propose(at),
            900..930 => {
                let producer = self.rng.random_range(0..self.producers.len());
                self.transact(producer);
            }
            930..950 => {
                if let Some(process) = self.process(at).filter(|process| !process.attached) {
                    process.missed = true;
                    self.attach(at)?;
                }
            }
            _ => {
                if let Some(process) = self.process(at) {
                    process.checkpoint()?;
                }
            }
        }
        Ok(())
    }

    fn fault(&mut self, at: usize) -> Result<()> {
        let id = self.nodes[at].id;
        match self.rng.random_range(0..21) {
            0..3 => self.kill(at)?,
            3 => self.lose_power(at)?,
            4 => {
                // All of them are on one machine.
                for at in 0..self.nodes.len() {
                    self.lose_power(at)?;
                }
            }
            5..10 => {
                for at in 0..self.nodes.len() {
                    if self.nodes[at].process.is_none() && self.rng.random_bool(0.7) {
                        self.start(at)?;
                    }
                }
            }
            10 => self.fence(id)?,
            11 => {
                let other = self.any_node();
                let other = self.nodes[other].id;
                self.tell(|| format!("link cut between {id} and {other}"));
                self.cut.insert((id, other));
            }
            12 | 13 => self.cut.clear(),
            14 => {
                if let Some(process) = self.process(at) {
                    process.attached = false;
                }
            }
            15 => self.restart_controller()?,
            16 => self.reassign(),
            17 => drop(self.ask(ControllerRequest::ElectPreferredLeaders { partitions: None })),
            18 => {
                let by_ms = self.rng.random_range(-3_600_000..3_600_000);
                self.clock.set_wall(by_ms);
            }
            19 => self.replace_disk(at)?,
            _ => self.stop(at)?,
        }
        self.count("faults");
        Ok(())
    }

    /// `kill -9`; the controller sees it at once, later, or when the next process registers.
    fn kill(&mut self, at: usize) -> Result<()> {
        let (name, id) = (self.name(at), self.nodes[at].id);
        self.tell(|| format!("{id} is killed"));
        self.waiting.retain(|waiting| waiting.process != name);
        self.nodes[at].process = None;
        if self.rng.random_bool(0.6) {
            self.fence(id)?;
        }
        Ok(())
    }

    fn lose_power(&mut self, at: usize) -> Result<()> {
        self.kill(at)?;
        let id = self.nodes[at].id;
        self.tell(|| format!("{id} loses what was not flushed"));
        self.nodes[at].boots += 1;
        let disk = Arc::clone(&self.nodes[at].disk);
        disk.lose_power(&mut self.rng);
        Ok(())
    }

    /// A disk fails for good, and another one takes its place; only where others have what was acknowledged. That takes longer than
    /// the controller needs to see that the broker is gone.
    fn replace_disk(&mut self, at: usize) -> Result<()> {
        let id = self.nodes[at].id;
        let topic = self.controller.topics.values().next();
        let have_others = topic.is_some_and(|topic| {
            topic.partitions.iter().all(|state| {
                let others = |member: BrokerId| member != id && !self.blank.contains(&member);
                !state.safe_replicas().any(|member| member == id) || state.safe_replicas().any(others)
            })
        });
        if !have_others {
            return Ok(());
        }
        self.kill(at)?;
        self.fence(id)?;
        self.tell(|| format!("{id} gets another disk"));
        self.blank.insert(id);
        let node = &mut self.nodes[at];
        node.disks += 1;
        node.disk = Arc::default();
        self.count("disks");
        Ok(())
    }

    /// A controlled shutdown, if the controller lets it go.
    fn stop(&mut self, at: usize) -> Result<()> {
        if !self.beat(at, true)? {
            return Ok(());
        }
        let (name, id) = (self.name(at), self.nodes[at].id);
        self.tell(|| format!("{id} stops"));
        self.waiting.retain(|waiting| waiting.process != name);
        if let Some(process) = self.nodes[at].process.take() {
            process.close()?;
        }
        self.fence(id)
    }

    /// A message arrives, arrives twice, or is lost.
    fn arrive(&mut self) -> Result<()> {
        if self.network.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..self.network.len());
        let Some(message) = self.network.remove(at) else {
            return Ok(());
        };
        if self.rng.random_bool(0.04) {
            self.lose(message);
            return Ok(());
        }
        if message.may_double() && self.rng.random_bool(0.08) {
            self.send(message.clone());
        }
        let is_cut = message
            .link()
            .is_some_and(|(from, to)| self.cut.contains(&(from, to)) || self.cut.contains(&(to, from)));
        if is_cut { Ok(()) } else { self.deliver(message) }
    }

    /// A message does not arrive. Who asks the controller learns that there is no answer, whatever has become of the question.
    pub(super) fn lose(&mut self, message: Message) {
        let (to, index, epochs) = match message {
            Message::Propose { from, proposal, .. } => {
                let epochs = (proposal.leader_epoch, proposal.partition_epoch);
                (from, proposal.partition, epochs)
            }
            Message::Proposed { to, index, epochs, .. } => (to, index, epochs),
            _ => return,
        };
        let result = Err(ControllerError::NotController);
        self.proposed(to, index, epochs, result);
    }

    pub(super) fn deliver(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Fetch {
                from,
                to,
                index,
                id,
                fetch,
                epochs,
            } => self.answer_fetch((from, to), index, id, fetch, epochs),
            Message::Fetched {
                to, index, id, data, ..
            } => return self.fetched(to, index, id, data),
            Message::Produce { to, name, bytes } => self.take_batch(to, name, bytes),
            Message::Join {
                from,
                name,
                bytes,
                guard,
            } => {
                let producer = &mut self.producers[name.producer];
                if producer.join(name.epoch, name.index) || self.planted == Some(Planted::Unverified) {
                    self.send(Message::Joined {
                        to: from,
                        name,
                        bytes,
                        guard,
                    });
                }
            }
            Message::Joined { to, name, bytes, guard } => {
                if self.living(to).is_some() {
                    self.append(to, name, bytes, Some(guard));
                }
            }
            Message::Marker { to, producer, index } => self.write_marker(to, producer, index),
            Message::Propose {
                from,
                broker_epoch,
                proposal,
            } => self.alter_partition(from, broker_epoch, proposal),
            Message::Proposed {
                to,
                index,
                epochs,
                result,
            } => self.proposed(to, index, epochs, result),
        }
        Ok(())
    }

    // Replication.

    /// A broker asks the leaders of what it follows.
    pub(super) fn fetch(&mut self, at: usize) {
        let from = self.name(at);
        let planted = self.planted;
        let loses_answers = self.rng.random_bool(0.1);
        let mut next_id = self.next_id;
        let mut asked = Vec::new();
        let Some(process) = self.process(at) else { return };
        let broker_epoch = Some(process.controller.broker_epoch());
        for (&index, following) in &mut process.following {
            let partition = &following.followed.partition;
            if following.asked.is_some() && !loses_answers {
                continue;
            }
            if !partition.is_flushed() && planted != Some(Planted::FetchBeforeFlush) {
                partition.request_flush();
                continue;
            }
            next_id += 1;
            following.asked = Some(next_id);
            let last_epoch = if planted == Some(Planted::NoEpochs) {
                -1
            } else {
                partition.latest_epoch()
            };
            asked.push(Message::Fetch {
                from,
                to: following.leader,
                index,
                id: next_id,
                fetch: FollowerFetch {
                    broker_id: from.0,
                    broker_epoch,
                    offset: partition.log_end_offset(),
                    log_start_offset: partition.log_start_offset(),
                    leader_end: 0,
                    now_ms: 0,
                },
                epochs: (following.followed.leader_epoch.0, last_epoch),
            });
        }
        self.next_id = next_id;
        asked.into_iter().for_each(|message| self.send(message));
    }

    fn partition(&mut self, id: BrokerId, index: i32) -> Option<Arc<Partition>> {
        let at = self.at(id);
        self.process(at)?.partitions.get(&index).cloned()
    }

    /// As `handlers/01_fetch.rs`: what the follower has is noted first.
    fn answer_fetch(
        &mut self,
        (from, to): (ProcessName, BrokerId),
        index: i32,
        id: u64,
        mut fetch: FollowerFetch,
        epochs: (i32, i32),
    ) {
        let at = self.at(to);
        let now = self.clock.monotonic();
        let Some(process) = self.process(at) else { return };
        fetch.now_ms = process.uptime_ms(now);
        let mut data = PartitionData::default();
        data.diverging_epoch = EpochEndOffset::default();
        let Some(partition) = process.partitions.get(&index).cloned() else {
            data.error_code = ErrorCode::NotLeaderOrFollower.code();
            return self.send(Message::Fetched {
                to: from,
                from: to,
                index,
                id,
                data,
            });
        };
        partition.follower_fetched(fetch, epochs);
        let result = partition.fetch(ReadRequest {
            offset: fetch.offset,
            max_bytes: FETCH_BYTES,
            at_least_one: true,
            bound: ReadBound::LogEnd,
            current_leader_epoch: epochs.0,
            last_fetched_epoch: epochs.1,
            from_any_replica: false,
        });
        match result {
            Ok(result) => {
                data.high_watermark = result.high_watermark;
                data.log_start_offset = result.log_start_offset;
                if let Some(divergence) = result.divergence {
                    data.diverging_epoch.epoch = divergence.epoch;
                    data.diverging_epoch.end_offset = divergence.end_offset;
                }
                data.records = result.records.into_bytes().ok();
            }
            Err(error) => {
                data.error_code = partition_error_code(&error).code();
                data.log_start_offset = match error {
                    PartitionError::OffsetOutOfRange { .. } => partition.log_start_offset(),
                    _ => -1,
                };
            }
        }
        self.send(Message::Fetched {
            to: from,
            from: to,
            index,
            id,
            data,
        });
    }

    fn fetched(&mut self, to: ProcessName, index: i32, id: u64, data: PartitionData) -> Result<()> {
        let Some(process) = self.living(to) else { return Ok(()) };
        let Some(following) = process.following.get_mut(&index).filter(|it| it.asked == Some(id)) else {
            return Ok(());
        };
        following.asked = None;
        let followed = following.followed.clone();
        let diverging = data.diverging_epoch.epoch >= 0;
        let end = followed.partition.log_end_offset();
        apply(&followed, data)?;
        let now = followed.partition.log_end_offset();
        if now != end || diverging {
            self.tell(|| {
                format!(
                    "{} goes from {end} to {now} in partition {index}, epoch {}",
                    to.0, followed.leader_epoch
                )
            });
        }
        Ok(())
    }

    /// Proposed ISRs leave the broker.
    pub(super) fn propose(&mut self, at: usize) {
        let from = self.name(at);
        let Some(process) = self.process(at) else { return };
        let broker_epoch = process.controller.broker_epoch();
        let mut proposals = Vec::new();
        while let Ok(submission) = process.submissions.try_recv() {
            proposals.push(submission.to_proposal());
        }
        for proposal in proposals {
            self.tell(|| {
                format!(
                    "{} proposes {:?} for partition {}",
                    from.0, proposal.new_isr, proposal.partition
                )
            });
            self.send(Message::Propose {
                from,
                broker_epoch,
                proposal,
            });
        }
    }

    fn alter_partition(
        &mut self,
        from: ProcessName,
        broker_epoch: kafka_metadata::BrokerEpoch,
        proposal: AlterPartition,
    ) {
        let (index, epochs) = (proposal.partition, (proposal.leader_epoch, proposal.partition_epoch));
        let answer = self.ask(ControllerRequest::AlterPartition {
            broker_id: from.0,
            broker_epoch,
            partitions: vec![proposal],
        });
        let mut result = match answer {
            Ok(ControllerResponse::AlterPartition(mut results)) => results.remove(0),
            Ok(_) => Err(ControllerError::NotController),
            Err(error) => Err(error),
        };
        if self.rng.random_bool(0.1) {
            // The connection ends with the answer in it.
            result = Err(ControllerError::NotController);
        }
        self.tell(|| format!("controller answers {} for partition {index}: {result:?}", from.0));
        self.send(Message::Proposed {
            to: from,
            index,
            epochs,
            result,
        });
    }

    fn proposed(
        &mut self,
        to: ProcessName,
        index: i32,
        epochs: (LeaderEpoch, kafka_metadata::PartitionEpoch),
        result: Result<kafka_metadata::PartitionState, ControllerError>,
    ) {
        let Some(partition) = self
            .living(to)
            .and_then(|process| process.partitions.get(&index).cloned())
        else {
            return;
        };
        partition.proposal_answered(epochs, &result);
    }

    // Producers.

    /// A producer writes a batch, or sends one again; mostly to the leader.
    fn produce(&mut self) {
        let (at, index) = (self.rng.random_range(0..self.producers.len()), self.index());
        let now_ms = self.clock.now_ms();
        if self.rng.random_bool(0.5) {
            self.producers[at].write(index, now_ms, &mut self.rng);
        }
        self.send_batch(at, index);
    }

    fn send_batch(&mut self, producer: usize, index: i32) {
        let epoch = self.producers[producer].epoch;
        if let Some((sequence, bytes)) = self.producers[producer].unacknowledged(index) {
            let name = BatchName {
                producer,
                epoch,
                index,
                sequence,
            };
            let to = self.leader_or_anybody(index);
            self.send(Message::Produce { to, name, bytes });
        }
    }

    fn leader_or_anybody(&mut self, index: i32) -> BrokerId {
        let topic = &self.controller.topics[super::node::TOPIC];
        let leader = topic
            .partitions
            .get(usize::try_from(index).unwrap_or(0))
            .and_then(|state| state.leader);
        match leader {
            Some(leader) if self.rng.random_bool(0.9) => leader,
            _ => {
                let at = self.any_node();
                self.nodes[at].id
            }
        }
    }

    fn take_batch(&mut self, to: BrokerId, name: BatchName, bytes: Bytes) {
        let process = self.name(self.at(to));
        let Some(partition) = self.partition(to, name.index) else {
            return;
        };
        let producer = &self.producers[name.producer];
        let identity = ProducerIdentity {
            id: producer.id,
            epoch: name.epoch,
        };
        let guard = match &producer.transaction {
            Some(_) => partition.begin_verification(identity, name.sequence, true),
            None => None,
        };
        match guard {
            Some(guard) => self.send(Message::Join {
                from: process,
                name,
                bytes,
                guard,
            }),
            None => self.append(process, name, bytes, None),
        }
    }

    fn append(&mut self, process: ProcessName, name: BatchName, bytes: Bytes, guard: Option<VerificationGuard>) {
        let Some(partition) = self.partition(process.0, name.index) else {
            return;
        };
        let terms = AppendTerms {
            required_epoch: None,
            acks: RequiredAcks::All,
            origin: AppendOrigin::Client,
            guard,
        };
        if let Ok(range) = partition.append_as_leader(bytes, terms) {
            self.tell(|| {
                format!(
                    "{} appends {name:?} at {}..={}",
                    process.0, range.base_offset, range.last_offset
                )
            });
            if self.planted == Some(Planted::AcknowledgedTooEarly) {
                self.producers[name.producer].acknowledged(name);
                self.checker.acknowledged(name.index, range.last_offset + 1);
            }
            let position = (range.last_offset, range.leader_epoch);
            self.wait(process, &partition, Whose::Batch(name), position);
        }
    }

    // Transactions.

    /// A transaction is decided, or its decision goes on to another partition.
    fn transact(&mut self, at: usize) {
        let commit = self.rng.random_bool(0.6);
        if self.rng.random_bool(0.5) {
            self.decide_transaction(at, commit);
        }
        self.send_marker(at);
    }

    fn decide_transaction(&mut self, at: usize, commit: bool) {
        let id = self.producers[at].id;
        if let Some((number, committed)) = self.producers[at].decide(commit) {
            self.tell(|| format!("transaction {id}/{number} is decided, committed: {committed}"));
            self.decisions.insert((id, number), committed);
        }
    }

    fn send_marker(&mut self, producer: usize) {
        let left: Vec<i32> = self.producers[producer]
            .marker()
            .map(|(_, left)| left.iter().copied().collect())
            .unwrap_or_default();
        for index in left {
            let to = self.leader_or_anybody(index);
            self.send(Message::Marker { to, producer, index });
        }
    }

    fn write_marker(&mut self, to: BrokerId, producer: usize, index: i32) {
        let process = self.name(self.at(to));
        let Some(partition) = self.partition(to, index) else {
            return;
        };
        let marker = self.producers[producer]
            .marker()
            .filter(|(_, left)| left.contains(&index));
        let Some(marker) = marker.map(|(marker, _)| marker) else {
            return;
        };
        if let Ok(range) = partition.append_marker(marker, None) {
            self.tell(|| {
                format!(
                    "{} appends a marker of {producer} at {}, committed: {}",
                    process.0, range.base_offset, marker.committed
                )
            });
            let whose = Whose::Marker(producer, marker.producer.epoch, index);
            self.wait(process, &partition, whose, (range.last_offset, range.leader_epoch));
        }
    }

    /// Brings what a producer has begun to its end.
    pub(super) fn finish(&mut self, producer: usize) {
        if self.producers[producer].is_idle() {
            self.decide_transaction(producer, true);
        }
        self.send_marker(producer);
        for index in 0..2 {
            self.send_batch(producer, index);
        }
    }
}
