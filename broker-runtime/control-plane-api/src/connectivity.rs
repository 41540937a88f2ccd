//! How clients outside of the cluster's own network reach it.

use serde::{Deserialize, Serialize};

use crate::security::Enabled;

/// Connectivity of brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectivityInfo {
    /// Addresses of the internet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_access: Option<PublicAccess>,
    /// Connections from other networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_connectivity: Option<VpcConnectivity>,
    /// `IPV4` or `DUAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_type: Option<String>,
}

/// Addresses of the internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccess {
    /// `DISABLED` or `SERVICE_PROVIDED_EIPS`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Connections from other networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcConnectivity {
    /// How their clients may authenticate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<VpcClientAuthentication>,
}

/// How clients of other networks may authenticate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcClientAuthentication {
    /// With SASL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<VpcSasl>,
    /// With certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Enabled>,
}

/// SASL mechanisms for clients of other networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcSasl {
    /// SCRAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scram: Option<Enabled>,
    /// IAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam: Option<Enabled>,
}

impl VpcConnectivity {
    /// True when clients of other networks could connect.
    pub fn any(&self) -> bool {
        let Some(authentication) = &self.client_authentication else {
            return false;
        };
        let sasl = authentication.sasl.as_ref();
        let all = [
            authentication.tls,
            sasl.and_then(|it| it.scram),
            sasl.and_then(|it| it.iam),
        ];
        all.into_iter().flatten().any(|one| one.enabled)
    }
}
