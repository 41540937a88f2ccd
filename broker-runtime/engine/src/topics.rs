//! Topics of a running cluster. They live in Kafka, not in the store: clients create them too.

use std::collections::BTreeMap;

use async_trait::async_trait;
use thiserror::Error;
use uuid::Uuid;

/// Topic administration, answered by the cluster's controller.
#[async_trait]
pub trait TopicAdmin: Send + Sync {
    /// Creates a topic and returns once every partition has a leader that accepts records.
    async fn create_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<TopicDescription, TopicError>;
    /// Says whether a topic could be created, and creates none.
    async fn validate_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<(), TopicError>;
    /// Describes one topic.
    async fn describe_topic(&self, cluster_id: Uuid, name: &str) -> Result<TopicDescription, TopicError>;
    /// Describes all topics, internal ones included, in order of their names.
    async fn describe_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicDescription>, TopicError>;
    /// All topics in order of their names, internal ones included.
    async fn list_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicSummary>, TopicError>;
    /// Changes a topic.
    async fn update_topic(&self, cluster_id: Uuid, name: &str, update: &TopicUpdate) -> Result<(), TopicError>;
    /// Brings a topic nearer to `factor` replicas of each partition, a few partitions a call, and says how far it is. To be called
    /// again until it is there; what is begun is not undone when nobody calls any more. Begins nothing while something else changes the
    /// cluster.
    async fn update_replication_factor(
        &self,
        cluster_id: Uuid,
        name: &str,
        factor: i16,
    ) -> Result<Replicated, TopicError>;
    /// Says whether a topic could have `factor` replicas of each partition, and changes nothing.
    async fn validate_replication_factor(&self, cluster_id: Uuid, name: &str, factor: i16) -> Result<(), TopicError>;
    /// Deletes a topic with its records.
    async fn delete_topic(&self, cluster_id: Uuid, name: &str) -> Result<(), TopicError>;
    /// Gives every partition that somebody else leads to its preferred replica, where that one is in sync, and returns once every
    /// broker that serves acts on it.
    async fn elect_preferred_leaders(&self, cluster_id: Uuid) -> Result<Elected, TopicError>;
}

/// What an election of preferred leaders came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elected {
    /// Partitions that have another leader now.
    pub elected: usize,
    /// Partitions whose preferred replica could not take them over: its broker is away, or it is not in sync.
    pub not_possible: usize,
}

/// How far a topic is from another number of replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicated {
    /// Partitions of the topic.
    pub partitions: usize,
    /// Those that do not have the number yet, or not all of it in sync; none when it is done.
    pub remaining: usize,
    /// What one of them waits for, in words.
    pub waits_for: Option<String>,
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Name.
    pub name: String,
    /// Number of partitions.
    pub partition_count: i32,
    /// Replication factor.
    pub replication_factor: i16,
    /// Topic configuration.
    pub configs: BTreeMap<String, String>,
}

/// A change of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicUpdate {
    /// Grows the topic to this many partitions.
    PartitionCount(i32),
    /// The topic's own configuration becomes exactly this; what is not named goes back to its default.
    Configs(BTreeMap<String, String>),
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSummary {
    /// Name.
    pub name: String,
    /// Kafka's topic id.
    pub topic_id: Uuid,
    /// Number of partitions.
    pub partition_count: i32,
    /// Replication factor: of the partition with the fewest replicas, without those that are on their way.
    pub replication_factor: i16,
    /// Partitions whose ISR is smaller than their replica list.
    pub out_of_sync_partitions: i32,
    /// True for `__consumer_offsets` and the like.
    pub internal: bool,
}

/// A topic in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// The row of the list.
    pub summary: TopicSummary,
    /// The topic's own configuration, without defaults.
    pub configs: BTreeMap<String, String>,
    /// Partitions by index.
    pub partitions: Vec<PartitionDescription>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Index.
    pub partition: i32,
    /// Leader, if there is one.
    pub leader: Option<i32>,
    /// Replicas.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
}

/// Why a topic request failed. What only Apache Kafka answers is here too: the API has a type for each.
#[derive(Debug, Error)]
pub enum TopicError {
    /// Correct the request: no such topic.
    #[error("topic {0:?} does not exist")]
    UnknownTopic(String),
    /// Correct the request: the name is taken.
    #[error("topic {0:?} already exists")]
    TopicExists(String),
    /// Correct the request.
    #[error("{0}")]
    InvalidRequest(String),
    /// Retry: the cluster or its controller cannot be reached now.
    #[error("the cluster cannot be reached: {0}")]
    ClusterConnectivity(String),
    /// Retry: whoever was asked is not the controller, or the controller does not run (`NOT_CONTROLLER`).
    #[error("the controller does not answer: {0}")]
    NotController(String),
    /// Retry: the controller is another one now.
    #[error("the controller has moved: {0}")]
    ControllerMoved(String),
    /// Retry: replicas of the topic are being moved (`REASSIGNMENT_IN_PROGRESS`).
    #[error("replicas of the topic are being moved: {0}")]
    ReassignmentInProgress(String),
    /// Correct the situation: a consumer group is subscribed to the topic (`GROUP_SUBSCRIBED_TO_TOPIC`).
    #[error("a consumer group is subscribed to the topic: {0}")]
    GroupSubscribedToTopic(String),
    /// Retry: it took too long.
    #[error("the cluster did not answer in time: {0}")]
    Timeout(String),
}

impl TopicError {
    /// Whether what was asked for may have come about all the same.
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            Self::ClusterConnectivity(_) | Self::NotController(_) | Self::ControllerMoved(_) | Self::Timeout(_)
        )
    }
}
