//! The metadata image: what all records up to an offset add up to. Cheap to clone (large parts are shared), so that a
//! broker publishes a new image per batch and readers never wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use uuid::Uuid;

use crate::{
    BrokerEpoch, BrokerId, ConfigResource, Endpoint, MetadataOffset, MetadataRecord, PartitionState, ScramMechanism,
    TopicId,
    acl::AclBinding,
    quota::{QuotaEntity, QuotaKey, QuotaValue, Quotas},
};

/// A registered broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    /// The broker.
    pub broker_id: BrokerId,
    /// Epoch of its registration.
    pub broker_epoch: BrokerEpoch,
    /// Random id of its process.
    pub incarnation_id: Uuid,
    /// Boot id of the kernel it runs on.
    pub boot_id: String,
    /// Ids of its log directories; none where it has not told them.
    pub log_dirs: Vec<Uuid>,
    /// Its zone.
    pub rack: Option<String>,
    /// Its listeners.
    pub endpoints: Vec<Endpoint>,
    /// True until it has caught up, and again once it is seen dead.
    pub fenced: bool,
    /// True while it gives up its leaderships.
    pub shutting_down: bool,
    /// True when it is to leave the cluster: it gets no new replicas.
    pub retiring: bool,
}

impl BrokerImage {
    /// Where its listener of this name is.
    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.listener == listener)
    }
}

/// A topic and its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// Its id.
    pub topic_id: TopicId,
    /// Its name.
    pub name: String,
    /// Partitions by index, without gaps.
    pub partitions: Vec<PartitionState>,
}

/// A SCRAM credential; values are base64.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramCredential {
    /// Salt.
    pub salt: String,
    /// Iterations.
    pub iterations: u32,
    /// `StoredKey` of RFC 5802.
    pub stored_key: String,
    /// `ServerKey` of RFC 5802.
    pub server_key: String,
}

impl std::fmt::Debug for ScramCredential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ScramCredential(iterations: {})", self.iterations)
    }
}

/// Everything the cluster has agreed on, up to and including `applied`. What there may be thousands of is in persistent maps: a
/// change copies the few nodes on the way to it, and the image that readers still have shares all others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataImage {
    /// Offset of the newest record in the image, `None` while it is empty.
    pub applied: Option<MetadataOffset>,
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// Registered brokers.
    pub brokers: BTreeMap<BrokerId, Arc<BrokerImage>>,
    /// Topics by name.
    pub topics: HashTrieMapSync<String, Arc<TopicImage>>,
    /// Names by topic id.
    pub topic_names: HashTrieMapSync<TopicId, String>,
    /// Dynamic configurations.
    pub configs: RedBlackTreeMapSync<ConfigResource, BTreeMap<String, String>>,
    /// SCRAM credentials by user and mechanism.
    pub scram: Arc<BTreeMap<(String, ScramMechanism), ScramCredential>>,
    /// Access control lists.
    pub acls: Arc<BTreeSet<AclBinding>>,
    /// Client quotas.
    pub quotas: Arc<Quotas>,
    /// The first producer id that has not been given out.
    pub next_producer_id: i64,
}

impl MetadataImage {
    /// The image that the records of a snapshot rebuild; `applied` is the offset of the newest record in it.
    pub fn from_snapshot(applied: Option<MetadataOffset>, records: &[MetadataRecord]) -> Self {
        let mut image = Self::default();
        for record in records {
            image.apply_change(record);
        }
        image.applied = applied;
        image
    }

    /// The topic with the most replicas, and how many they are.
    pub fn widest_topic(&self) -> Option<(String, usize)> {
        let widest = self.topics.values().filter_map(|topic| {
            let replicas = topic
                .partitions
                .iter()
                .map(|state| state.settled_replicas().len().max(state.target_replicas().len()))
                .max()?;
            Some((replicas, &topic.name))
        });
        widest.max().map(|(replicas, name)| (name.clone(), replicas))
    }

    /// A partition that has not all of its replicas in sync, in words.
    pub fn out_of_sync(&self) -> Option<String> {
        self.topics.values().find_map(|topic| {
            let mut partitions = topic.partitions.iter().enumerate();
            let (index, state) = partitions.find(|(_, state)| state.isr.len() < state.replicas.len())?;
            let (isr, replicas) = (state.isr.len(), state.replicas.len());
            Some(format!(
                "partition {}-{index} has {isr} of {replicas} replicas in sync",
                topic.name
            ))
        })
    }

    /// Offset of the record that comes next.
    pub fn next_offset(&self) -> MetadataOffset {
        MetadataOffset(self.applied.map_or(0, |applied| applied.0 + 1))
    }

    /// Applies one record at `offset`, which is the successor of `applied`. A record about a broker, topic or partition
    /// that does not exist changes nothing else.
    pub fn apply(&mut self, offset: MetadataOffset, record: &MetadataRecord) {
        debug_assert!(
            self.applied.is_none_or(|applied| applied.0 < offset.0),
            "records are applied in order"
        );
        self.applied = Some(offset);
        self.apply_change(record);
    }

    fn apply_change(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::ClusterCreated { cluster_id } => self.cluster_id.clone_from(cluster_id),
            MetadataRecord::BrokerRegistered { .. } => self.register(record),
            MetadataRecord::BrokerFenced { broker_id } => self.change_broker(*broker_id, |broker| broker.fenced = true),
            MetadataRecord::BrokerUnfenced { broker_id } => {
                self.change_broker(*broker_id, |broker| broker.fenced = false);
            }
            MetadataRecord::BrokerShuttingDown { broker_id } => {
                self.change_broker(*broker_id, |broker| broker.shutting_down = true);
            }
            MetadataRecord::BrokerRetiring { broker_id, retiring } => {
                self.change_broker(*broker_id, |broker| broker.retiring = *retiring);
            }
            MetadataRecord::BrokerUnregistered { broker_id } => {
                self.brokers.remove(broker_id);
            }
            MetadataRecord::TopicCreated { topic_id, name } => self.create_topic(*topic_id, name),
            MetadataRecord::TopicDeleted { topic_id } => self.delete_topic(*topic_id),
            MetadataRecord::Partition {
                topic_id,
                partition,
                state,
            } => {
                self.set_partition(*topic_id, *partition, state);
            }
            MetadataRecord::Config { resource, name, value } => self.set_config(resource, name, value.as_ref()),
            MetadataRecord::ScramCredential {
                user,
                mechanism,
                salt,
                iterations,
                stored_key,
                server_key,
            } => {
                let credential = ScramCredential {
                    salt: salt.clone(),
                    iterations: *iterations,
                    stored_key: stored_key.clone(),
                    server_key: server_key.clone(),
                };
                Arc::make_mut(&mut self.scram).insert((user.clone(), *mechanism), credential);
            }
            MetadataRecord::ScramCredentialRemoved { user, mechanism } => {
                Arc::make_mut(&mut self.scram).remove(&(user.clone(), *mechanism));
            }
            MetadataRecord::AclCreated { acl } => {
                Arc::make_mut(&mut self.acls).insert(acl.clone());
            }
            MetadataRecord::AclDeleted { acl } => {
                Arc::make_mut(&mut self.acls).remove(acl);
            }
            MetadataRecord::ClientQuota { entity, key, value } => self.set_quota(entity, *key, *value),
            MetadataRecord::ProducerIds { next_producer_id } => self.next_producer_id = *next_producer_id,
        }
    }

    fn register(&mut self, record: &MetadataRecord) {
        let MetadataRecord::BrokerRegistered {
            broker_id,
            broker_epoch,
            incarnation_id,
            boot_id,
            log_dirs,
            rack,
            endpoints,
        } = record
        else {
            return;
        };
        let broker = BrokerImage {
            broker_id: *broker_id,
            broker_epoch: *broker_epoch,
            incarnation_id: *incarnation_id,
            boot_id: boot_id.clone(),
            log_dirs: log_dirs.clone(),
            rack: rack.clone(),
            endpoints: endpoints.clone(),
            fenced: true,
            shutting_down: false,
            // A new process of a broker that is to go is to go, too.
            retiring: self.brokers.get(broker_id).is_some_and(|before| before.retiring),
        };
        self.brokers.insert(*broker_id, Arc::new(broker));
    }

    fn change_broker(&mut self, broker_id: BrokerId, change: impl FnOnce(&mut BrokerImage)) {
        if let Some(broker) = self.brokers.get_mut(&broker_id) {
            change(Arc::make_mut(broker));
        }
    }

    fn create_topic(&mut self, topic_id: TopicId, name: &str) {
        let topic = TopicImage {
            topic_id,
            name: name.to_owned(),
            partitions: Vec::new(),
        };
        self.topics.insert_mut(name.to_owned(), Arc::new(topic));
        self.topic_names.insert_mut(topic_id, name.to_owned());
    }

    fn delete_topic(&mut self, topic_id: TopicId) {
        let Some(name) = self.topic_names.get(&topic_id).cloned() else {
            return;
        };
        self.topic_names.remove_mut(&topic_id);
        self.topics.remove_mut(&name);
        self.configs.remove_mut(&ConfigResource::Topic(name));
    }

    fn set_partition(&mut self, topic_id: TopicId, partition: i32, state: &PartitionState) {
        let Some(name) = self.topic_names.get(&topic_id) else {
            return;
        };
        let (Ok(index), Some(topic)) = (usize::try_from(partition), self.topics.get_mut(name)) else {
            return;
        };
        let partitions = &mut Arc::make_mut(topic).partitions;
        if index == partitions.len() {
            partitions.push(state.clone());
        } else if let Some(existing) = partitions.get_mut(index) {
            existing.clone_from(state);
        }
    }

    fn set_config(&mut self, resource: &ConfigResource, name: &str, value: Option<&String>) {
        match value {
            Some(value) => {
                let mut of_resource = self.configs.get(resource).cloned().unwrap_or_default();
                of_resource.insert(name.to_owned(), value.clone());
                self.configs.insert_mut(resource.clone(), of_resource);
            }
            None => {
                if let Some(of_resource) = self.configs.get_mut(resource) {
                    of_resource.remove(name);
                    if of_resource.is_empty() {
                        self.configs.remove_mut(resource);
                    }
                }
            }
        }
    }

    fn set_quota(&mut self, entity: &QuotaEntity, key: QuotaKey, value: Option<QuotaValue>) {
        let quotas = Arc::make_mut(&mut self.quotas);
        match value {
            Some(value) => {
                quotas.entry(entity.clone()).or_default().insert(key, value);
            }
            None => {
                if let Some(of_entity) = quotas.get_mut(entity) {
                    of_entity.remove(&key);
                    if of_entity.is_empty() {
                        quotas.remove(entity);
                    }
                }
            }
        }
    }

    /// Records that rebuild this image from nothing, in an order that is always the same.
    pub fn to_records(&self) -> Vec<MetadataRecord> {
        let mut records = vec![MetadataRecord::ClusterCreated {
            cluster_id: self.cluster_id.clone(),
        }];
        for broker in self.brokers.values() {
            broker_records(broker, &mut records);
        }
        let mut topics: Vec<_> = self.topics.values().collect();
        topics.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        for topic in topics {
            records.push(MetadataRecord::TopicCreated {
                topic_id: topic.topic_id,
                name: topic.name.clone(),
            });
            for (partition, state) in (0..).zip(&topic.partitions) {
                records.push(MetadataRecord::Partition {
                    topic_id: topic.topic_id,
                    partition,
                    state: state.clone(),
                });
            }
        }
        for (resource, values) in self.configs.iter() {
            records.extend(values.iter().map(|(name, value)| MetadataRecord::Config {
                resource: resource.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            }));
        }
        for ((user, mechanism), credential) in self.scram.iter() {
            records.push(MetadataRecord::ScramCredential {
                user: user.clone(),
                mechanism: *mechanism,
                salt: credential.salt.clone(),
                iterations: credential.iterations,
                stored_key: credential.stored_key.clone(),
                server_key: credential.server_key.clone(),
            });
        }
        records.extend(
            self.acls
                .iter()
                .map(|acl| MetadataRecord::AclCreated { acl: acl.clone() }),
        );
        for (entity, values) in self.quotas.iter() {
            records.extend(values.iter().map(|(key, value)| MetadataRecord::ClientQuota {
                entity: entity.clone(),
                key: *key,
                value: Some(*value),
            }));
        }
        records.push(MetadataRecord::ProducerIds {
            next_producer_id: self.next_producer_id,
        });
        records
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, topic_id: TopicId) -> Option<&Arc<TopicImage>> {
        self.topic_names.get(&topic_id).and_then(|name| self.topics.get(name))
    }

    /// The partition `partition` of topic `topic`.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionState> {
        let index = usize::try_from(partition).ok()?;
        self.topics.get(topic)?.partitions.get(index)
    }

    /// The broker, when it may lead: registered, not fenced, not about to stop.
    pub fn active_broker(&self, broker_id: BrokerId) -> Option<&Arc<BrokerImage>> {
        self.brokers.get(&broker_id).filter(|broker| broker.is_active())
    }

    /// The dynamic configuration of a resource.
    pub fn dynamic_config(&self, resource: &ConfigResource) -> Option<&BTreeMap<String, String>> {
        self.configs.get(resource)
    }

    /// The broker property `name` for `broker_id`, or for any broker where that is `None`: its own dynamic value, the dynamic
    /// default of all brokers, the value in `properties`. `None` where nobody set it.
    pub fn broker_property(
        &self,
        broker_id: Option<BrokerId>,
        name: &str,
        properties: &BTreeMap<String, String>,
    ) -> Option<String> {
        let dynamic = |resource: &ConfigResource| self.configs.get(resource)?.get(name).cloned();
        broker_id
            .and_then(|broker_id| dynamic(&ConfigResource::Broker(broker_id)))
            .or_else(|| dynamic(&ConfigResource::Brokers))
            .or_else(|| properties.get(name).cloned())
    }

    /// The value of topic property `name` that holds for `topic` on brokers that were started with `properties`. `None` when
    /// there is no such property, or it has no value.
    pub fn topic_property(&self, topic: &str, name: &str, properties: &BTreeMap<String, String>) -> Option<String> {
        let own = self
            .configs
            .get(&ConfigResource::Topic(topic.to_owned()))
            .and_then(|values| values.get(name));
        own.cloned().or_else(|| {
            server_properties::topic_default(name, |broker_name| self.broker_property(None, broker_name, properties))
        })
    }

    /// Replicas that must be in sync for `topic` before a producer with acks=all is accepted.
    pub fn min_insync_replicas(&self, topic: &str, properties: &BTreeMap<String, String>) -> usize {
        let value = self.topic_property(topic, "min.insync.replicas", properties);
        value.and_then(|text| text.trim().parse().ok()).unwrap_or(1)
    }
}

impl BrokerImage {
    /// True when it may lead and may join an ISR.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.shutting_down
    }
}

fn broker_records(broker: &BrokerImage, records: &mut Vec<MetadataRecord>) {
    let broker_id = broker.broker_id;
    records.push(MetadataRecord::BrokerRegistered {
        broker_id,
        broker_epoch: broker.broker_epoch,
        incarnation_id: broker.incarnation_id,
        boot_id: broker.boot_id.clone(),
        log_dirs: broker.log_dirs.clone(),
        rack: broker.rack.clone(),
        endpoints: broker.endpoints.clone(),
    });
    if !broker.fenced {
        records.push(MetadataRecord::BrokerUnfenced { broker_id });
    }
    if broker.shutting_down {
        records.push(MetadataRecord::BrokerShuttingDown { broker_id });
    }
    if broker.retiring {
        records.push(MetadataRecord::BrokerRetiring {
            broker_id,
            retiring: true,
        });
    }
}
