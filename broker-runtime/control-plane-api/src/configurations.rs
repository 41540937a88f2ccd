//! Configurations: named texts of server properties with revisions.

use serde::{Deserialize, Serialize};

use crate::Blob;

/// `CreateConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateConfigurationRequest {
    /// Name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Versions it is meant for.
    #[serde(default)]
    pub kafka_versions: Vec<String>,
    /// The text.
    pub server_properties: Blob,
}

/// A revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationRevision {
    /// ISO 8601.
    pub creation_time: String,
    /// What changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Counted from 1.
    pub revision: i64,
}

/// A configuration; the answer of `CreateConfiguration`, `DescribeConfiguration` and `UpdateConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Configuration {
    /// Identity.
    pub arn: String,
    /// ISO 8601.
    pub creation_time: String,
    /// What it is for.
    pub description: String,
    /// Versions it is meant for.
    pub kafka_versions: Vec<String>,
    /// The newest revision.
    pub latest_revision: ConfigurationRevision,
    /// Name.
    pub name: String,
    /// `ACTIVE`.
    pub state: String,
}

/// `DescribeConfigurationRevision`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeConfigurationRevisionResponse {
    /// The configuration.
    pub arn: String,
    /// ISO 8601.
    pub creation_time: String,
    /// What changed.
    #[serde(default)]
    pub description: String,
    /// Counted from 1.
    pub revision: i64,
    /// The text.
    pub server_properties: Blob,
}

/// `UpdateConfiguration`: a new revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConfigurationRequest {
    /// What changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The text.
    pub server_properties: Blob,
}

/// `UpdateConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConfigurationResponse {
    /// The configuration.
    pub arn: String,
    /// The new revision.
    pub latest_revision: ConfigurationRevision,
}

/// `DeleteConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteConfigurationResponse {
    /// The configuration.
    pub arn: String,
    /// `DELETING`.
    pub state: String,
}

/// `ListConfigurations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListConfigurationsResponse {
    /// By name.
    pub configurations: Vec<Configuration>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// `ListConfigurationRevisions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListConfigurationRevisionsResponse {
    /// Newest first.
    pub revisions: Vec<ConfigurationRevision>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// `DescribeConfiguration`.
pub type DescribeConfigurationResponse = Configuration;

/// A revision of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationInfo {
    /// The configuration.
    pub arn: String,
    /// Its revision, from 1.
    pub revision: i64,
}
