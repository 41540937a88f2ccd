//! Storage of brokers.

use serde::{Deserialize, Serialize};

/// Storage of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageInfo {
    /// A volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_storage_info: Option<EbsStorageInfo>,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EbsStorageInfo {
    /// GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<i64>,
    /// Throughput; refused when it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput: Option<ProvisionedThroughput>,
}

/// Throughput of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedThroughput {
    /// On or off.
    #[serde(default)]
    pub enabled: bool,
    /// MiB a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_throughput: Option<i64>,
}
