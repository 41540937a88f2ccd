//! Topics, as the engine's controller describes them.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use control_plane_api::{
    extensions::DescribedTopics,
    topics::{DescribeTopicResponse, TopicInfo, TopicPartitionInfo},
};
use engine::{TopicDescription, TopicError};

use super::cluster_record;
use crate::{
    arn,
    error::OperationError,
    services::Services,
    store::{ClusterRecord, CreationRecord},
};

/// A cluster whose brokers can be asked.
pub(crate) fn reachable_cluster(services: &Services, arn: &str) -> Result<ClusterRecord, OperationError> {
    let cluster = cluster_record(services, arn)?;
    if cluster.state.serves() {
        return Ok(cluster);
    }
    let state = cluster.state.name();
    Err(OperationError::unreachable(format!(
        "cluster {:?} is {state}",
        cluster.name
    )))
}

/// `DescribeTopic`.
pub(crate) async fn describe_topic(
    services: &Services,
    arn: &str,
    name: &str,
) -> Result<DescribeTopicResponse, OperationError> {
    let (cluster, topic) = description(services, arn, name).await?;
    Ok(described(&cluster, topic))
}

/// Every topic as `DescribeTopic` would answer, by name, without internal ones; none of them where there are more than `limit`.
pub(crate) async fn describe_topics(
    services: &Services,
    arn: &str,
    limit: usize,
) -> Result<DescribedTopics, OperationError> {
    let cluster = reachable_cluster(services, arn)?;
    let mut topics = services.engine.topics().describe_topics(cluster.uuid).await?;
    topics.retain(|topic| !topic.summary.internal);
    let complete = topics.len() <= limit;
    if !complete {
        topics.clear();
    }
    Ok(DescribedTopics {
        topics: topics.into_iter().map(|topic| described(&cluster, topic)).collect(),
        complete,
        repeatable: Some(repeatable(services, &cluster)?),
    })
}

/// Names of the cluster's topics whose creation has not been given up.
fn repeatable(services: &Services, cluster: &ClusterRecord) -> Result<BTreeSet<String>, OperationError> {
    let in_cluster = arn::topic(&cluster.arn, "");
    let creations = services.store.all::<CreationRecord>()?;
    let names = creations
        .iter()
        .filter_map(|it| it.resource_arn.strip_prefix(&in_cluster));
    Ok(names.map(str::to_owned).collect())
}

fn described(cluster: &ClusterRecord, topic: TopicDescription) -> DescribeTopicResponse {
    let configs = serde_json::to_vec(&topic.configs).unwrap_or_default();
    DescribeTopicResponse {
        topic_arn: arn::topic(&cluster.arn, &topic.summary.name),
        topic_name: topic.summary.name,
        replication_factor: i64::from(topic.summary.replication_factor),
        partition_count: i64::from(topic.summary.partition_count),
        configs: STANDARD.encode(configs),
        status: "ACTIVE".to_owned(),
        topic_id: Some(topic.summary.topic_id.to_string()),
    }
}

/// `ListTopics`: by name, without internal ones.
pub(crate) async fn list_topics(services: &Services, arn: &str) -> Result<Vec<TopicInfo>, OperationError> {
    let cluster = reachable_cluster(services, arn)?;
    let all = services.engine.topics().list_topics(cluster.uuid).await?;
    Ok(all
        .into_iter()
        .filter(|topic| !topic.internal)
        .map(|topic| TopicInfo {
            topic_arn: arn::topic(&cluster.arn, &topic.name),
            replication_factor: i64::from(topic.replication_factor),
            partition_count: i64::from(topic.partition_count),
            out_of_sync_replica_count: i64::from(topic.out_of_sync_partitions),
            topic_name: topic.name,
        })
        .collect())
}

/// `DescribeTopicPartitions`: by index.
pub(crate) async fn describe_topic_partitions(
    services: &Services,
    arn: &str,
    name: &str,
) -> Result<Vec<TopicPartitionInfo>, OperationError> {
    let ids = |ids: Vec<i32>| ids.into_iter().map(i64::from).collect();
    let (_, topic) = description(services, arn, name).await?;
    Ok(topic
        .partitions
        .into_iter()
        .map(|partition| TopicPartitionInfo {
            partition: i64::from(partition.partition),
            leader: partition.leader.map(i64::from),
            replicas: ids(partition.replicas),
            isr: ids(partition.isr),
        })
        .collect())
}

async fn description(
    services: &Services,
    arn: &str,
    name: &str,
) -> Result<(ClusterRecord, TopicDescription), OperationError> {
    let cluster = reachable_cluster(services, arn)?;
    match services.engine.topics().describe_topic(cluster.uuid, name).await {
        Ok(topic) => Ok((cluster, topic)),
        // `DescribeTopic` does not have the error of the others.
        Err(error @ TopicError::UnknownTopic(_)) => Err(OperationError::NotFound(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
