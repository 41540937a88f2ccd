//! SCRAM secrets of a cluster.

use serde::{Deserialize, Serialize};

/// `BatchAssociateScramSecret` and `BatchDisassociateScramSecret`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScramSecretsRequest {
    /// 1 to 10 secrets.
    pub secret_arn_list: Vec<String>,
}

/// A secret that was not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnprocessedScramSecret {
    /// A word.
    pub error_code: String,
    /// A sentence.
    pub error_message: String,
    /// The secret.
    pub secret_arn: String,
}

/// Answer of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScramSecretsResponse {
    /// The cluster.
    pub cluster_arn: String,
    /// What was not taken.
    pub unprocessed_scram_secrets: Vec<UnprocessedScramSecret>,
}

/// `ListScramSecrets`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListScramSecretsResponse {
    /// In order.
    pub secret_arn_list: Vec<String>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
