//! `msk_topic` and `msk_topics`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model, Plain};

use super::look_up::{Answer, Missing, Question, texts};
use crate::{arn, resources::topic_configs};

/// A topic that exists, also one that a client has made.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Topic {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Name of the topic.
    #[attribute(required)]
    name: Field<String>,
    /// ARN of the topic.
    #[attribute(computed)]
    arn: Field<String>,
    /// ARN of the topic.
    #[attribute(computed)]
    id: Field<String>,
    /// Number of partitions.
    #[attribute(computed)]
    partition_count: Field<i64>,
    /// Number of replicas of each partition.
    #[attribute(computed)]
    replication_factor: Field<i64>,
    /// Settings of the topic that differ from the cluster's.
    #[attribute(computed)]
    configs: Field<BTreeMap<String, String>>,
}

#[async_trait]
impl Question for Topic {
    const TYPE_NAME: &'static str = "msk_topic";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let (cluster_arn, name) = (self.cluster_arn.or_default(), self.name.or_default());
        // First that there is such a cluster: its error is another one.
        client.describe_cluster_v2(&cluster_arn).await?;
        let found = match client.describe_topic(&cluster_arn, &name).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => {
                return Ok(Err(Missing {
                    argument: "name",
                    detail: format!(
                        "There is no topic {name:?} in that cluster. data.msk_topics lists those that exist."
                    ),
                }));
            }
            Err(error) => return Err(error),
        };
        self.configs.follow(topic_configs(&found));
        self.arn = found.topic_arn.clone().into();
        self.id = found.topic_arn.into();
        self.partition_count = found.partition_count.into();
        self.replication_factor = found.replication_factor.into();
        Ok(Ok(self))
    }
}

/// The topics of a cluster, by name, without those that Kafka keeps for itself.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Topics {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Only topics whose name begins like this.
    #[attribute(optional)]
    name_prefix: Field<String>,
    /// Their names.
    #[attribute(computed)]
    names: Field<Vec<String>>,
    /// What there is to say of each in a line.
    #[attribute(computed)]
    topics: Field<Plain<Vec<TopicLine>>>,
}

/// A topic in a line.
#[derive(Clone, Debug, Default, Model)]
struct TopicLine {
    #[attribute(computed)]
    arn: Field<String>,
    #[attribute(computed)]
    name: Field<String>,
    #[attribute(computed)]
    partition_count: Field<i64>,
    #[attribute(computed)]
    replication_factor: Field<i64>,
    #[attribute(computed)]
    out_of_sync_replica_count: Field<i64>,
}

#[async_trait]
impl Question for Topics {
    const TYPE_NAME: &'static str = "msk_topics";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let prefix = self.name_prefix.as_str().unwrap_or_default();
        let mut all = client.list_topics(&self.cluster_arn.or_default()).await?;
        all.retain(|topic| topic.topic_name.starts_with(prefix));
        self.names = texts(all.iter().map(|topic| &topic.topic_name));
        let lines = all.into_iter().map(|topic| TopicLine {
            arn: topic.topic_arn.into(),
            name: topic.topic_name.into(),
            partition_count: topic.partition_count.into(),
            replication_factor: topic.replication_factor.into(),
            out_of_sync_replica_count: topic.out_of_sync_replica_count.into(),
        });
        self.topics = Plain(lines.collect()).into();
        Ok(Ok(self))
    }
}
