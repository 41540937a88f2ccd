//! Policies of clusters.

use serde::{Deserialize, Serialize};

/// `PutClusterPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutClusterPolicyRequest {
    /// Version of the policy that is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<String>,
    /// JSON.
    pub policy: String,
}

/// Answer of `PutClusterPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutClusterPolicyResponse {
    /// Version of the policy.
    pub current_version: String,
}

/// `GetClusterPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetClusterPolicyResponse {
    /// Version of the policy.
    pub current_version: String,
    /// JSON, as it was given.
    pub policy: String,
}
