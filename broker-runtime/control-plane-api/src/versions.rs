//! Kafka versions.

use serde::{Deserialize, Serialize};

/// A version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaVersion {
    /// Name, such as `4.1.x.kraft`.
    pub version: String,
    /// `ACTIVE`.
    pub status: String,
}

/// `ListKafkaVersions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListKafkaVersionsResponse {
    /// Oldest first.
    pub kafka_versions: Vec<KafkaVersion>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Where an update may go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompatibleKafkaVersion {
    /// From.
    pub source_version: String,
    /// To.
    pub target_versions: Vec<String>,
}

/// `GetCompatibleKafkaVersions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetCompatibleKafkaVersionsResponse {
    /// One entry a source version.
    pub compatible_kafka_versions: Vec<CompatibleKafkaVersion>,
}
