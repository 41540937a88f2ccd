//! Topics. `configs` is base64 of a JSON object of text.

use serde::{Deserialize, Serialize};

/// `CreateTopic`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateTopicRequest {
    /// Name.
    pub topic_name: String,
    /// Number of partitions.
    pub partition_count: i64,
    /// Replication factor.
    pub replication_factor: i64,
    /// Base64 of a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configs: Option<String>,
}

/// `UpdateTopic`: either, not both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateTopicRequest {
    /// Base64 of a JSON object; the topic's own configuration becomes exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configs: Option<String>,
    /// Number of partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_count: Option<i64>,
}

/// Answer of create, update and delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicResponse {
    /// Identity.
    pub topic_arn: String,
    /// Name.
    pub topic_name: String,
    /// `ACTIVE`, `UPDATING` or `DELETING`.
    pub status: String,
}

/// `DescribeTopic`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeTopicResponse {
    /// Identity.
    pub topic_arn: String,
    /// Name.
    pub topic_name: String,
    /// Replication factor.
    pub replication_factor: i64,
    /// Number of partitions.
    pub partition_count: i64,
    /// Base64 of a JSON object.
    pub configs: String,
    /// `ACTIVE`.
    pub status: String,
    /// Kafka's topic id; our addition.
    #[serde(rename = "openmskTopicId", default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
}

/// A row of `ListTopics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicInfo {
    /// Identity.
    pub topic_arn: String,
    /// Name.
    pub topic_name: String,
    /// Replication factor.
    pub replication_factor: i64,
    /// Number of partitions.
    pub partition_count: i64,
    /// Replicas that are not in sync.
    pub out_of_sync_replica_count: i64,
}

/// `ListTopics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTopicsResponse {
    /// By name.
    pub topics: Vec<TopicInfo>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicPartitionInfo {
    /// Index, from 0.
    pub partition: i64,
    /// Leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<i64>,
    /// Replicas.
    pub replicas: Vec<i64>,
    /// In-sync replicas.
    pub isr: Vec<i64>,
}

/// `DescribeTopicPartitions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeTopicPartitionsResponse {
    /// By index.
    pub partitions: Vec<TopicPartitionInfo>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
