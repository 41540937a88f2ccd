//! The task that owns the image. It takes what waits as one group, decides on each in order, writes and flushes all
//! records at once, and only then lets anybody see them: first the records, then the answers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use clock::Clock;
use kafka_metadata::{
    BrokerId, MetadataImage, MetadataOffset, MetadataRecord,
    controller::{ControllerDefaults, ControllerEvent, Decision, LeaderBalance, decide},
    mutations::{Allowance, MutationBuckets, MutationLimit},
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    command::{Asker, Command, Outgoing},
    liveness::Liveness,
    log::{LogError, MetadataLog},
    readers::Readers,
    subscribers::Subscribers,
};

/// Most commands of one group.
const GROUP_COMMANDS_MAX: usize = 256;

/// Time between two looks at what time alone brings about.
const TICK: Duration = Duration::from_millis(100);

/// Owner of the image of one cluster.
pub(super) struct Core {
    pub(super) log: Option<MetadataLog>,
    pub(super) image: Arc<MetadataImage>,
    pub(super) defaults: watch::Receiver<Arc<ControllerDefaults>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) liveness: Liveness,
    pub(super) images: watch::Sender<Arc<MetadataImage>>,
    pub(super) applied_by: watch::Sender<BTreeMap<BrokerId, MetadataOffset>>,
    pub(super) balance: LeaderBalance,
    pub(super) subscribers: Subscribers,
    pub(super) readers: Readers,
    pub(super) mutations: MutationBuckets,
    /// Offset up to which the others must have seen that a broker hands over, before it may stop.
    pub(super) handed_over: HashMap<BrokerId, MetadataOffset>,
    /// The log refused the last write; a new file has to be begun before the next one.
    pub(super) is_damaged: bool,
}

/// Commands decided on, not yet durable.
struct Group {
    image: MetadataImage,
    first_offset: MetadataOffset,
    records: Vec<MetadataRecord>,
    /// The requests of people that have brought records about.
    request_ids: Vec<String>,
    effects: Vec<Effect>,
}

/// What follows once the records of a group are durable.
enum Effect {
    Answer(Asker, Result<ControllerResponse, ControllerError>),
    Subscribe { outgoing: Outgoing, from: MetadataOffset },
    Done(oneshot::Sender<()>),
}

impl Core {
    /// Works until it is told to stop or nobody can ask any more.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut waiting = Vec::with_capacity(GROUP_COMMANDS_MAX);
        let mut tick = self.clock.sleep(TICK);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = &mut tick => {
                    tick = self.clock.sleep(TICK);
                    // What was said while this process stood still is heard before anybody is called silent.
                    while let Ok(command) = commands.try_recv() {
                        waiting.push(command);
                    }
                    let group = self.decide_all(waiting.drain(..));
                    self.commit(group).await;
                    let group = self.decide_on_time();
                    self.commit(group).await;
                }
                count = commands.recv_many(&mut waiting, GROUP_COMMANDS_MAX) => {
                    if count == 0 {
                        return;
                    }
                    let group = self.decide_all(waiting.drain(..));
                    self.commit(group).await;
                }
            }
        }
    }

    fn new_group(&self) -> Group {
        Group {
            image: MetadataImage::clone(&self.image),
            first_offset: self.image.next_offset(),
            records: Vec::new(),
            request_ids: Vec::new(),
            effects: Vec::new(),
        }
    }

    fn decide_all(&mut self, commands: impl Iterator<Item = Command>) -> Group {
        let mut group = self.new_group();
        for command in commands {
            match command {
                Command::Request { request, asker } => self.request(&mut group, request, asker),
                Command::Disconnected(connection) => {
                    self.subscribers.unsubscribe(connection);
                    self.liveness.disconnected(connection, self.clock.monotonic());
                }
                Command::ProcessExited {
                    broker_id,
                    incarnation,
                    done,
                } => {
                    let registered = group.image.brokers.get(&broker_id).map(|broker| broker.incarnation_id);
                    if registered.is_some() && incarnation.is_none_or(|exited| Some(exited) == registered) {
                        info!(%broker_id, "the broker's process is gone");
                        self.fence(&mut group, broker_id);
                    }
                    group.effects.push(Effect::Done(done));
                }
            }
        }
        group
    }

    /// Fences who is silent, brings leaderships back.
    fn decide_on_time(&mut self) -> Group {
        let now = self.clock.monotonic();
        let mut group = self.new_group();
        let findings = self.liveness.look(&group.image, now);
        for broker_id in findings.suspected {
            warn!(%broker_id, "the broker's connection is gone");
        }
        for broker_id in findings.dead {
            warn!(%broker_id, "the broker is silent");
            self.fence(&mut group, broker_id);
        }
        if self.defaults.borrow().auto_leader_rebalance() {
            let patience = self.defaults.borrow().leader_balance_patience();
            let partitions = self.balance.due(&group.image, now, patience);
            if !partitions.is_empty() {
                if !self.is_damaged {
                    info!(count = partitions.len(), "leaderships return to preferred replicas");
                }
                self.decide(&mut group, ControllerEvent::BalanceLeaders { partitions })
                    .ok();
            }
        }
        group
    }

    fn fence(&mut self, group: &mut Group, broker_id: BrokerId) {
        self.forget(broker_id);
        if let Err(error) = self.decide(group, ControllerEvent::Fence { broker_id }) {
            error!(%broker_id, %error, "the broker could not be fenced");
        }
    }

    fn forget(&mut self, broker_id: BrokerId) {
        self.handed_over.remove(&broker_id);
        self.applied_by
            .send_if_modified(|applied| applied.remove(&broker_id).is_some());
    }

    /// Decides on one event and adds what comes of it to the group.
    fn decide(&self, group: &mut Group, event: ControllerEvent) -> Result<ControllerResponse, ControllerError> {
        self.decide_within(group, event).map(|(response, _)| response)
    }

    /// As [`Self::decide`]; says too what is left of a client's allowance.
    fn decide_within(
        &self,
        group: &mut Group,
        event: ControllerEvent,
    ) -> Result<(ControllerResponse, Option<Allowance>), ControllerError> {
        let defaults = Arc::clone(&self.defaults.borrow());
        let Decision {
            records,
            image,
            response,
            allowance,
        } = decide(&group.image, event, &defaults, &mut rand::rng())?;
        group.image = image;
        group.records.extend(records);
        Ok((response, allowance))
    }

    /// Decides on what a client asks that has a quota of it.
    fn decide_limited(
        &mut self,
        group: &mut Group,
        limit: &MutationLimit,
        request: ControllerRequest,
    ) -> Result<ControllerResponse, ControllerError> {
        let now_ms = self.clock.monotonic_ms();
        let allowance = self.mutations.allowance(limit, now_ms);
        let (response, left) = self.decide_within(group, ControllerEvent::Limited { request, allowance })?;
        let Some(left) = left else {
            return Ok(response);
        };
        self.mutations.settle(limit, &left, now_ms);
        Ok(ControllerResponse::Limited {
            throttle_ms: left.throttle_ms,
            response: Box::new(response),
        })
    }

    fn request(&mut self, group: &mut Group, request: ControllerRequest, asker: Asker) {
        if matches!(request, ControllerRequest::DescribeQuorum) {
            let answer = self.quorum(&group.image);
            group.effects.push(Effect::Answer(asker, Ok(answer)));
            return;
        }
        let known = Asked::of(&request);
        let before = group.records.len();
        let mut result = match request {
            ControllerRequest::Limited { limit, request } => self.decide_limited(group, &limit, *request),
            request => self.decide(group, ControllerEvent::Request(request)),
        };
        let changed = group.records.len() > before;
        if let (true, Some(id)) = (changed, asker.request_id()) {
            group.request_ids.push(id.to_owned());
        }
        if let (Ok(response), Some(known)) = (&mut result, known) {
            self.liveness
                .heard(known.broker_id, asker.connection(), self.clock.monotonic());
            if known.registers {
                if changed {
                    self.forget(known.broker_id);
                }
            } else {
                let now_ms = self.clock.now_ms();
                self.readers
                    .heard(known.broker_id, known.metadata, self.image.next_offset(), now_ms);
                self.note_applied(known.broker_id, known.metadata);
                self.hold_shutdown(group, known.broker_id, changed, response);
            }
            if let (true, Asker::Broker { outgoing, .. }) = (known.registers, &asker) {
                let from = known.metadata.unwrap_or(MetadataOffset(0));
                let outgoing = outgoing.clone();
                group.effects.push(Effect::Answer(asker, result));
                group.effects.push(Effect::Subscribe { outgoing, from });
                return;
            }
        }
        group.effects.push(Effect::Answer(asker, result));
    }

    /// The log as it is once the group is durable, and who reads it.
    fn quorum(&self, image: &MetadataImage) -> ControllerResponse {
        let now_ms = self.clock.now_ms();
        ControllerResponse::Quorum {
            next_offset: image.next_offset(),
            now_ms,
            readers: self.readers.describe(image, now_ms),
        }
    }

    fn note_applied(&self, broker_id: BrokerId, applied: Option<MetadataOffset>) {
        if let Some(applied) = applied {
            self.applied_by
                .send_if_modified(|all| all.insert(broker_id, applied) != Some(applied));
        }
    }

    /// A broker that hands over may stop once every active broker has seen it: then clients are sent elsewhere.
    fn hold_shutdown(&mut self, group: &Group, broker_id: BrokerId, changed: bool, response: &mut ControllerResponse) {
        let ControllerResponse::Heartbeat { should_shutdown, .. } = response else {
            return;
        };
        if !*should_shutdown {
            return;
        }
        if let (true, Some(applied)) = (changed, group.image.applied) {
            self.handed_over.insert(broker_id, applied);
        }
        let Some(offset) = self.handed_over.get(&broker_id) else {
            return;
        };
        let applied_by = self.applied_by.borrow();
        let has_seen = |other: &BrokerId| applied_by.get(other).is_some_and(|applied| applied >= offset);
        let active = group
            .image
            .brokers
            .values()
            .filter(|broker| broker.is_active())
            .map(|broker| broker.broker_id);
        *should_shutdown = active.filter(|other| *other != broker_id).all(|other| has_seen(&other));
    }

    /// Makes a group durable, then visible. When it cannot be made durable nothing of it has happened.
    async fn commit(&mut self, group: Group) {
        let Group {
            image,
            first_offset,
            records,
            request_ids,
            effects,
        } = group;
        let mut is_durable = true;
        let failed_before = self.is_damaged;
        if !records.is_empty() {
            match self.write(first_offset, &records).await {
                Ok(()) => {
                    if failed_before {
                        info!("metadata is written again");
                    }
                    self.image = Arc::new(image);
                    self.subscribers.publish(first_offset, records, request_ids);
                    self.images.send_replace(Arc::clone(&self.image));
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error)
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    if failed_before {
                        // It is tried ten times a second and more, and the disk may be full because of logs.
                        debug!(%error, cause, "metadata could still not be written");
                    } else {
                        error!(%error, cause, "metadata could not be written; nothing changes until it can be");
                    }
                    self.is_damaged = true;
                    is_durable = false;
                }
            }
        }
        for effect in effects {
            match effect {
                Effect::Answer(asker, result) if is_durable => asker.answer(result),
                Effect::Answer(asker, _) => asker.answer(Err(ControllerError::NotController)),
                Effect::Subscribe { outgoing, from } if is_durable => {
                    self.subscribers.subscribe(outgoing, from, &self.image);
                }
                Effect::Subscribe { .. } => {}
                Effect::Done(done) => drop(done.send(())),
            }
        }
    }

    /// Writes and flushes, away from the runtime's threads.
    async fn write(&mut self, first_offset: MetadataOffset, records: &[MetadataRecord]) -> Result<(), LogError> {
        let Some(mut log) = self.log.take() else {
            // Only a panic while it was written can have lost the log.
            panic!("the metadata log is lost");
        };
        let image = Arc::clone(&self.image);
        let begin_anew = self.is_damaged || log.is_long();
        let records = records.to_vec();
        let written = tokio::task::spawn_blocking(move || {
            let result = if begin_anew { log.begin_anew(&image) } else { Ok(()) };
            let result = result.and_then(|()| log.append(first_offset, &records));
            (log, result)
        });
        let (log, result) = match written.await {
            Ok(written) => written,
            Err(error) => panic!("writing the metadata log failed: {error}"),
        };
        self.log = Some(log);
        self.is_damaged &= result.is_err();
        result
    }
}

/// What the core itself has to know of a broker's request.
#[derive(Clone, Copy)]
struct Asked {
    broker_id: BrokerId,
    registers: bool,
    metadata: Option<MetadataOffset>,
}

impl Asked {
    fn of(request: &ControllerRequest) -> Option<Self> {
        match request {
            ControllerRequest::Register {
                broker_id,
                metadata_from,
                ..
            } => Some(Self {
                broker_id: *broker_id,
                registers: true,
                metadata: Some(*metadata_from),
            }),
            ControllerRequest::Heartbeat { broker_id, applied, .. } => Some(Self {
                broker_id: *broker_id,
                registers: false,
                metadata: *applied,
            }),
            _ => None,
        }
    }
}
