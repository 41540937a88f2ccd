//! Who may connect to a cluster, and what is encrypted.

use serde::{Deserialize, Serialize};

/// A switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enabled {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
}

/// Who may connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientAuthentication {
    /// With SASL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl: Option<Sasl>,
    /// With client certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsAuthentication>,
    /// Everybody, over TLS (and plaintext, where that is open).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unauthenticated: Option<Enabled>,
}

impl ClientAuthentication {
    /// ARNs of the authorities whose certificates clients may show; none when they may not.
    pub fn client_authorities(&self) -> &[String] {
        let tls = self.tls.as_ref().filter(|tls| tls.enabled);
        tls.map(|tls| tls.certificate_authority_arn_list.as_slice())
            .unwrap_or_default()
    }
}

/// SASL mechanisms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sasl {
    /// SCRAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scram: Option<Enabled>,
    /// The signature of an access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam: Option<Enabled>,
}

/// Client certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsAuthentication {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
    /// ARNs of the authorities whose certificates are good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_authority_arn_list: Vec<String>,
}

/// Encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionInfo {
    /// At rest: what brokers store; `None` where it is not encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_at_rest: Option<EncryptionAtRest>,
    /// In transit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_in_transit: Option<EncryptionInTransit>,
}

/// Encryption at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionAtRest {
    /// Of the key that protects it: an ARN.
    #[serde(rename = "dataVolumeKMSKeyId")]
    pub data_volume_kms_key_id: String,
}

/// Encryption in transit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionInTransit {
    /// `TLS`, `TLS_PLAINTEXT` or `PLAINTEXT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_broker: Option<String>,
    /// Between brokers; always on here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_cluster: Option<bool>,
}
