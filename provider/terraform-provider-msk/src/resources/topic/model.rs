//! What an `msk_topic` is.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane_api::{
    server_properties::validate_topic_config,
    topics::{CreateTopicRequest, DescribeTopicResponse},
};
use plugin_framework::{
    model::{Field, Model},
    value::Value,
};

/// Longest name, as Kafka has it.
const NAME_CHARS_MAX: usize = 249;
/// Most replicas of a partition.
const REPLICAS_MAX: i64 = 32_767;
/// Most partitions of a topic.
const PARTITIONS_MAX: i64 = i32::MAX as i64;

/// A topic of a cluster.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct TopicModel {
    /// ARN of the cluster.
    #[attribute(required, replaces = "a topic belongs to one cluster")]
    pub(super) cluster_arn: Field<String>,
    /// Name of the topic: 1 to 249 letters, digits, `.`, `_` and `-`.
    #[attribute(required, replaces = "the name is the identity of a topic", check = is_name)]
    pub(super) name: Field<String>,
    /// Number of partitions. It can grow in place; a smaller number is refused.
    #[attribute(required, between = (1, PARTITIONS_MAX))]
    pub(super) partition_count: Field<i64>,
    /// Number of brokers that keep a copy of each partition; it changes in place, while clients work.
    #[attribute(required, between = (1, REPLICAS_MAX))]
    pub(super) replication_factor: Field<i64>,
    /// Settings of the topic that differ from the cluster's, such as `retention.ms`.
    #[attribute(optional, check = check_configs)]
    pub(super) configs: Field<BTreeMap<String, String>>,
    /// Whether a plan that destroys or replaces it is refused. Set it to `false`, and apply that, to destroy it. Default: `false`.
    #[attribute(optional)]
    pub(super) deletion_protection: Field<bool>,
    /// ARN of the topic.
    #[attribute(computed, stable)]
    pub(super) arn: Field<String>,
    /// ARN of the topic.
    #[attribute(computed, stable)]
    pub(super) id: Field<String>,
}

impl TopicModel {
    /// The topic of this name in a cluster, of which nothing else is known.
    pub(super) fn named(cluster_arn: &str, name: &str) -> Self {
        Self {
            cluster_arn: cluster_arn.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// ARN of the cluster, and name.
    pub(super) fn identity(&self) -> (String, String) {
        (self.cluster_arn.or_default(), self.name.or_default())
    }

    /// Everything that a topic is made of is known.
    pub(super) fn can_be_asked_for(&self) -> bool {
        self.cluster_arn.is_wholly_known()
            && self.name.is_wholly_known()
            && self.partition_count.is_wholly_known()
            && self.replication_factor.is_wholly_known()
            && self.configs.is_wholly_known()
    }

    /// The request for a new topic.
    pub(super) fn create_request(&self) -> CreateTopicRequest {
        CreateTopicRequest {
            topic_name: self.name.or_default(),
            partition_count: self.partition_count.or_default(),
            replication_factor: self.replication_factor.or_default(),
            configs: Some(self.encoded_configs()),
        }
    }

    /// The settings, as the API takes them.
    pub(super) fn encoded_configs(&self) -> String {
        STANDARD.encode(serde_json::to_vec(&self.configs.or_default()).unwrap_or_default())
    }

    /// What the control plane says of it.
    pub(super) fn write(&mut self, topic: &DescribeTopicResponse) {
        self.arn = topic.topic_arn.as_str().into();
        self.id = topic.topic_arn.as_str().into();
        self.name = topic.topic_name.as_str().into();
        self.partition_count = topic.partition_count.into();
        self.replication_factor = topic.replication_factor.into();
        self.configs.follow(topic_configs(topic));
    }
}

/// The topic's own configuration.
pub(crate) fn topic_configs(topic: &DescribeTopicResponse) -> BTreeMap<String, String> {
    let bytes = STANDARD.decode(&topic.configs).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn is_name(value: &Value) -> Vec<String> {
    let name = value.as_str().unwrap_or_default();
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return vec![format!("a name has 1 to {NAME_CHARS_MAX} characters")];
    }
    if name == "." || name == ".." {
        return vec![format!("{name:?} is not allowed as a name")];
    }
    match name.chars().find(|character| !allowed(*character)) {
        Some(wrong) => vec![format!(
            "{wrong:?} may not be in a name, which has letters, digits, '.', '_' and '-' only"
        )],
        None => Vec::new(),
    }
}

fn check_configs(value: &Value) -> Vec<String> {
    let entries = value.as_map().into_iter().flatten();
    entries
        .filter_map(|(name, value)| validate_topic_config(name, value.as_str()?).err())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(TopicModel::schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn settings_are_checked_by_name_and_value() {
        let problems = |name: &str, value: &str| {
            let map = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            check_configs(&Value::map_of_strings(&map))
        };
        assert!(problems("retention.ms", "60000").is_empty());
        assert!(problems("retention.mss", "1")[0].contains("did you mean retention.ms"));
        assert_eq!(problems("retention.ms", "soon").len(), 1);
    }
}
