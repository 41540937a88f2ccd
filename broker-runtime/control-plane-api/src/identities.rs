//! Access keys and principals: ours, under `/openmsk/v1`.

use serde::{Deserialize, Serialize};

use crate::SecretText;

/// `POST /openmsk/v1/access-keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccessKeyRequest {
    /// Twelve digits; the root's account when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whose key it is; the root of the account when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Policy that the principal gets, JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Its answer: the only time the secret is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccessKeyResponse {
    /// The key.
    pub access_key: AccessKey,
    /// Secret access key.
    pub secret_access_key: SecretText,
}

/// An access key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessKey {
    /// Id.
    pub access_key_id: String,
    /// ARN of the principal.
    pub principal_arn: String,
    /// ISO 8601.
    pub creation_time: String,
    /// `ACTIVE` or `DISABLED`.
    pub status: String,
}

/// `GET /openmsk/v1/access-keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListAccessKeysResponse {
    /// Oldest first.
    pub access_keys: Vec<AccessKey>,
}

/// `PUT /openmsk/v1/access-keys/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateAccessKeyRequest {
    /// `ACTIVE` or `DISABLED`.
    pub status: String,
}

/// `PUT /openmsk/v1/principals/{account}/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPrincipalRequest {
    /// JSON.
    pub policy: String,
}

/// `GET /openmsk/v1/audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditResponse {
    /// Newest first.
    pub calls: Vec<AuditedCall>,
}

/// A call, as the audit log keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditedCall {
    /// ISO 8601.
    pub time: String,
    /// Id of the request, as in its answer's `x-amzn-RequestId`.
    pub request_id: String,
    /// ARN of the principal; absent when the signature was not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Id of the access key that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Address of the caller.
    pub source: String,
    /// Such as `kafka:CreateCluster`.
    pub action: String,
    /// ARN it was about, or `*`.
    pub resource: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Type of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
