//! What the store keeps.

use std::{collections::BTreeMap, net::IpAddr};

use control_plane_api::{
    clusters::{BrokerNodeGroupInfo, ENGINE_DEFAULT},
    configurations::ConfigurationInfo,
    monitoring::{LoggingInfo, OpenMonitoring},
    operations::{ErrorInfo, MutableClusterInfo},
    security::{ClientAuthentication, EncryptionInfo},
    serverless::Serverless,
    updates::Rebalancing,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Record;

/// States of a cluster, MSK's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ClusterState {
    /// It is being made.
    Creating,
    /// It serves.
    Active,
    /// An update is under way; it serves.
    Updating,
    /// A broker is being restarted; it serves.
    RebootingBroker,
    /// It is being removed.
    Deleting,
    /// It could not be made.
    Failed,
}

impl ClusterState {
    /// Name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::RebootingBroker => "REBOOTING_BROKER",
            Self::Deleting => "DELETING",
            Self::Failed => "FAILED",
        }
    }

    /// True while clients are served.
    pub(crate) fn serves(self) -> bool {
        matches!(self, Self::Active | Self::Updating | Self::RebootingBroker)
    }
}

/// What a cluster should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClusterSettings {
    /// Name of the engine that runs it.
    #[serde(default = "default_engine")]
    pub(crate) engine: String,
    pub(crate) broker_count: u32,
    pub(crate) kafka_version: String,
    pub(crate) broker_node_group_info: BrokerNodeGroupInfo,
    pub(crate) client_authentication: Option<ClientAuthentication>,
    pub(crate) encryption_info: Option<EncryptionInfo>,
    pub(crate) configuration_info: Option<ConfigurationInfo>,
    pub(crate) enhanced_monitoring: String,
    /// What brokers export to Prometheus.
    #[serde(default)]
    pub(crate) open_monitoring: Option<OpenMonitoring>,
    /// Where logs are delivered to: nowhere, so far.
    #[serde(default)]
    pub(crate) logging_info: Option<LoggingInfo>,
    /// The machine's address that clients of other machines connect to, while public access is on.
    #[serde(default)]
    pub(crate) public_address: Option<IpAddr>,
    /// Whether it keeps itself even; it does not when nobody has said so.
    #[serde(default)]
    pub(crate) rebalancing: Option<Rebalancing>,
    /// What was asked for, when the number of brokers follows the load.
    #[serde(default)]
    pub(crate) serverless: Option<Serverless>,
    /// How often each broker has been asked to restart, by id.
    #[serde(default)]
    pub(crate) reboots: BTreeMap<i32, u64>,
    /// How often other certificates have been asked for.
    #[serde(default)]
    pub(crate) certificate_rotations: u64,
}

/// Of clusters that were made when there was one engine, and of those that name none.
pub(crate) fn default_engine() -> String {
    ENGINE_DEFAULT.to_owned()
}

impl ClusterSettings {
    /// MSK's name of its type.
    pub(crate) fn kind(&self) -> &'static str {
        match self.serverless {
            Some(_) => "SERVERLESS",
            None => "PROVISIONED",
        }
    }
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClusterRecord {
    pub(crate) uuid: Uuid,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) created_ms: i64,
    pub(crate) state: ClusterState,
    /// Why it is in its state, when something is wrong.
    pub(crate) state_message: Option<String>,
    /// Grows with each change of settings; `currentVersion` is derived from it.
    pub(crate) version: u64,
    /// What is in force.
    pub(crate) settings: ClusterSettings,
    /// The operation under way; its target is in the operation.
    pub(crate) active_operation: Option<Uuid>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Secrets whose users may log in, by ARN, in order.
    pub(crate) secret_arns: Vec<String>,
    /// Who else may call for it.
    #[serde(default)]
    pub(crate) policy: Option<ClusterPolicy>,
}

/// The policy of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClusterPolicy {
    /// Grows with each change.
    pub(crate) version: u64,
    /// As it was given.
    pub(crate) document: String,
}

impl Record for ClusterRecord {
    const TABLE: &'static str = "clusters";
    fn key(&self) -> String {
        self.uuid.to_string()
    }
}

/// What an operation does, MSK's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OperationKind {
    CreateCluster,
    DecreaseBrokerCount,
    DeleteCluster,
    IncreaseBrokerCount,
    RebootNode,
    /// Not one of MSK's, whose brokers get their certificates from AWS.
    RotateCertificates,
    UpdateBrokerStorage,
    UpdateBrokerType,
    UpdateClusterConfiguration,
    UpdateClusterKafkaVersion,
    UpdateConnectivity,
    /// Not one of MSK's.
    UpdateEngine,
    UpdateMonitoring,
    UpdateRebalancing,
    UpdateSecurity,
}

impl OperationKind {
    /// False for what is done to a cluster whose settings stay the same.
    pub(crate) fn changes_settings(self) -> bool {
        !matches!(self, Self::RebootNode | Self::RotateCertificates)
    }

    /// Name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateCluster => "CREATE_CLUSTER",
            Self::DecreaseBrokerCount => "DECREASE_BROKER_COUNT",
            Self::DeleteCluster => "DELETE_CLUSTER",
            Self::IncreaseBrokerCount => "INCREASE_BROKER_COUNT",
            Self::RebootNode => "REBOOT_NODE",
            Self::RotateCertificates => "ROTATE_CERTIFICATES",
            Self::UpdateBrokerStorage => "UPDATE_BROKER_STORAGE",
            Self::UpdateBrokerType => "UPDATE_BROKER_TYPE",
            Self::UpdateClusterConfiguration => "UPDATE_CLUSTER_CONFIGURATION",
            Self::UpdateClusterKafkaVersion => "UPDATE_CLUSTER_KAFKA_VERSION",
            Self::UpdateConnectivity => "UPDATE_CONNECTIVITY",
            Self::UpdateEngine => "UPDATE_ENGINE",
            Self::UpdateMonitoring => "UPDATE_MONITORING",
            Self::UpdateRebalancing => "UPDATE_REBALANCING",
            Self::UpdateSecurity => "UPDATE_SECURITY",
        }
    }
}

/// States of an operation, MSK's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OperationState {
    Pending,
    UpdateInProgress,
    UpdateComplete,
    UpdateFailed,
}

impl OperationState {
    /// Name on the wire, which depends on what is done.
    pub(crate) fn name(self, kind: OperationKind) -> &'static str {
        match (self, kind) {
            (Self::Pending, _) => "PENDING",
            (Self::UpdateInProgress, OperationKind::RebootNode) => "REBOOT_IN_PROGRESS",
            (Self::UpdateInProgress, _) => "UPDATE_IN_PROGRESS",
            (Self::UpdateComplete, OperationKind::RebootNode) => "REBOOT_COMPLETE",
            (Self::UpdateComplete, _) => "UPDATE_COMPLETE",
            (Self::UpdateFailed, _) => "UPDATE_FAILED",
        }
    }
}

/// An operation on a cluster: a durable state machine that a reconciler steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OperationRecord {
    pub(crate) uuid: Uuid,
    pub(crate) arn: String,
    pub(crate) cluster_uuid: Uuid,
    pub(crate) cluster_arn: String,
    pub(crate) kind: OperationKind,
    pub(crate) state: OperationState,
    pub(crate) created_ms: i64,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) error: Option<ErrorInfo>,
    /// Id of the request that began it.
    #[serde(default)]
    pub(crate) request_id: Option<String>,
    /// What was in force before, and comes back when it fails.
    pub(crate) source: Option<MutableClusterInfo>,
    pub(crate) target: Option<MutableClusterInfo>,
    /// The settings to put in force.
    pub(crate) wanted: ClusterSettings,
}

impl Record for OperationRecord {
    const TABLE: &'static str = "operations";
    fn key(&self) -> String {
        self.uuid.to_string()
    }
}

/// A revision of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RevisionRecord {
    /// From 1.
    pub(crate) revision: i64,
    pub(crate) created_ms: i64,
    pub(crate) description: Option<String>,
    /// Text of `server.properties`, as it was given.
    pub(crate) server_properties: String,
}

/// A configuration with its revisions, oldest first; never without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfigurationRecord {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) created_ms: i64,
    pub(crate) kafka_versions: Vec<String>,
    pub(crate) revisions: Vec<RevisionRecord>,
}

impl Record for ConfigurationRecord {
    const TABLE: &'static str = "configurations";
    fn key(&self) -> String {
        self.arn.clone()
    }
}

/// A creation whose caller may not have seen the answer yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreationRecord {
    /// The caller's idempotency token.
    pub(crate) token: String,
    /// Hash of the request.
    pub(crate) fingerprint: String,
    /// ARN of what was made.
    pub(crate) resource_arn: String,
}

impl Record for CreationRecord {
    const TABLE: &'static str = "creations";
    fn key(&self) -> String {
        self.token.clone()
    }
}

/// What is kept of a password for one SCRAM mechanism; the salted password is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScramVerifier {
    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub(crate) mechanism: String,
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
    /// Sealed by `SecretBox`.
    pub(crate) salted_password: Vec<u8>,
}

/// A secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SecretRecord {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
    pub(crate) version_id: String,
    /// Sealed by `SecretBox`.
    pub(crate) value: Vec<u8>,
    /// The version before: its id, and its value, sealed.
    #[serde(default)]
    pub(crate) previous: Option<(String, Vec<u8>)>,
    pub(crate) tags: BTreeMap<String, String>,
    /// User name and verifiers, when the value is a user's.
    pub(crate) scram: Option<(String, Vec<ScramVerifier>)>,
}

impl Record for SecretRecord {
    const TABLE: &'static str = "secrets";
    fn key(&self) -> String {
        self.arn.clone()
    }
}
