//! The subset of AWS Secrets Manager that SCRAM needs: JSON 1.1, `POST /`, the operation in `X-Amz-Target`.

use serde::{Deserialize, Serialize};

use crate::SecretText;

/// A tag, as Secrets Manager writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// `CreateSecret`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateSecretRequest {
    /// Name; for SCRAM it begins with `AmazonMSK_`.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For SCRAM a JSON object with `username` and `password`.
    pub secret_string: SecretText,
    /// Version id, and idempotency token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_request_token: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// Names a secret: by ARN or by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretRequest {
    /// ARN or name.
    pub secret_id: String,
    /// `DeleteSecret`: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_delete_without_recovery: Option<bool>,
    /// `GetSecretValue`: this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// `GetSecretValue`: the version with this stage, `AWSCURRENT` or `AWSPREVIOUS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_stage: Option<String>,
}

/// `UpdateSecret`. What is not named stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateSecretRequest {
    /// ARN or name.
    pub secret_id: String,
    /// The new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_string: Option<SecretText>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Version id, and idempotency token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_request_token: Option<String>,
}

/// `ListSecrets`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSecretsRequest {
    /// All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<SecretFilter>,
}

/// A filter of `ListSecrets`: one of the values must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretFilter {
    /// `name`, `description`, `tag-key` or `tag-value`.
    pub key: String,
    /// Beginnings, case-sensitive; with `!` in front, what must not be.
    pub values: Vec<String>,
}

/// `TagResource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagSecretRequest {
    /// ARN or name.
    pub secret_id: String,
    /// Tags to add or replace.
    pub tags: Vec<Tag>,
}

/// `UntagResource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagSecretRequest {
    /// ARN or name.
    pub secret_id: String,
    /// Keys of the tags to take away.
    pub tag_keys: Vec<String>,
}

/// `PutSecretValue`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutSecretValueRequest {
    /// ARN or name.
    pub secret_id: String,
    /// The new value.
    pub secret_string: SecretText,
    /// Version id, and idempotency token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_request_token: Option<String>,
}

/// Answer of the calls that change a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretResponse {
    /// Identity.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Name.
    #[serde(rename = "Name")]
    pub name: String,
    /// The version in force.
    #[serde(rename = "VersionId", default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// `GetSecretValue`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetSecretValueResponse {
    /// Identity.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Name.
    #[serde(rename = "Name")]
    pub name: String,
    /// The version in force.
    #[serde(rename = "VersionId")]
    pub version_id: String,
    /// The value.
    #[serde(rename = "SecretString")]
    pub secret_string: SecretText,
    /// `AWSCURRENT`.
    #[serde(rename = "VersionStages")]
    pub version_stages: Vec<String>,
    /// Unix seconds.
    #[serde(rename = "CreatedDate")]
    pub created_date: f64,
}

/// `DescribeSecret`, and a row of `ListSecrets`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DescribeSecretResponse {
    /// Identity.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Name.
    #[serde(rename = "Name")]
    pub name: String,
    /// What it is for.
    #[serde(rename = "Description", default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Version id → stages; the one in force has `AWSCURRENT`.
    #[serde(
        rename = "VersionIdsToStages",
        default,
        skip_serializing_if = "std::collections::BTreeMap::is_empty"
    )]
    pub version_ids_to_stages: std::collections::BTreeMap<String, Vec<String>>,
    /// Unix seconds.
    #[serde(rename = "CreatedDate", default)]
    pub created_date: f64,
    /// Unix seconds.
    #[serde(rename = "LastChangedDate", default)]
    pub last_changed_date: f64,
    /// Tags by key.
    #[serde(rename = "Tags", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// `ListSecrets`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSecretsResponse {
    /// By name.
    pub secret_list: Vec<DescribeSecretResponse>,
}

/// `DeleteSecret`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeleteSecretResponse {
    /// Identity.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Name.
    #[serde(rename = "Name")]
    pub name: String,
    /// Unix seconds.
    #[serde(rename = "DeletionDate")]
    pub deletion_date: f64,
}
