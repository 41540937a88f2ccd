//! The metadata image: what all records up to an offset add up to. Cheap to clone (large parts are shared), so that a
//! broker publishes a new image per batch and readers never wait.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    BrokerEpoch, BrokerId, ConfigResource, Endpoint, MetadataOffset, MetadataRecord, PartitionState, ScramMechanism,
    TopicId,
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
    /// Its zone.
    pub rack: Option<String>,
    /// Its listeners.
    pub endpoints: Vec<Endpoint>,
    /// True until it has caught up, and again once it is seen dead.
    pub fenced: bool,
    /// True while it gives up its leaderships.
    pub shutting_down: bool,
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

/// Everything the cluster has agreed on, up to and including `applied`.
#[derive(Clone, Debug, Default)]
pub struct MetadataImage {
    /// Offset of the newest record in the image, `None` while it is empty.
    pub applied: Option<MetadataOffset>,
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// Registered brokers.
    pub brokers: BTreeMap<BrokerId, Arc<BrokerImage>>,
    /// Topics by name.
    pub topics: Arc<HashMap<String, Arc<TopicImage>>>,
    /// Names by topic id.
    pub topic_names: Arc<HashMap<TopicId, String>>,
    /// Dynamic configurations.
    pub configs: Arc<BTreeMap<ConfigResource, BTreeMap<String, String>>>,
    /// SCRAM credentials by user and mechanism.
    pub scram: Arc<BTreeMap<(String, ScramMechanism), ScramCredential>>,
    /// The first producer id that has not been given out.
    pub next_producer_id: i64,
}

impl MetadataImage {
    /// Applies one record at `offset`, which is the successor of `applied`.
    pub fn apply(&mut self, offset: MetadataOffset, record: &MetadataRecord) {
        debug_assert!(
            self.applied.is_none_or(|applied| applied.0 < offset.0),
            "records are applied in order"
        );
        self.applied = Some(offset);
        match record {
            MetadataRecord::ClusterCreated { cluster_id } => self.cluster_id.clone_from(cluster_id),
            _ => unreachable!("completed by the owner of this crate"),
        }
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
}
