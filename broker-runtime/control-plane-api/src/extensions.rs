//! Our extensions under `/openmsk/v1`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::topics::{CreateTopicRequest, DescribeTopicResponse};

/// `GET /openmsk/v1/runtime`: who answers. The one path that needs no signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeInfo {
    /// Always `openmsk`.
    pub product: String,
    /// Version of the runtime.
    pub version: String,
    /// Process id of the control plane.
    pub pid: u32,
}

/// `GET /openmsk/v1/clusters/{arn}/certificate-authority`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateAuthority {
    /// PEM.
    pub certificate_pem: String,
}

/// `POST /openmsk/v1/clusters/{arn}/rebalance`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebalance {
    /// Partitions whose replicas are being moved now; none when brokers have equal shares.
    pub moving_partitions: u64,
}

/// `POST /openmsk/v1/clusters/{arn}/leader-elections`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaderElections {
    /// Partitions that their preferred replica leads now, and did not before.
    pub elected_partitions: u64,
    /// Partitions whose preferred replica could not take them over: its broker is away, or it is not in sync.
    pub not_possible_partitions: u64,
}

/// `POST /openmsk/v1/clusters/{arn}/certificate-rotations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRotation {
    /// The cluster.
    pub cluster_arn: String,
    /// The operation that gives every broker a new certificate, perhaps one that somebody else has begun.
    pub cluster_operation_arn: String,
}

/// Body of `PUT /openmsk/v1/clusters/{arn}/engine`; the answer is that of every update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateEngineRequest {
    /// The version the caller has seen.
    pub current_version: String,
    /// The engine that is to run the cluster.
    pub engine: String,
}

/// `GET /openmsk/v1/clusters/{arn}/topics?limit=N`: all topics in full, at once, without those that Kafka keeps for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribedTopics {
    /// By name; none when there are more than the limit.
    pub topics: Vec<DescribeTopicResponse>,
    /// True when these are all there are.
    pub complete: bool,
    /// Names of those whose creation may still be asked for again with its idempotency token; `None` from a control plane that does
    /// not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeatable: Option<BTreeSet<String>>,
}

/// Body of `POST /openmsk/v1/clusters/{arn}/topics/validate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateTopicsRequest {
    /// The creations to come.
    pub topics: Vec<TopicToValidate>,
}

/// A topic that is to be created later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicToValidate {
    /// As `CreateTopic` will have it.
    #[serde(flatten)]
    pub topic: CreateTopicRequest,
    /// The token that the creation will carry.
    pub idempotency_token: String,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatedTopics {
    /// Names of those that could not be created now. `CreateTopic` with `x-openmsk-validate-only` says why.
    pub refused_topics: BTreeSet<String>,
}

/// `GET /openmsk/v1/storage`: room on the disk that the runtime keeps clusters on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeStorage {
    /// Bytes that are free.
    pub free_bytes: u64,
    /// Bytes that the disk has.
    pub total_bytes: u64,
    /// With less than this free, no cluster is made.
    pub free_bytes_min: u64,
}

/// Body of `PUT /openmsk/v1/clusters/{arn}/topics/{name}/replication-factor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateReplicationFactorRequest {
    /// Replicas that each partition is to have.
    pub replication_factor: i64,
}

/// Its answer: how far the topic is. To be called again until no partition remains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationFactorUpdate {
    /// Partitions of the topic.
    pub partition_count: u64,
    /// Those that do not have the number of replicas yet, or not all of them in sync.
    pub remaining_partitions: u64,
    /// What one of them waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

/// `GET /openmsk/v1/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The runtime.
    pub runtime: RuntimeInfo,
    /// Clusters by name.
    pub clusters: Vec<ClusterStatus>,
}

/// A cluster, as the engine sees it now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Name.
    pub name: String,
    /// Identity.
    pub arn: String,
    /// MSK's state.
    pub state: String,
    /// Why, when something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Bytes in all logs.
    pub log_bytes: u64,
    /// Brokers by id.
    pub brokers: Vec<BrokerStatus>,
}

/// A broker, as the engine sees it now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerStatus {
    /// `node.id`.
    pub broker_id: i32,
    /// `STARTING`, `RUNNING`, `STOPPING` or `DOWN`.
    pub state: String,
    /// Zone.
    pub zone: String,
    /// Address.
    pub host: String,
    /// Client endpoints.
    pub endpoints: Vec<String>,
    /// Its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How long it has been running, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<i64>,
    /// Resident memory, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// Restarts since it was last healthy.
    pub restarts: u32,
    /// When its certificate ends, as a date and time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expires_at: Option<String>,
    /// Whole days until then; negative when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_days_left: Option<i64>,
}
