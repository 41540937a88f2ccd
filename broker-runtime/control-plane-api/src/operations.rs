//! Cluster operations, versions 1 and 2.

use serde::{Deserialize, Serialize};

use crate::{
    configurations::ConfigurationInfo,
    connectivity::ConnectivityInfo,
    monitoring::{LoggingInfo, OpenMonitoring},
    security::{ClientAuthentication, EncryptionInfo},
    updates::{BrokerEbsVolumeInfo, Rebalancing},
};

/// Why an operation failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    /// A word.
    pub error_code: String,
    /// A sentence.
    pub error_string: String,
}

/// What an operation changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MutableClusterInfo {
    /// Number of brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_broker_nodes: Option<i64>,
    /// Server properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_info: Option<ConfigurationInfo>,
    /// Who may connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_info: Option<EncryptionInfo>,
    /// Version of Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_version: Option<String>,
    /// MSK's instance type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Volumes.
    #[serde(rename = "brokerEBSVolumeInfo", skip_serializing_if = "Vec::is_empty")]
    pub broker_ebs_volume_info: Vec<BrokerEbsVolumeInfo>,
    /// Metrics level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhanced_monitoring: Option<String>,
    /// Exporters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_monitoring: Option<OpenMonitoring>,
    /// Delivery of logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_info: Option<LoggingInfo>,
    /// How clients from elsewhere reach brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connectivity_info: Option<ConnectivityInfo>,
    /// Whether it keeps itself even.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalancing: Option<Rebalancing>,
    /// Our extension: the engine that runs it, where that is not the default one.
    #[serde(rename = "openmskEngine", skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// A step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOperationStep {
    /// Its name.
    pub step_name: String,
    /// Its status.
    pub step_info: ClusterOperationStepInfo,
}

/// Status of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOperationStepInfo {
    /// `PENDING`, `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub step_status: String,
}

/// An operation, version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterOperationInfo {
    /// Id of the request that began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// Its cluster.
    pub cluster_arn: String,
    /// ISO 8601.
    pub creation_time: String,
    /// ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<ErrorInfo>,
    /// Identity.
    pub operation_arn: String,
    /// `PENDING`, `UPDATE_IN_PROGRESS`, `UPDATE_COMPLETE` or `UPDATE_FAILED`; of a reboot `REBOOT_IN_PROGRESS` and
    /// `REBOOT_COMPLETE`.
    pub operation_state: String,
    /// Steps in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operation_steps: Vec<ClusterOperationStep>,
    /// Such as `INCREASE_BROKER_COUNT`.
    pub operation_type: String,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_cluster_info: Option<MutableClusterInfo>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_cluster_info: Option<MutableClusterInfo>,
}

/// An operation, version 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterOperationV2 {
    /// Its cluster.
    pub cluster_arn: String,
    /// `PROVISIONED` or `SERVERLESS`.
    pub cluster_type: String,
    /// ISO 8601.
    pub start_time: String,
    /// ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<ErrorInfo>,
    /// Identity.
    pub operation_arn: String,
    /// As in version 1.
    pub operation_state: String,
    /// As in version 1.
    pub operation_type: String,
    /// The provisioned part; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<ClusterOperationV2Provisioned>,
}

/// The provisioned part of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterOperationV2Provisioned {
    /// Steps in order.
    pub operation_steps: Vec<ClusterOperationStep>,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_cluster_info: Option<MutableClusterInfo>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_cluster_info: Option<MutableClusterInfo>,
}

/// `DescribeClusterOperation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeClusterOperationResponse {
    /// The operation.
    pub cluster_operation_info: ClusterOperationInfo,
}

/// `DescribeClusterOperationV2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeClusterOperationV2Response {
    /// The operation.
    pub cluster_operation_info: ClusterOperationV2,
}

/// `ListClusterOperations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListClusterOperationsResponse {
    /// Newest first.
    pub cluster_operation_info_list: Vec<ClusterOperationInfo>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// `ListClusterOperationsV2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListClusterOperationsV2Response {
    /// Newest first.
    pub cluster_operation_info_list: Vec<ClusterOperationV2>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
