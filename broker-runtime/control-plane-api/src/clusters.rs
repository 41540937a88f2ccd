//! Clusters, versions 1 and 2.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    configurations::ConfigurationInfo,
    connectivity::ConnectivityInfo,
    monitoring::{LoggingInfo, OpenMonitoring},
    security::{ClientAuthentication, EncryptionInfo},
    serverless::Serverless,
    storage::StorageInfo,
    updates::Rebalancing,
};

/// Our header on creates: the same token and body again give the first answer instead of a conflict.
pub const IDEMPOTENCY_HEADER: &str = "x-openmsk-idempotency-token";

/// Our header on `CreateCluster`, `CreateClusterV2`, `CreateConfiguration` and `CreateTopic`: with the value `true` nothing is made, and
/// the answer is the one that there would be.
pub const VALIDATE_ONLY_HEADER: &str = "x-openmsk-validate-only";

/// Our query parameter on `DescribeClusterV2` and `DescribeClusterOperation`: wait so many milliseconds, at most 30,000,
/// for a state that is final, then answer.
pub const WAIT_PARAMETER: &str = "openmskWaitMs";

/// The engine of clusters that name none: brokers of this project.
pub const ENGINE_DEFAULT: &str = "embedded";

/// Names of engines.
pub const ENGINES: &[&str] = &[ENGINE_DEFAULT, ENGINE_APACHE_KAFKA];

/// The engine whose clusters come to the hosts that have joined.
pub const ENGINE_APACHE_KAFKA: &str = "apache-kafka";

/// `CreateCluster`. `broker_node_group_info` and `kafka_version` are optional here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateClusterRequest {
    /// 1 to 64 letters, digits and hyphens.
    pub cluster_name: String,
    /// MSK's version name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_version: Option<String>,
    /// Number of brokers.
    pub number_of_broker_nodes: i64,
    /// Where brokers are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_node_group_info: Option<BrokerNodeGroupInfo>,
    /// Who may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Server properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_info: Option<ConfigurationInfo>,
    /// Encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_info: Option<EncryptionInfo>,
    /// Metrics level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhanced_monitoring: Option<String>,
    /// Exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_monitoring: Option<OpenMonitoring>,
    /// Delivery of logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_info: Option<LoggingInfo>,
    /// Whether the cluster keeps itself even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<Rebalancing>,
    /// `LOCAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_mode: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Our extension: the engine that runs it.
    #[serde(rename = "openmskEngine", default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// Answer of `CreateCluster`, `DeleteCluster` and their second versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateClusterResponse {
    /// The cluster.
    pub cluster_arn: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// Its state.
    pub state: String,
    /// `PROVISIONED` or `SERVERLESS`, in version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_type: Option<String>,
}

/// Answer of `DeleteCluster`.
pub type DeleteClusterResponse = CreateClusterResponse;

/// `CreateClusterV2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateClusterV2Request {
    /// Its name.
    pub cluster_name: String,
    /// Tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// A provisioned cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<ProvisionedRequest>,
    /// A serverless cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serverless: Option<Serverless>,
}

/// The provisioned part of `CreateClusterV2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedRequest {
    /// MSK's version name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_version: Option<String>,
    /// Number of brokers.
    pub number_of_broker_nodes: i64,
    /// Where brokers are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_node_group_info: Option<BrokerNodeGroupInfo>,
    /// Who may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Server properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_info: Option<ConfigurationInfo>,
    /// Encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_info: Option<EncryptionInfo>,
    /// Metrics level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhanced_monitoring: Option<String>,
    /// Exporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_monitoring: Option<OpenMonitoring>,
    /// Delivery of logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_info: Option<LoggingInfo>,
    /// Whether the cluster keeps itself even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<Rebalancing>,
    /// `LOCAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_mode: Option<String>,
    /// Our extension: the engine that runs it.
    #[serde(rename = "openmskEngine", default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// Where brokers are. Zones come from `zone_ids`, else one for each subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerNodeGroupInfo {
    /// MSK's instance type: what each broker may use of the machine. Empty: as much as it needs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// Subnets; each stands for a zone.
    #[serde(default)]
    pub client_subnets: Vec<String>,
    /// Security groups; kept and shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// `DEFAULT`.
    #[serde(rename = "brokerAZDistribution", default, skip_serializing_if = "Option::is_none")]
    pub broker_az_distribution: Option<String>,
    /// Zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zone_ids: Vec<String>,
    /// Storage; a declared size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_info: Option<StorageInfo>,
    /// How clients from elsewhere reach brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectivity_info: Option<ConnectivityInfo>,
}

/// What brokers run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerSoftwareInfo {
    /// The configuration in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_arn: Option<String>,
    /// Its revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_revision: Option<i64>,
    /// MSK's version name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka_version: Option<String>,
}

/// Why a cluster is in its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateInfo {
    /// A word.
    #[serde(default)]
    pub code: String,
    /// A sentence.
    #[serde(default)]
    pub message: String,
}

/// A cluster, version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterInfo {
    /// The operation under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_operation_arn: Option<String>,
    /// Where brokers are.
    pub broker_node_group_info: BrokerNodeGroupInfo,
    /// Who may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Identity.
    pub cluster_arn: String,
    /// Name.
    pub cluster_name: String,
    /// ISO 8601.
    pub creation_time: String,
    /// What brokers run.
    pub current_broker_software_info: BrokerSoftwareInfo,
    /// To be named by updates.
    pub current_version: String,
    /// Encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_info: Option<EncryptionInfo>,
    /// Metrics level.
    pub enhanced_monitoring: String,
    /// Exporters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_monitoring: Option<OpenMonitoring>,
    /// Delivery of logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_info: Option<LoggingInfo>,
    /// Number of brokers.
    pub number_of_broker_nodes: i64,
    /// MSK's state.
    pub state: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_info: Option<StateInfo>,
    /// `LOCAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_mode: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// `NONE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_action_status: Option<String>,
    /// Whether it keeps itself even; absent when nobody has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<Rebalancing>,
    /// Our extension: the engine that runs it, where that is not the default one.
    #[serde(rename = "openmskEngine", default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// A cluster, version 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cluster {
    /// The operation under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_operation_arn: Option<String>,
    /// `PROVISIONED` or `SERVERLESS`.
    pub cluster_type: String,
    /// Identity.
    pub cluster_arn: String,
    /// Name.
    pub cluster_name: String,
    /// ISO 8601.
    pub creation_time: String,
    /// To be named by updates.
    pub current_version: String,
    /// MSK's state.
    pub state: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_info: Option<StateInfo>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The provisioned part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<Provisioned>,
    /// The serverless part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serverless: Option<Serverless>,
}

/// The provisioned part of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provisioned {
    /// Where brokers are.
    pub broker_node_group_info: BrokerNodeGroupInfo,
    /// What brokers run.
    pub current_broker_software_info: BrokerSoftwareInfo,
    /// Who may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_info: Option<EncryptionInfo>,
    /// Metrics level.
    pub enhanced_monitoring: String,
    /// Exporters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_monitoring: Option<OpenMonitoring>,
    /// Delivery of logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_info: Option<LoggingInfo>,
    /// Number of brokers.
    pub number_of_broker_nodes: i64,
    /// `LOCAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_mode: Option<String>,
    /// `NONE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_action_status: Option<String>,
    /// Whether it keeps itself even; absent when nobody has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<Rebalancing>,
    /// Our extension: the engine that runs it, where that is not the default one.
    #[serde(rename = "openmskEngine", default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// `DescribeCluster`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeClusterResponse {
    /// The cluster.
    pub cluster_info: ClusterInfo,
}

/// `DescribeClusterV2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeClusterV2Response {
    /// The cluster.
    pub cluster_info: Cluster,
}

/// `ListClusters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListClustersResponse {
    /// Clusters by name.
    pub cluster_info_list: Vec<ClusterInfo>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// `ListClustersV2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListClustersV2Response {
    /// Clusters by name.
    pub cluster_info_list: Vec<Cluster>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
