//! DescribeTopicPartitions 0 (KIP-966): topics and partitions in portions, for admin clients.
//!
//! * Topics come in the order of their names; no topics means all. At most 2000 partitions an answer, or fewer if the
//!   client says so; the cursor tells where to go on.
//! * Nobody is ever the last known leader only: whoever has been in sync last is eligible to lead.

use std::{cmp::Ordering, collections::BTreeSet, ops::Range, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
        describe_topic_partitions_response::{
            Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
        },
        metadata_response::{MetadataResponsePartition, MetadataResponseTopic},
    },
};
use kafka_metadata::{PartitionState, acl::AclOperation};

use super::metadata::describe_topic;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(
    75,
    "DescribeTopicPartitions",
    0..=0,
    DescribeTopicPartitionsRequest,
    handle
);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeTopicPartitionsRequest,
    _version: i16,
) -> DescribeTopicPartitionsResponse {
    if request.cursor.as_ref().is_some_and(|cursor| cursor.partition_index < 0) {
        return refuse_all(&request, ErrorCode::InvalidRequest);
    }
    let image = broker.metadata.image();
    let mut names: BTreeSet<String> = request.topics.iter().map(|topic| topic.name.to_string()).collect();
    if names.is_empty() {
        let visible = image
            .topics
            .keys()
            .filter(|name| context.may_quietly(broker, AclOperation::Describe, Resource::Topic(name)));
        names = visible.cloned().collect();
    }
    let limit = usize::try_from(request.response_partition_limit)
        .unwrap_or(0)
        .clamp(1, broker.settings.described_partitions_max.max(1));
    let mut response = DescribeTopicPartitionsResponse::default();
    let mut count = 0;
    for name in names {
        let first = match &request.cursor {
            Some(cursor) => match name.as_str().cmp(&cursor.topic_name) {
                Ordering::Less => continue,
                Ordering::Equal => usize::try_from(cursor.partition_index).unwrap_or(0),
                Ordering::Greater => 0,
            },
            None => 0,
        };
        if count >= limit {
            response.next_cursor = Some(cursor(&name, 0));
            break;
        }
        let may = context.may(broker, AclOperation::Describe, Resource::Topic(&name));
        let Some(topic) = image.topics.get(&name).filter(|_| may) else {
            let mut missing = DescribeTopicPartitionsResponseTopic::default();
            missing.error_code = if may {
                ErrorCode::UnknownTopicOrPartition.code()
            } else {
                ErrorCode::TopicAuthorizationFailed.code()
            };
            if may {
                missing.topic_authorized_operations = context.authorized_operations(broker, Resource::Topic(&name));
            }
            missing.name = Some(StrBytes::from(name));
            response.topics.push(missing);
            continue;
        };
        let mut described = describe_topic(&image, topic, context.listener());
        described.topic_authorized_operations = context.authorized_operations(broker, Resource::Topic(&name));
        let end = described.partitions.len().min(first.saturating_add(limit - count));
        let rest = described.partitions.len() > end;
        count += end.saturating_sub(first);
        response.topics.push(portion(described, &topic.partitions, first..end));
        if rest {
            response.next_cursor = Some(cursor(&name, end));
            break;
        }
    }
    response
}

fn refuse_all(request: &DescribeTopicPartitionsRequest, code: ErrorCode) -> DescribeTopicPartitionsResponse {
    let mut response = DescribeTopicPartitionsResponse::default();
    let refused = request.topics.iter().map(|topic| {
        let mut entry = DescribeTopicPartitionsResponseTopic::default();
        entry.error_code = code.code();
        entry.name = Some(topic.name.clone());
        entry
    });
    response.topics = refused.collect();
    response
}

fn cursor(topic: &str, partition: usize) -> Cursor {
    let mut cursor = Cursor::default();
    cursor.topic_name = StrBytes::from(topic);
    cursor.partition_index = i32::try_from(partition).unwrap_or(i32::MAX);
    cursor
}

fn portion(
    topic: MetadataResponseTopic,
    states: &[PartitionState],
    indexes: Range<usize>,
) -> DescribeTopicPartitionsResponseTopic {
    let mut entry = DescribeTopicPartitionsResponseTopic::default();
    entry.name = topic.name;
    entry.topic_id = topic.topic_id;
    entry.is_internal = topic.is_internal;
    entry.topic_authorized_operations = topic.topic_authorized_operations;
    entry.partitions = topic
        .partitions
        .into_iter()
        .zip(states)
        .take(indexes.end)
        .skip(indexes.start)
        .map(|(partition, state)| describe_partition(partition, state))
        .collect();
    entry
}

fn describe_partition(
    partition: MetadataResponsePartition,
    state: &PartitionState,
) -> DescribeTopicPartitionsResponsePartition {
    let mut entry = DescribeTopicPartitionsResponsePartition::default();
    entry.error_code = partition.error_code;
    entry.partition_index = partition.partition_index;
    entry.leader_id = partition.leader_id;
    entry.leader_epoch = partition.leader_epoch;
    entry.replica_nodes = partition.replica_nodes;
    entry.isr_nodes = partition.isr_nodes;
    entry.eligible_leader_replicas = Some(state.elr.iter().map(|id| id.0).collect());
    entry.last_known_elr = Some(Vec::new());
    entry.offline_replicas = partition.offline_replicas;
    entry
}
