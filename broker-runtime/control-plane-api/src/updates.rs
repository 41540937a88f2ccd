//! Requests that change a cluster.

use serde::{Deserialize, Serialize};

use crate::{
    configurations::ConfigurationInfo,
    connectivity::ConnectivityInfo,
    monitoring::{LoggingInfo, OpenMonitoring},
    security::{ClientAuthentication, Enabled, EncryptionInfo},
    storage::ProvisionedThroughput,
};

/// `UpdateBrokerStorage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBrokerStorageRequest {
    /// Version of the cluster.
    pub current_version: String,
    /// New sizes.
    #[serde(rename = "targetBrokerEBSVolumeInfo")]
    pub target_broker_ebs_volume_info: Vec<BrokerEbsVolumeInfo>,
}

/// The volume of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerEbsVolumeInfo {
    /// `All`, or the id of a broker.
    pub kafka_broker_node_id: String,
    /// Throughput.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    /// GiB.
    #[serde(rename = "volumeSizeGB", default, skip_serializing_if = "Option::is_none")]
    pub volume_size_gb: Option<i64>,
}

/// `UpdateStorage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStorageRequest {
    /// Version of the cluster.
    pub current_version: String,
    /// Throughput.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    /// `LOCAL` or `TIERED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_mode: Option<String>,
    /// GiB.
    #[serde(rename = "volumeSizeGB", default, skip_serializing_if = "Option::is_none")]
    pub volume_size_gb: Option<i64>,
}

/// `UpdateBrokerType`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBrokerTypeRequest {
    /// Version of the cluster.
    pub current_version: String,
    /// MSK's instance type.
    pub target_instance_type: String,
}

/// `UpdateClusterKafkaVersion`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateClusterKafkaVersionRequest {
    /// Version of the cluster.
    pub current_version: String,
    /// Configuration that comes into force with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_info: Option<ConfigurationInfo>,
    /// MSK's version name.
    pub target_kafka_version: String,
}

/// `UpdateMonitoring`. What is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMonitoringRequest {
    /// Version of the cluster.
    pub current_version: String,
    /// Metrics level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhanced_monitoring: Option<String>,
    /// Exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_monitoring: Option<OpenMonitoring>,
    /// Delivery of logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_info: Option<LoggingInfo>,
}

/// `UpdateConnectivity`. What is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConnectivityRequest {
    /// Version of the cluster.
    pub current_version: String,
    /// Connectivity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectivity_info: Option<ConnectivityInfo>,
    /// ZooKeeper; there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zookeeper_access: Option<Enabled>,
}

/// `UpdateBrokerCount`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBrokerCountRequest {
    /// The version the caller has seen.
    pub current_version: String,
    /// Number of brokers.
    pub target_number_of_broker_nodes: i64,
}

/// `RebootBroker`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RebootBrokerRequest {
    /// Ids of the brokers; MSK takes one at a time.
    pub broker_ids: Vec<String>,
}

/// `UpdateClusterConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateClusterConfigurationRequest {
    /// The version the caller has seen.
    pub current_version: String,
    /// The configuration to put in force.
    pub configuration_info: ConfigurationInfo,
}

/// `UpdateSecurity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSecurityRequest {
    /// The version the caller has seen.
    pub current_version: String,
    /// Who may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_info: Option<EncryptionInfo>,
}

/// Answer of every update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateClusterResponse {
    /// The cluster.
    pub cluster_arn: String,
    /// The operation that was begun.
    pub cluster_operation_arn: String,
}

/// Whether a cluster keeps itself even.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebalancing {
    /// `ACTIVE` or `PAUSED`.
    pub status: String,
}

/// `UpdateRebalancing`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRebalancingRequest {
    /// The version the caller has seen.
    pub current_version: String,
    /// Whether it keeps itself even.
    pub rebalancing: Rebalancing,
}
