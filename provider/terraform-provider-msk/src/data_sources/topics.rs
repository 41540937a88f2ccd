//! `msk_topic` and `msk_topics`.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::{
    schema::{Attribute, Schema},
    value::{Object, Type, Value},
};

use super::look_up::{Answer, Missing, Question, computed, computed_objects, map_or_null, name_prefix};
use crate::resources::topic_configs;

fn cluster_arn() -> Attribute {
    Attribute::string().required().description("ARN of the cluster.")
}

/// One topic, by its name.
pub(super) struct Topic;

#[async_trait]
impl Question for Topic {
    const TYPE_NAME: &'static str = "msk_topic";

    fn schema() -> Schema {
        let number = |description| Attribute::number().computed().description(description);
        Schema::new()
            .description("A topic that exists, also one that a client has made.")
            .attribute("cluster_arn", cluster_arn())
            .attribute("name", Attribute::string().required().description("Name of the topic."))
            .attribute("arn", computed("ARN of the topic."))
            .attribute("id", computed("ARN of the topic."))
            .attribute("partition_count", number("Number of partitions."))
            .attribute("replication_factor", number("Number of replicas of each partition."))
            .attribute(
                "configs",
                Attribute::map_of_strings()
                    .computed()
                    .description("Settings of the topic that differ from the cluster's."),
            )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let text = |name: &str| asked.string(name).unwrap_or_default().to_owned();
        let (cluster_arn, name) = (text("cluster_arn"), text("name"));
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
        asked
            .set_string("arn", &found.topic_arn)
            .set_string("id", &found.topic_arn)
            .set_i64("partition_count", found.partition_count)
            .set_i64("replication_factor", found.replication_factor)
            .set("configs", map_or_null(&topic_configs(&found)));
        Ok(Ok(asked))
    }
}

/// All topics of a cluster.
pub(super) struct Topics;

#[async_trait]
impl Question for Topics {
    const TYPE_NAME: &'static str = "msk_topics";

    fn schema() -> Schema {
        let row = [
            ("arn", Type::String),
            ("name", Type::String),
            ("partition_count", Type::Number),
            ("replication_factor", Type::Number),
            ("out_of_sync_replica_count", Type::Number),
        ];
        Schema::new()
            .description("The topics of a cluster, by name, without those that Kafka keeps for itself.")
            .attribute("cluster_arn", cluster_arn())
            .attribute("name_prefix", name_prefix("topics"))
            .attribute(
                "names",
                Attribute::list_of_strings().computed().description("Their names."),
            )
            .attribute(
                "topics",
                computed_objects(&row, "What there is to say of each in a line."),
            )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let cluster_arn = asked.string("cluster_arn").unwrap_or_default().to_owned();
        let prefix = asked.string("name_prefix").unwrap_or_default().to_owned();
        let mut all = client.list_topics(&cluster_arn).await?;
        all.retain(|topic| topic.topic_name.starts_with(&prefix));
        let rows = all.iter().map(|topic| {
            let mut row = Object::new();
            row.set_string("arn", &topic.topic_arn)
                .set_string("name", &topic.topic_name)
                .set_i64("partition_count", topic.partition_count)
                .set_i64("replication_factor", topic.replication_factor)
                .set_i64("out_of_sync_replica_count", topic.out_of_sync_replica_count);
            row.into_value()
        });
        let rows = Value::List(rows.collect());
        asked
            .set("names", Value::strings(all.iter().map(|topic| &topic.topic_name)))
            .set("topics", rows);
        Ok(Ok(asked))
    }
}
