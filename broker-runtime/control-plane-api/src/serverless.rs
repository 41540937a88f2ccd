//! Serverless clusters: their number of brokers follows the load.

use serde::{Deserialize, Serialize};

use crate::security::Enabled;

/// A serverless cluster, as it is asked for and as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Serverless {
    /// Networks of its clients; kept and shown, each subnet stands for a zone.
    pub vpc_configs: Vec<VpcConfig>,
    /// Who may connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ServerlessClientAuthentication>,
    /// How clients reach it; shown, and changed with `UpdateConnectivity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectivity_info: Option<ServerlessConnectivityInfo>,
}

/// How clients reach a serverless cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerlessConnectivityInfo {
    /// `IPV4` or `DUAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_type: Option<String>,
}

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcConfig {
    /// Its subnets.
    pub subnet_ids: Vec<String>,
    /// Security groups, without meaning here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<String>,
}

/// Who may connect to a serverless cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerlessClientAuthentication {
    /// With SASL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<ServerlessSasl>,
}

/// SASL mechanisms of serverless clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerlessSasl {
    /// The signature of an access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam: Option<Enabled>,
}
