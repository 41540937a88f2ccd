//! Where clients connect to.

use serde::{Deserialize, Serialize};

/// `GetBootstrapBrokers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetBootstrapBrokersResponse {
    /// 9092.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string: Option<String>,
    /// 9094.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_tls: Option<String>,
    /// 9096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_sasl_scram: Option<String>,
    /// 9098.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_sasl_iam: Option<String>,
    /// SASL/SCRAM on the machine's public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_public_sasl_scram: Option<String>,
    /// SASL/IAM on the machine's public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_public_sasl_iam: Option<String>,
    /// Plaintext on IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_ipv6: Option<String>,
    /// TLS on IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_tls_ipv6: Option<String>,
    /// SASL/SCRAM on IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_sasl_scram_ipv6: Option<String>,
    /// SASL/IAM on IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_broker_string_sasl_iam_ipv6: Option<String>,
}
