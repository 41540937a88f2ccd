//! Carries out what the metadata says: a new image for everybody, and the partitions of this broker in their roles. The
//! only place where leaders are made and unmade.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kafka_metadata::{
    ConfigResource, MetadataImage, MetadataOffset, MetadataRecord, PartitionState, TopicId, TopicImage, instructions,
};
use tracing::{debug, error, info};

use crate::{
    broker::Broker,
    coordinator::is_internal,
    groups::OFFSETS_TOPIC,
    maintenance::measure_volume,
    partition::{Partition, PartitionContext},
    replication::Followed,
    settings::{TopicSettings, dynamic_number},
    transactions::TRANSACTIONS_TOPIC,
};

/// How long files of a deleted replica stay; a topic's own delay is for its segments.
const DELETE_DELAY: &str = "log.segment.delete.delay.ms";

/// What could not be done is tried again this much later, such as replicas for which the disk has no room.
const TRY_AGAIN_MS: i64 = 1_000;

/// Applies records in order.
pub(crate) struct Applier {
    broker: Arc<Broker>,
    image: MetadataImage,
    /// Partitions that could not be put in their roles: the disk was full.
    unplaced: BTreeSet<(TopicId, i32)>,
    /// When that was tried last, by [`Broker::uptime_ms`].
    tried_ms: i64,
}

/// A partition could not be put in its role; the log says why.
struct NotPlaced;

/// What a batch of records touches.
#[derive(Debug, Default)]
struct Changes {
    partitions: BTreeSet<(TopicId, i32)>,
    deleted: BTreeSet<TopicId>,
    configured: BTreeSet<String>,
    all_configured: bool,
}

impl Applier {
    /// Begins with an empty image.
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        Self {
            broker,
            image: MetadataImage::default(),
            unplaced: BTreeSet::new(),
            tried_ms: 0,
        }
    }

    /// Tries again what failed before, from time to time: nothing else may ever change about those partitions. To be called often.
    pub(crate) fn try_again(&mut self) {
        let waited_ms = self.broker.uptime_ms().saturating_sub(self.tried_ms);
        if self.unplaced.is_empty() || waited_ms < TRY_AGAIN_MS {
            return;
        }
        let changes = Changes {
            partitions: self.unplaced.clone(),
            ..Changes::default()
        };
        self.carry_out(&changes);
    }

    /// Offset of the first record that is still wanted.
    pub(crate) fn next_offset(&self) -> MetadataOffset {
        self.image.next_offset()
    }

    /// Applies consecutive records; those that were applied before are passed over.
    pub(crate) fn records(&mut self, first_offset: MetadataOffset, records: &[MetadataRecord]) {
        let mut changes = Changes::default();
        for (offset, record) in (first_offset.0..).zip(records) {
            if offset < self.next_offset().0 {
                continue;
            }
            changes.note(record);
            self.count_unclean(record);
            self.image.apply(MetadataOffset(offset), record);
        }
        self.carry_out(&changes);
    }

    /// Counts the elections that made this broker a leader though it was not in sync. Who comes with the end of a reassignment
    /// was.
    fn count_unclean(&self, record: &MetadataRecord) {
        let MetadataRecord::Partition {
            topic_id,
            partition,
            state,
        } = record
        else {
            return;
        };
        let this = self.broker.config.broker_id;
        // What was elected before this process registered is history.
        let own_epoch = self.broker.controller.broker_epoch();
        let registered = self.image.brokers.get(&this);
        if registered.is_none_or(|registered| registered.broker_epoch != own_epoch) {
            return;
        }
        let before = find(&self.image, *topic_id, *partition).map(|(_, before)| before);
        let is_unclean = before.is_some_and(|before| {
            let has_just_come = before.is_moving() && !state.is_moving();
            before.leader != Some(this) && !before.isr.contains(&this) && !has_just_come
        });
        if is_unclean && state.leader == Some(this) {
            self.broker.metrics.unclean_leader_elections.mark(1);
        }
    }

    /// Begins again with a whole image.
    pub(crate) fn snapshot(&mut self, applied: MetadataOffset, records: &[MetadataRecord]) {
        self.image = MetadataImage::from_snapshot(Some(applied), records);
        let mut changes = Changes {
            all_configured: true,
            ..Changes::default()
        };
        for topic in self.image.topics.values() {
            changes
                .partitions
                .extend((0..).zip(&topic.partitions).map(|(index, _)| (topic.topic_id, index)));
        }
        let held = self.broker.partitions.all();
        let gone = held.iter().map(|partition| partition.topic_id);
        changes
            .deleted
            .extend(gone.filter(|id| self.image.topic_by_id(*id).is_none()));
        self.carry_out(&changes);
    }

    fn carry_out(&mut self, changes: &Changes) {
        let (broker, image) = (Arc::clone(&self.broker), Arc::new(self.image.clone()));
        // Logs are created and deleted here, which blocks on the disk.
        tokio::task::block_in_place(|| {
            for topic_id in &changes.deleted {
                let held = broker.partitions.all();
                held.iter()
                    .filter(|partition| partition.topic_id == *topic_id)
                    .for_each(|it| drop_replica(&broker, it));
            }
            if changes.all_configured {
                broker.fetchers.resize(&broker, fetchers_of_a_leader(&broker, &image));
            }
            let mut elected = Vec::new();
            for &(topic_id, index) in &changes.partitions {
                let failed_before = self.unplaced.remove(&(topic_id, index));
                let Some((topic, state)) = find(&image, topic_id, index) else {
                    continue;
                };
                match place(&broker, &image, topic, index, state) {
                    Ok(leader) => {
                        if failed_before {
                            info!(topic = %topic.name, index, "partition is in its role after all");
                        }
                        elected.extend(leader);
                    }
                    Err(NotPlaced) => {
                        self.unplaced.insert((topic_id, index));
                        self.tried_ms = broker.uptime_ms();
                    }
                }
            }
            reconfigure(&broker, &image, changes);
            if changes.all_configured {
                broker
                    .volume
                    .resize(instructions::number(&image, instructions::VOLUME_BYTES));
                measure_volume(&broker);
                broker
                    .certificate
                    .follow(instructions::text(&image, instructions::CERTIFICATES));
            }
            broker.authorizer.refresh(&image);
            broker.quotas.refresh(&image);
            let (broker_id, properties) = (broker.config.broker_id, &broker.config.server_properties);
            broker.throttles.configure(&image, broker_id, properties);
            if changes.all_configured {
                broker.connections.configure(&image, broker_id, properties);
            }
            broker.metadata.publish(Arc::clone(&image));
            for partition in elected {
                let leader_epoch = partition.leader_epoch();
                if &*partition.topic == OFFSETS_TOPIC.name {
                    broker.groups.on_elected(&broker, &partition, leader_epoch);
                } else {
                    broker.transactions.on_elected(&broker, &partition, leader_epoch);
                }
            }
        });
    }
}

impl Changes {
    fn note(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::Partition {
                topic_id, partition, ..
            } => {
                self.partitions.insert((*topic_id, *partition));
            }
            MetadataRecord::TopicDeleted { topic_id } => {
                self.deleted.insert(*topic_id);
            }
            MetadataRecord::Config {
                resource: ConfigResource::Topic(topic),
                ..
            } => {
                self.configured.insert(topic.clone());
            }
            MetadataRecord::Config { .. } => self.all_configured = true,
            _ => {}
        }
    }
}

/// `num.replica.fetchers`.
fn fetchers_of_a_leader(broker: &Broker, image: &MetadataImage) -> usize {
    let (id, properties) = (broker.config.broker_id, &broker.config.server_properties);
    let set = dynamic_number(image, id, properties, "num.replica.fetchers");
    set.and_then(|set| usize::try_from(set).ok()).unwrap_or(1)
}

fn find(image: &MetadataImage, topic_id: TopicId, index: i32) -> Option<(&TopicImage, &PartitionState)> {
    let topic = image.topic_by_id(topic_id)?;
    let state = topic.partitions.get(usize::try_from(index).ok()?)?;
    Some((topic, state))
}

/// Puts this broker's replica of a partition in its role; the partition if its leader coordinates something, and this broker has
/// just been elected.
fn place(
    broker: &Arc<Broker>,
    image: &MetadataImage,
    topic: &TopicImage,
    index: i32,
    state: &PartitionState,
) -> Result<Option<Arc<Partition>>, NotPlaced> {
    let held = broker
        .partitions
        .get(&topic.name, index)
        .filter(|partition| partition.topic_id == topic.topic_id);
    if !state.replicas.contains(&broker.config.broker_id) {
        if let Some(partition) = held {
            drop_replica(broker, &partition);
        }
        return Ok(None);
    }
    let partition = match held {
        Some(partition) => partition,
        None => open_replica(broker, image, topic, index)?,
    };
    let led = partition.is_leader();
    let elected = match partition.assume_role(state) {
        Ok(elected) => elected,
        Err(error) => {
            error!(?partition, %error, "role cannot be assumed");
            return Err(NotPlaced);
        }
    };
    let leads = partition.is_leader();
    if elected {
        info!(?partition, leader_epoch = %state.leader_epoch, "leading");
        // What a former life did not flush counts only once it is flushed.
        partition.request_flush();
    }
    if leads {
        broker.fetchers.unfollow((topic.topic_id, index));
    } else if let Some(leader) = state.leader {
        debug!(?partition, %leader, leader_epoch = %state.leader_epoch, "following");
        let followed = Followed {
            partition: Arc::clone(&partition),
            leader_epoch: state.leader_epoch,
        };
        broker.fetchers.follow(broker, leader, followed);
    } else {
        broker.fetchers.unfollow((topic.topic_id, index));
    }
    if led && !leads {
        resign(broker, &topic.name, index);
    }
    Ok((is_internal(&topic.name) && elected).then_some(partition))
}

/// This broker no longer leads a partition; if it has coordinated something, it does so no more.
fn resign(broker: &Broker, topic: &str, index: i32) {
    if topic == OFFSETS_TOPIC.name {
        broker.groups.on_resigned(index);
    } else if topic == TRANSACTIONS_TOPIC.name {
        broker.transactions.on_resigned(index);
    }
}

fn open_replica(
    broker: &Arc<Broker>,
    image: &MetadataImage,
    topic: &TopicImage,
    index: i32,
) -> Result<Arc<Partition>, NotPlaced> {
    let settings = topic_settings(broker, image, &topic.name);
    let opened = match broker
        .store
        .log(&topic.name, topic.topic_id, index, settings.log.clone())
    {
        Ok(opened) => opened,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            error!(topic = %topic.name, index, %error, cause, "log cannot be opened");
            return Err(NotPlaced);
        }
    };
    let context = PartitionContext {
        broker_id: broker.config.broker_id,
        clock: Arc::clone(&broker.clock),
        started: broker.started,
        flusher: Arc::clone(&opened.flusher),
        isr: broker.isr_changes.clone(),
        replica_lag_time_max_ms: broker.settings.replica_lag_time_max_ms,
        metrics: Arc::clone(&broker.metrics),
    };
    let name = (Arc::from(topic.name.as_str()), topic.topic_id, index);
    let partition = Arc::new(Partition::new(name, opened, settings, context));
    if let Some(older) = broker.partitions.insert(Arc::clone(&partition)) {
        // A topic of this name was deleted and created again, and we see both at once.
        give_up(broker, &older);
    }
    Ok(partition)
}

fn drop_replica(broker: &Arc<Broker>, partition: &Arc<Partition>) {
    if broker
        .partitions
        .remove(&partition.topic, partition.topic_id, partition.index)
        .is_some()
    {
        give_up(broker, partition);
    }
}

fn give_up(broker: &Arc<Broker>, partition: &Arc<Partition>) {
    info!(?partition, "replica deleted");
    broker.fetchers.unfollow((partition.topic_id, partition.index));
    resign(broker, &partition.topic, partition.index);
    partition.retire();
    let (image, id) = (broker.metadata.image(), broker.config.broker_id);
    let delay_ms = dynamic_number(&image, id, &broker.config.server_properties, DELETE_DELAY).unwrap_or(0);
    broker
        .store
        .delete(partition, broker.clock.now_ms().saturating_add(delay_ms));
}

fn topic_settings(broker: &Broker, image: &MetadataImage, topic: &str) -> TopicSettings {
    TopicSettings::resolve(image, broker.config.broker_id, &broker.config.server_properties, topic)
}

fn reconfigure(broker: &Broker, image: &MetadataImage, changes: &Changes) {
    if !changes.all_configured && changes.configured.is_empty() {
        return;
    }
    let mut resolved: BTreeMap<Arc<str>, TopicSettings> = BTreeMap::new();
    for partition in broker.partitions.all() {
        if changes.all_configured || changes.configured.contains(&*partition.topic) {
            let settings = resolved
                .entry(Arc::clone(&partition.topic))
                .or_insert_with(|| topic_settings(broker, image, &partition.topic));
            partition.configure(settings.clone());
        }
    }
}
