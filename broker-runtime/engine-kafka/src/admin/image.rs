//! What the brokers say of the cluster, as the metadata image that plans are made from.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use engine::TopicError;
use kafka_codec::{
    messages::{
        DescribeClusterRequest, ListPartitionReassignmentsRequest, MetadataRequest, MetadataResponse,
        describe_cluster_response::DescribeClusterResponse,
        list_partition_reassignments_response::ListPartitionReassignmentsResponse,
        metadata_response::MetadataResponsePartition,
    },
    uuid_from_wire,
};
use kafka_metadata::{
    BrokerEpoch, BrokerId, BrokerImage, LeaderEpoch, MetadataImage, PartitionEpoch, PartitionState, TopicId, TopicImage,
};
use uuid::Uuid;

use super::{Kafka, check};

/// Adding and removing replicas of partitions that move.
type Moving = HashMap<(String, i32), (Vec<BrokerId>, Vec<BrokerId>)>;

impl Kafka {
    /// Brokers and topics as they are; brokers of `retiring` are to go.
    pub(crate) async fn image(&self, retiring: &[i32]) -> Result<MetadataImage, TopicError> {
        let brokers = self.describe_cluster().await?;
        let mut moves = ListPartitionReassignmentsRequest::default();
        moves.timeout_ms = 10_000;
        let moves = self.ask(&moves, 0).await?;
        check(moves.error_code, moves.error_message.as_ref(), "")?;
        let topics = self.metadata().await?;
        Ok(to_image(&brokers, &moves, &topics, retiring))
    }

    /// Brokers and all topics.
    pub(super) async fn metadata(&self) -> Result<MetadataResponse, TopicError> {
        self.ask(&all_topics(), 12).await
    }

    async fn describe_cluster(&self) -> Result<DescribeClusterResponse, TopicError> {
        let mut request = DescribeClusterRequest::default();
        request.endpoint_type = 1;
        request.include_fenced_brokers = true;
        let answer = self.ask(&request, 2).await?;
        check(answer.error_code, answer.error_message.as_ref(), "")?;
        Ok(answer)
    }
}

pub(super) fn all_topics() -> MetadataRequest {
    let mut request = MetadataRequest::default();
    request.topics = None;
    request.allow_auto_topic_creation = false;
    request
}

fn to_image(
    brokers: &DescribeClusterResponse,
    moves: &ListPartitionReassignmentsResponse,
    topics: &MetadataResponse,
    retiring: &[i32],
) -> MetadataImage {
    let moving = moving(moves);
    let mut image = MetadataImage {
        cluster_id: brokers.cluster_id.to_string(),
        ..MetadataImage::default()
    };
    for broker in &brokers.brokers {
        let id = BrokerId(broker.broker_id);
        let broker = BrokerImage {
            broker_id: id,
            broker_epoch: BrokerEpoch(0),
            incarnation_id: Uuid::nil(),
            boot_id: String::new(),
            log_dirs: Vec::new(),
            rack: broker.rack.as_ref().map(ToString::to_string),
            endpoints: Vec::new(),
            fenced: broker.is_fenced,
            shutting_down: false,
            retiring: retiring.contains(&broker.broker_id),
        };
        image.brokers.insert(id, Arc::new(broker));
    }
    for topic in topics.topics.iter().filter(|topic| topic.error_code == 0) {
        let Some(name) = topic.name.as_ref().map(ToString::to_string) else {
            continue;
        };
        let partitions: BTreeMap<i32, PartitionState> = topic
            .partitions
            .iter()
            .map(|one| {
                (
                    one.partition_index,
                    partition(one, moving.get(&(name.clone(), one.partition_index))),
                )
            })
            .collect();
        let topic_id = TopicId(uuid_from_wire(topic.topic_id));
        image.topic_names.insert_mut(topic_id, name.clone());
        let topic = TopicImage {
            topic_id,
            name: name.clone(),
            partitions: partitions.into_values().collect(),
        };
        image.topics.insert_mut(name, Arc::new(topic));
    }
    image
}

fn ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

fn moving(moves: &ListPartitionReassignmentsResponse) -> Moving {
    let mut found = Moving::new();
    for topic in &moves.topics {
        for partition in &topic.partitions {
            let key = (topic.name.to_string(), partition.partition_index);
            found.insert(
                key,
                (ids(&partition.adding_replicas), ids(&partition.removing_replicas)),
            );
        }
    }
    found
}

fn partition(one: &MetadataResponsePartition, moving: Option<&(Vec<BrokerId>, Vec<BrokerId>)>) -> PartitionState {
    let (adding, removing) = moving.cloned().unwrap_or_default();
    PartitionState {
        replicas: ids(&one.replica_nodes),
        isr: ids(&one.isr_nodes),
        // Kafka decides on its own who leads.
        elr: Vec::new(),
        leader: (one.leader_id >= 0).then_some(BrokerId(one.leader_id)),
        leader_epoch: LeaderEpoch(one.leader_epoch),
        partition_epoch: PartitionEpoch(0),
        adding,
        removing,
    }
}
