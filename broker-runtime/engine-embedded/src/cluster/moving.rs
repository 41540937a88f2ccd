//! Scaling both ways moves data: onto brokers that have joined, and away from those that are to leave. The controller's plan
//! says which replicas go where; here it is carried out a few partitions at a time, and what is done is never undone: a
//! call that was cut off is carried on by the next one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{BrokerResources, ClusterSpec, EngineError, Progress, Step};
use kafka_metadata::{
    BrokerId, MetadataImage,
    controller::even_out,
    instructions::{self, MOVING_BYTES_PER_SECOND},
    rpc::{ControllerRequest, ControllerResponse, Reassignment},
};

use super::{
    Cluster, Layout, Progress as State,
    broker::supervisor_error,
    moving_rate::{Behind, MovingRate},
    observe::directory_bytes,
    running::blocking,
};
use cluster_files::durable_file;

/// Partitions that are moved at the same time: enough to keep disks busy, few enough to leave clients their share.
pub(crate) const MOVING_MAX: usize = 16;
/// The property by which a cluster chooses how fast replicas come that are on their way.
const THROTTLED_RATE: &str = "follower.replication.throttled.rate";
/// How long nothing may happen, neither a partition arrive nor a log grow.
const STANDSTILL_LIMIT: Duration = Duration::from_secs(120);
/// How long to wait for a partition before the logs are looked at.
const LOOK: Duration = Duration::from_secs(2);

impl Cluster {
    /// Begins as many moves as may go on at once, and returns how many partitions are moving then.
    pub(crate) async fn move_some(&self) -> Result<usize, EngineError> {
        let image = self.image();
        let planned = Arc::clone(&image);
        let Some(plan) = blocking(move || Ok(even_out(&planned))).await? else {
            return Ok(0);
        };
        let moving = moving(&image);
        let next = next(&plan, &moving);
        let count = moving.len() + next.len();
        self.throttle_moves(count > 0).await?;
        if !next.is_empty() {
            tracing::info!(
                cluster = self.description().cluster_name,
                begun = next.len(),
                "evening out"
            );
            self.begin(next).await?;
        }
        Ok(count)
    }

    /// Says to the controller that these brokers, and no others, are to go.
    pub(super) async fn retire(&self, broker_ids: &[i32]) -> Result<(), EngineError> {
        let broker_ids: Vec<BrokerId> = broker_ids.iter().copied().map(BrokerId).collect();
        let image = self.image();
        let differs = |id: &BrokerId, broker: &kafka_metadata::BrokerImage| broker.retiring != broker_ids.contains(id);
        if !image.brokers.iter().any(|(id, broker)| differs(id, broker)) {
            return Ok(());
        }
        self.ask("retiring brokers", ControllerRequest::RetireBrokers { broker_ids })
            .await
            .map(drop)
    }

    /// Moves replicas until they are where they should be, and leaderships with them.
    pub(super) async fn even_out(&self) -> Result<(), EngineError> {
        let name = self.description().cluster_name;
        let mut pace = Pace::new(self.settings.clock.monotonic());
        loop {
            let image = self.image();
            let planned = Arc::clone(&image);
            let plan = blocking(move || Ok(even_out(&planned))).await?;
            let plan = plan.ok_or_else(|| EngineError::Unsupported {
                reason: format!("a topic of cluster {name:?} has more replicas than brokers would be left"),
            })?;
            let moving = moving(&image);
            let left = plan.len();
            let next = next(&plan, &moving);
            if next.is_empty() && moving.is_empty() {
                break;
            }
            self.throttle_moves(true).await?;
            pace.look(&self.layout, &image, &plan, &moving);
            self.report(Some(pace.progress(self.settings.clock.monotonic())));
            tracing::info!(
                cluster = name,
                moving = moving.len(),
                begun = next.len(),
                left,
                "moving partitions"
            );
            if !next.is_empty() {
                self.begin(next).await?;
            }
            self.wait_for_arrival().await?;
        }
        self.throttle_moves(false).await?;
        let preferred = ControllerRequest::ElectPreferredLeaders { partitions: None };
        self.ask("moving leaderships", preferred).await.map(drop)
    }

    /// Tells the brokers how fast replicas may come that are on their way, or that none are any more.
    pub(crate) async fn throttle_moves(&self, moving: bool) -> Result<(), EngineError> {
        let mut instructions = instructions::in_force(&self.image());
        let chosen = self.description().server_properties.get(THROTTLED_RATE).cloned();
        let rate = match chosen.filter(|_| moving) {
            Some(rate) => Some(rate),
            None if moving => Some(self.look_at_rate().await?.to_string()),
            None => {
                *self.moving_rate.lock() = MovingRate::default();
                None
            }
        };
        if instructions.get(MOVING_BYTES_PER_SECOND) == rate.as_ref() {
            return Ok(());
        }
        instructions.remove(MOVING_BYTES_PER_SECOND);
        instructions.extend(rate.map(|rate| (MOVING_BYTES_PER_SECOND.to_owned(), rate)));
        self.ask(
            "throttling the movement of data",
            ControllerRequest::Instruct { instructions },
        )
        .await
        .map(drop)
    }

    /// The rate, after a look at who is behind.
    async fn look_at_rate(&self) -> Result<u64, EngineError> {
        let now = self.settings.clock.monotonic();
        if self.moving_rate.lock().is_due(now) {
            let (layout, image) = (self.layout.clone(), self.image());
            let behind = blocking(move || Ok(behind(&layout, &image))).await?;
            let mut rate = self.moving_rate.lock();
            let before = rate.bytes_per_second();
            rate.look(now, behind);
            if rate.bytes_per_second() != before {
                let name = self.description().cluster_name;
                tracing::info!(
                    cluster = name,
                    bytes_per_second = rate.bytes_per_second(),
                    "data moves faster"
                );
            }
        }
        Ok(self.moving_rate.lock().bytes_per_second())
    }

    async fn begin(&self, reassignments: Vec<Reassignment>) -> Result<(), EngineError> {
        let request = ControllerRequest::AlterReassignments { reassignments };
        if let ControllerResponse::Results(results) = self.ask("moving partitions", request).await? {
            // A topic that was deleted meanwhile has nothing to move.
            for error in results.into_iter().filter_map(Result::err) {
                tracing::warn!(%error, "partition is not moved");
            }
        }
        Ok(())
    }

    /// Waits until fewer partitions are moving; gives up when nothing happens any more.
    async fn wait_for_arrival(&self) -> Result<(), EngineError> {
        let before = moving(&self.image()).len();
        if before == 0 {
            return Ok(());
        }
        let what = format!("moving partitions of cluster {:?}", self.description().cluster_name);
        let (mut bytes, mut stood) = (self.log_bytes().await?, Duration::ZERO);
        loop {
            let arrived = self.wait(&what, LOOK, |image| {
                let moving = moving(image);
                Ok(if moving.len() < before {
                    State::Done(())
                } else {
                    let (topic, index) = &moving[0];
                    State::Waiting(format!(
                        "{} partitions are moving, {topic}-{index} among them",
                        moving.len()
                    ))
                })
            });
            let timeout = match arrived.await {
                Err(timeout @ EngineError::Timeout { .. }) => timeout,
                ended => return ended,
            };
            self.throttle_moves(true).await?;
            let now = self.log_bytes().await?;
            stood = if now == bytes { stood + LOOK } else { Duration::ZERO };
            bytes = now;
            if stood >= STANDSTILL_LIMIT {
                return Err(timeout);
            }
        }
    }

    async fn log_bytes(&self) -> Result<u64, EngineError> {
        let paths: Vec<_> = self.broker_ids().map(|id| self.layout.broker(id).data()).collect();
        blocking(move || Ok(paths.iter().map(|path| directory_bytes(path)).sum())).await
    }

    /// Ends brokers that hold nothing any more, and forgets them. Their files go once the description does without them.
    pub(super) async fn dismiss(&self, broker_ids: &[i32]) -> Result<(), EngineError> {
        for &broker_id in broker_ids {
            if let Some(supervised) = self.broker(broker_id) {
                let stopped = supervised.stop().await;
                stopped.map_err(|source| supervisor_error(format!("stopping broker {broker_id}"), source))?;
                self.forget(broker_id);
            }
            let unregister = ControllerRequest::UnregisterBroker {
                broker_id: BrokerId(broker_id),
            };
            self.ask("removing a broker", unregister).await?;
            tracing::info!(broker_id, cluster = self.description().cluster_name, "broker has left");
        }
        Ok(())
    }

    /// Removes what is left of brokers that the description does not know.
    pub(super) async fn clean_up(&self) -> Result<(), EngineError> {
        let count = self.description().broker_count;
        let mut left_over = self.layout.broker_ids()?;
        left_over.retain(|id| u32::try_from(*id).is_ok_and(|id| id > count));
        for broker_id in left_over {
            let path = self.layout.broker(broker_id).root().to_owned();
            let name = path.display().to_string();
            let ended = supervisor::end(&name, &path, Duration::ZERO).await;
            ended.map_err(|source| supervisor_error(format!("ending the process of {name}"), source))?;
            // Its last words.
            self.deliver_logs().await;
            blocking(move || durable_file::remove_directory(&path)).await?;
        }
        Ok(())
    }
}

/// Partitions whose replicas are being moved, in the order of their names.
pub(crate) fn moving(image: &MetadataImage) -> Vec<(String, i32)> {
    let all = image
        .topics
        .values()
        .flat_map(|topic| (0..).zip(&topic.partitions).map(move |it| (topic, it)));
    let moving = all.filter(|(_, (_, state))| state.is_moving());
    let mut keys: Vec<(String, i32)> = moving.map(|(topic, (index, _))| (topic.name.clone(), index)).collect();
    keys.sort_unstable();
    keys
}

/// The moves to begin while these partitions are moving.
fn next(plan: &[Reassignment], moving: &[(String, i32)]) -> Vec<Reassignment> {
    plan.iter()
        .filter(|one| !moving.contains(&key(one)))
        .take(MOVING_MAX.saturating_sub(moving.len()))
        .cloned()
        .collect()
}

fn key(reassignment: &Reassignment) -> (String, i32) {
    (reassignment.topic.clone(), reassignment.partition)
}

/// How fast data moves: what was seen to be left, and what of it has arrived.
struct Pace {
    begun: Instant,
    /// Bytes of each partition that has to be moved, or had to be.
    bytes: BTreeMap<(String, i32), u64>,
    left: BTreeSet<(String, i32)>,
}

impl Pace {
    fn new(begun: Instant) -> Self {
        Self {
            begun,
            bytes: BTreeMap::new(),
            left: BTreeSet::new(),
        }
    }

    /// Takes in what is left.
    fn look(&mut self, layout: &Layout, image: &MetadataImage, plan: &[Reassignment], moving: &[(String, i32)]) {
        self.left = plan.iter().map(key).chain(moving.iter().cloned()).collect();
        for partition in &self.left {
            if !self.bytes.contains_key(partition) {
                let bytes = partition_bytes(layout, image, partition);
                self.bytes.insert(partition.clone(), bytes);
            }
        }
    }

    fn progress(&self, now: Instant) -> Progress {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let bytes_total: u64 = self.bytes.values().sum();
        let bytes_left: u64 = self.left.iter().filter_map(|it| self.bytes.get(it)).sum();
        let bytes_done = bytes_total - bytes_left;
        let elapsed_s = now.saturating_duration_since(self.begun).as_secs();
        let left_s = (bytes_done > 0 && elapsed_s > 0).then(|| bytes_left.saturating_mul(elapsed_s) / bytes_done);
        Progress {
            done: count(self.bytes.len() - self.left.len()),
            total: count(self.bytes.len()),
            bytes_done,
            bytes_total,
            left_s,
            ..Progress::begun(Step::MoveData)
        }
    }
}

/// How many bytes new replicas lack.
fn behind(layout: &Layout, image: &MetadataImage) -> Behind {
    let mut found = Behind::new();
    for partition in moving(image) {
        let Some(state) = image.partition(&partition.0, partition.1) else {
            continue;
        };
        let whole = partition_bytes(layout, image, &partition);
        for broker in state.adding.iter().filter(|broker| !state.isr.contains(broker)) {
            let lacks = whole.saturating_sub(replica_bytes(layout, *broker, &partition));
            found.insert((partition.0.clone(), partition.1, *broker), lacks);
        }
    }
    found
}

/// What a partition takes up on the disk of a broker that has it.
fn partition_bytes(layout: &Layout, image: &MetadataImage, (topic, partition): &(String, i32)) -> u64 {
    let state = image.partition(topic, *partition);
    let holder = state.and_then(|state| state.leader.or_else(|| state.safe_replicas().next()));
    holder.map_or(0, |broker| replica_bytes(layout, broker, &(topic.clone(), *partition)))
}

fn replica_bytes(layout: &Layout, broker: BrokerId, (topic, partition): &(String, i32)) -> u64 {
    directory_bytes(&layout.broker(broker.0).data().join(format!("{topic}-{partition}")))
}

/// Why brokers do not get fewer resources: one of them holds too much for that.
pub(crate) fn too_crowded(image: &MetadataImage, has: Option<BrokerResources>, wanted: &ClusterSpec) -> Option<String> {
    let resources = wanted.resources?;
    if has.is_some_and(|has| has.partitions_max <= resources.partitions_max) {
        return None;
    }
    let mut replicas: BTreeMap<BrokerId, u32> = BTreeMap::new();
    let partitions = image.topics.values().flat_map(|topic| &topic.partitions);
    for broker_id in partitions.flat_map(|state| &state.replicas) {
        *replicas.entry(*broker_id).or_default() += 1;
    }
    let (broker_id, most) = replicas.into_iter().max_by_key(|(_, count)| *count)?;
    (most > resources.partitions_max).then(|| {
        format!(
            "brokers of cluster {:?} cannot have the smaller type: broker {broker_id} has {most} partitions, and that type is for {} \
             at most. Delete topics or add brokers first",
            wanted.cluster_name, resources.partitions_max
        )
    })
}
