//! Topics of a cluster.

use super::unavailable::unknown;
use crate::{
    http::call::{Answer, Call, json},
    operations, queries,
};

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let (services, arn, name) = (call.services(), call.cluster(), call.label("topicName"));
    match call.operation.name {
        "CreateTopic" => {
            let attempt = call.request.attempt();
            json(&operations::create_topic(services, arn, call.body()?, attempt).await?)
        }
        "DeleteTopic" => json(&operations::delete_topic(services, arn, name).await?),
        "DescribeTopic" => json(&queries::describe_topic(services, arn, name).await?),
        "DescribeTopicPartitions" => {
            let rows = queries::describe_topic_partitions(services, arn, name).await?;
            call.page("partitions", rows, |row| format!("{:010}", row.partition))
        }
        "ListTopics" => {
            let mut rows = queries::list_topics(services, arn).await?;
            if let Some(prefix) = call.request.parameter("topicNameFilter") {
                rows.retain(|row| row.topic_name.starts_with(prefix));
            }
            call.page("topics", rows, |row| row.topic_name.clone())
        }
        "UpdateTopic" => json(&operations::update_topic(services, arn, name, call.body()?).await?),
        _ => unknown(call),
    }
}
