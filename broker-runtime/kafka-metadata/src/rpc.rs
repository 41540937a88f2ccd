//! Messages between brokers and the controller: each a 4-byte big-endian length and a JSON document, over a unix
//! socket in the cluster's directory. A broker sends [`BrokerMessage`]s and gets [`ControllerMessage`]s back; answers
//! carry the id of their request, metadata is pushed without being asked for once subscribed.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    BrokerEpoch, BrokerId, ConfigResource, Endpoint, LeaderEpoch, MetadataOffset, MetadataRecord, PartitionEpoch,
    TopicId,
    acl::{AclBinding, AclFilter},
    mutations::MutationLimit,
    quota::QuotaChange,
};

/// From a broker to the controller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BrokerMessage {
    /// Chosen by the broker, unique on its connection.
    pub id: u64,
    /// What it asks.
    pub request: ControllerRequest,
}

/// From the controller to a broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControllerMessage {
    /// Answers the request with this id.
    Response {
        /// Id of the request.
        id: u64,
        /// Its result.
        result: Result<ControllerResponse, ControllerError>,
    },
    /// Records in order; the first has offset `first_offset`. One message holds whole atomic batches only.
    Records {
        /// Offset of `records[0]`.
        first_offset: MetadataOffset,
        /// Consecutive records.
        records: Vec<MetadataRecord>,
        /// Ids of the requests of the control plane's API that brought them about, for logs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        request_ids: Vec<String>,
    },
    /// Replaces the whole image; sent when the broker's offset is older than the log's beginning.
    Snapshot {
        /// Offset of the newest record in the snapshot.
        applied: MetadataOffset,
        /// Records that rebuild the image from nothing.
        records: Vec<MetadataRecord>,
    },
}

/// What a broker may ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControllerRequest {
    /// Registers the process, or attaches a registered one to a new connection or to a new controller.
    Register {
        /// The broker.
        broker_id: BrokerId,
        /// Must equal the cluster's id.
        cluster_id: String,
        /// Random id of the process; the same on every connection of one process.
        incarnation_id: Uuid,
        /// The kernel's boot id.
        boot_id: String,
        /// Ids of its log directories (`directory.id` of `meta.properties`), as in Kafka's registration: a broker that
        /// comes without one that it had has lost what was in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        log_dirs: Vec<Uuid>,
        /// Zone.
        rack: Option<String>,
        /// All listeners.
        endpoints: Vec<Endpoint>,
        /// Metadata offset from which records are to be pushed on this connection (0 for all).
        metadata_from: MetadataOffset,
    },
    /// Says that the broker lives; sent every 250 ms.
    Heartbeat {
        /// The broker.
        broker_id: BrokerId,
        /// Its registration.
        broker_epoch: BrokerEpoch,
        /// Newest metadata offset it has applied; it is unfenced once this reaches its registration.
        applied: Option<MetadataOffset>,
        /// It wants to stop: move its leaderships away.
        want_shutdown: bool,
    },
    /// A leader proposes a new ISR (KIP-497).
    AlterPartition {
        /// The leader.
        broker_id: BrokerId,
        /// Its registration.
        broker_epoch: BrokerEpoch,
        /// Proposals.
        partitions: Vec<AlterPartition>,
    },
    /// Asks for a block of producer ids.
    AllocateProducerIds {
        /// The broker.
        broker_id: BrokerId,
        /// Its registration.
        broker_epoch: BrokerEpoch,
    },
    /// Creates topics.
    CreateTopics {
        /// One entry a topic.
        topics: Vec<NewTopic>,
        /// Only check.
        validate_only: bool,
    },
    /// Deletes topics, by name.
    DeleteTopics {
        /// Names.
        topics: Vec<String>,
    },
    /// Adds partitions to topics.
    CreatePartitions {
        /// One entry a topic.
        topics: Vec<NewPartitions>,
        /// Only check.
        validate_only: bool,
    },
    /// Changes dynamic configurations (`IncrementalAlterConfigs`; `AlterConfigs` is translated by the broker).
    AlterConfigs {
        /// One entry a resource.
        resources: Vec<AlterConfigResource>,
        /// Only check.
        validate_only: bool,
    },
    /// What a broker has measured; it is not kept.
    Report {
        /// The broker.
        broker_id: BrokerId,
        /// All of it.
        metrics: Vec<Metric>,
    },
    /// Replaces what all brokers are told ([`crate::instructions`]); sent by the engine, not by brokers.
    Instruct {
        /// By name.
        instructions: BTreeMap<String, String>,
    },
    /// Sets or removes SCRAM credentials; sent by the engine, not by clients yet.
    AlterScram {
        /// `ScramCredential` and `ScramCredentialRemoved` records.
        records: Vec<MetadataRecord>,
    },
    /// Creates access control lists.
    CreateAcls {
        /// Them.
        acls: Vec<AclBinding>,
    },
    /// Deletes access control lists.
    DeleteAcls {
        /// Which: each filter is answered for itself.
        filters: Vec<AclFilter>,
    },
    /// Sets and removes client quotas (KIP-546).
    AlterClientQuotas {
        /// One entry an entity.
        changes: Vec<QuotaChange>,
        /// Only say what would happen.
        validate_only: bool,
    },
    /// Begins to move replicas, or takes that back (KIP-455).
    AlterReassignments {
        /// One entry a partition.
        reassignments: Vec<Reassignment>,
    },
    /// Says which brokers are to go: they get no new replicas; all others do. Sent by the engine.
    RetireBrokers {
        /// Exactly these.
        broker_ids: Vec<BrokerId>,
    },
    /// Forgets a broker that holds no replica. Sent by the engine.
    UnregisterBroker {
        /// The broker.
        broker_id: BrokerId,
    },
    /// Asks whether whoever has signed this may log in. Not for the controller itself: its host answers.
    AuthenticateIam {
        /// The signature.
        url: PresignedUrl,
        /// Where the client connects from.
        source: IpAddr,
    },
    /// Elects leaders again: the preferred replica where it is in sync.
    ElectPreferredLeaders {
        /// Topic and partition; `None` for all.
        partitions: Option<Vec<(String, i32)>>,
    },
    /// Elects leaders of partitions that have none: any replica that serves, in sync or not.
    ElectUncleanLeaders {
        /// Topic and partition; `None` for all.
        partitions: Option<Vec<(String, i32)>>,
    },
    /// Asks how far the metadata log is, and who has read how much of it. Its host answers, who sees the time.
    DescribeQuorum,
    /// `CreateTopics`, `DeleteTopics` or `CreatePartitions` of a client that has a quota of them. Its host counts, who sees the
    /// time.
    Limited {
        /// The quota.
        limit: MutationLimit,
        /// What is asked.
        request: Box<ControllerRequest>,
    },
}

/// A request that somebody has signed, as a URL: whoever has it can log in until it expires. It cannot be printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PresignedUrl(pub String);

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PresignedUrl(***)")
    }
}

/// One proposed ISR.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlterPartition {
    /// Topic.
    pub topic_id: TopicId,
    /// Index.
    pub partition: i32,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The epoch the proposal is based on.
    pub partition_epoch: PartitionEpoch,
    /// Proposed in-sync replicas with the broker epoch each fetched with.
    pub new_isr: Vec<(BrokerId, BrokerEpoch)>,
}

/// A topic to create.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewTopic {
    /// Name.
    pub name: String,
    /// Number of partitions; `None` for the broker default `num.partitions`.
    pub partitions: Option<i32>,
    /// Replication factor; `None` for `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// Manual assignment, one list of brokers a partition; the two numbers above are then `None`.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
    /// Topic configuration.
    pub configs: BTreeMap<String, String>,
}

/// Where the replicas of a partition should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reassignment {
    /// Topic.
    pub topic: String,
    /// Index.
    pub partition: i32,
    /// Replicas, the preferred leader first; `None` takes a reassignment back.
    pub target: Option<Vec<BrokerId>>,
}

/// Partitions to add.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewPartitions {
    /// Topic.
    pub name: String,
    /// Total after the change.
    pub total: i32,
    /// Manual assignment of the new ones.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

/// Changes to one resource's dynamic configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlterConfigResource {
    /// The resource.
    pub resource: ConfigResource,
    /// Property and operation, applied in order.
    pub changes: Vec<(String, ConfigChange)>,
}

/// Something a broker has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// As on the control plane's page of metrics; what only grows ends with `_total`.
    pub name: String,
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// A finite number.
    pub value: f64,
}

/// Operation of `IncrementalAlterConfigs` (KIP-339).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigChange {
    /// Sets the value.
    Set(String),
    /// Back to the default.
    Delete,
    /// Adds to a list.
    Append(String),
    /// Takes from a list.
    Subtract(String),
}

/// A broker that reads the metadata log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataReader {
    /// Which.
    pub broker_id: BrokerId,
    /// The first offset that it has not applied.
    pub next_offset: MetadataOffset,
    /// When it was heard of last, in milliseconds since 1970.
    pub last_heard_ms: i64,
    /// When it last had all that there was; `None` while it never had.
    pub last_caught_up_ms: Option<i64>,
}

/// What the controller answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControllerResponse {
    /// To `Register`.
    Registered {
        /// The epoch of this registration.
        broker_epoch: BrokerEpoch,
    },
    /// To `Heartbeat`.
    Heartbeat {
        /// The controller holds it fenced.
        fenced: bool,
        /// Its leaderships are gone: it may stop.
        should_shutdown: bool,
    },
    /// To `AlterPartition`, one result a proposal in the order asked; the new state arrives as a record too.
    AlterPartition(Vec<Result<crate::PartitionState, ControllerError>>),
    /// To `AllocateProducerIds`.
    ProducerIds {
        /// First id of the block.
        first: i64,
        /// Its length.
        count: i32,
    },
    /// To `CreateTopics`, in the order asked. Answered once the records are durable.
    CreateTopics(Vec<Result<CreatedTopic, ControllerError>>),
    /// To `DeleteTopics`, `CreatePartitions`, `AlterConfigs`, `CreateAcls`, `AlterClientQuotas`, `AlterReassignments`, `ElectPreferredLeaders` and `ElectUncleanLeaders`:
    /// one result an entry.
    Results(Vec<Result<(), ControllerError>>),
    /// To `DeleteAcls`: what was deleted, a list a filter.
    DeletedAcls(Vec<Vec<AclBinding>>),
    /// To `AuthenticateIam`.
    Authenticated {
        /// ARN of the principal.
        principal: String,
    },
    /// To `DescribeQuorum`.
    Quorum {
        /// The first offset that the log does not have; all before it is durable.
        next_offset: MetadataOffset,
        /// The controller's time, in milliseconds since 1970.
        now_ms: i64,
        /// Brokers, by id.
        readers: Vec<MetadataReader>,
    },
    /// To `Limited`.
    Limited {
        /// How long the client has to wait, in milliseconds.
        throttle_ms: i64,
        /// The answer to what was asked.
        response: Box<ControllerResponse>,
    },
    /// To `Report`, `Instruct`, `AlterScram`, `RetireBrokers` and `UnregisterBroker`.
    Done,
}

/// A topic that was created.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreatedTopic {
    /// Its id.
    pub topic_id: TopicId,
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor.
    pub replication_factor: i16,
}

/// Why the controller refused. `response/error.rs` of the broker turns each into Kafka's code.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum ControllerError {
    /// UNKNOWN_TOPIC_OR_PARTITION.
    #[error("topic or partition {0} does not exist")]
    UnknownTopicOrPartition(String),
    /// UNKNOWN_TOPIC_ID.
    #[error("topic id {0} does not exist")]
    UnknownTopicId(TopicId),
    /// TOPIC_ALREADY_EXISTS.
    #[error("topic {0:?} already exists")]
    TopicAlreadyExists(String),
    /// INVALID_TOPIC_EXCEPTION.
    #[error("topic name {name:?} is invalid: {reason}")]
    InvalidTopic {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// INVALID_PARTITIONS.
    #[error("{0}")]
    InvalidPartitions(String),
    /// INVALID_REPLICATION_FACTOR.
    #[error("{0}")]
    InvalidReplicationFactor(String),
    /// INVALID_REPLICA_ASSIGNMENT.
    #[error("{0}")]
    InvalidReplicaAssignment(String),
    /// INVALID_CONFIG.
    #[error("{0}")]
    InvalidConfig(String),
    /// INVALID_REQUEST.
    #[error("{0}")]
    InvalidRequest(String),
    /// STALE_BROKER_EPOCH.
    #[error("broker epoch {0} is not the registered one")]
    StaleBrokerEpoch(BrokerEpoch),
    /// DUPLICATE_BROKER_REGISTRATION.
    #[error("broker {0} is registered by another process that is alive")]
    DuplicateBrokerRegistration(BrokerId),
    /// INCONSISTENT_CLUSTER_ID.
    #[error("cluster id {0:?} is not this cluster's")]
    InconsistentClusterId(String),
    /// FENCED_LEADER_EPOCH.
    #[error("leader epoch {0} is older than the partition's")]
    FencedLeaderEpoch(LeaderEpoch),
    /// INVALID_UPDATE_VERSION.
    #[error("partition epoch {0} is older than the partition's")]
    InvalidUpdateVersion(PartitionEpoch),
    /// INELIGIBLE_REPLICA.
    #[error("replica {0} may not be in the ISR")]
    IneligibleReplica(BrokerId),
    /// NO_REASSIGNMENT_IN_PROGRESS.
    #[error("No partition reassignment is in progress.")]
    NoReassignmentInProgress,
    /// ELECTION_NOT_NEEDED.
    #[error("the partition has the leader that it is to have")]
    ElectionNotNeeded,
    /// PREFERRED_LEADER_NOT_AVAILABLE.
    #[error("the preferred replica is not in sync")]
    PreferredLeaderNotAvailable,
    /// ELIGIBLE_LEADERS_NOT_AVAILABLE.
    #[error("no replica of the partition serves")]
    EligibleLeadersNotAvailable,
    /// NOT_CONTROLLER: the controller is not reachable, or does not know yet; retry.
    #[error("the controller is not available")]
    NotController,
    /// SASL_AUTHENTICATION_FAILED, with words for the client.
    #[error("{0}")]
    AuthenticationRefused(String),
    /// TOPIC_AUTHORIZATION_FAILED: the broker asks before it passes something on.
    #[error("access control lists deny it for topic {0:?}")]
    TopicAuthorizationFailed(String),
    /// POLICY_VIOLATION.
    #[error("{0}")]
    PolicyViolation(String),
    /// THROTTLING_QUOTA_EXCEEDED.
    #[error("The throttling quota has been exceeded.")]
    ThrottlingQuotaExceeded,
}
