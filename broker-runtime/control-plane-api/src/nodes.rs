//! Broker nodes.

use serde::{Deserialize, Serialize};

use crate::clusters::BrokerSoftwareInfo;

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    /// ISO 8601.
    pub added_to_cluster_time: String,
    /// The broker on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_node_info: Option<BrokerNodeInfo>,
    /// The controller on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_node_info: Option<ControllerNodeInfo>,
    /// MSK's instance type.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// Identity.
    #[serde(rename = "nodeARN")]
    pub node_arn: String,
    /// `BROKER`; a controller has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node_type: String,
}

/// A controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerNodeInfo {
    /// Where brokers reach it.
    pub endpoints: Vec<String>,
}

/// A broker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrokerNodeInfo {
    /// `node.id`; a double, as MSK has it.
    pub broker_id: f64,
    /// Its zone's subnet.
    pub client_subnet: String,
    /// Its address.
    pub client_vpc_ip_address: String,
    /// What it runs.
    pub current_broker_software_info: BrokerSoftwareInfo,
    /// Host names or addresses.
    pub endpoints: Vec<String>,
}

/// `ListNodes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListNodesResponse {
    /// By broker id.
    pub node_info_list: Vec<NodeInfo>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
