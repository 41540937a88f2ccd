//! DescribeQuorum 0–2 (KIP-595, KIP-836, KIP-853): who keeps the metadata, and how far brokers have read it. It takes DESCRIBE on
//! the cluster.
//!
//! * There is one question: partition 0 of `__cluster_metadata`. Any other, or more at once, is UNKNOWN_TOPIC_OR_PARTITION.
//! * While the controller is away there is no leader to ask: NOT_LEADER_OR_FOLLOWER, which clients repeat.
//!
//! Difference from Kafka: there is one controller, which is a process without a port for clients. It is the one voter, with an id
//! that no broker has, no directory id and no listener; nobody takes turns with it, so its epoch is always the first.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeQuorumRequest, DescribeQuorumResponse,
        describe_quorum_response::{PartitionData, ReplicaState, TopicData},
    },
};
use kafka_metadata::{
    MetadataOffset,
    acl::AclOperation,
    rpc::{ControllerRequest, ControllerResponse, MetadataReader},
};

use super::controller_timeout::CONTROLLER_TIMEOUT;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(55, "DescribeQuorum", 0..=2, DescribeQuorumRequest, handle);

/// The log that is described.
const METADATA_TOPIC: &str = "__cluster_metadata";
const METADATA_PARTITION: i32 = 0;

/// Id of the controller. Brokers count from 1, and there are never as many.
const CONTROLLER_ID: i32 = 10_001;

/// The only epoch there is.
const LEADER_EPOCH: i32 = 1;

/// First version that tells the times of replicas.
const TIMES_VERSION: i16 = 1;

/// A time that is not known.
const NO_TIME: i64 = -1;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeQuorumRequest,
    version: i16,
) -> DescribeQuorumResponse {
    if !context.may(broker, AclOperation::Describe, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        let mut response = DescribeQuorumResponse::default();
        response.error_code = code.code();
        response.error_message = message(code);
        return response;
    }
    if !asks_for_metadata(&request) {
        return refused(&request, ErrorCode::UnknownTopicOrPartition);
    }
    let asked = broker
        .controller
        .call_within(ControllerRequest::DescribeQuorum, CONTROLLER_TIMEOUT);
    let Ok(ControllerResponse::Quorum {
        next_offset,
        now_ms,
        readers,
    }) = asked.await
    else {
        return refused(&request, ErrorCode::NotLeaderOrFollower);
    };
    let mut partition = PartitionData::default();
    partition.partition_index = METADATA_PARTITION;
    (partition.leader_id, partition.leader_epoch) = (CONTROLLER_ID, LEADER_EPOCH);
    partition.high_watermark = next_offset.0;
    partition.current_voters = vec![replica(version, CONTROLLER_ID, next_offset, (now_ms, Some(now_ms)))];
    let observer = |reader: MetadataReader| {
        let times = (reader.last_heard_ms, reader.last_caught_up_ms);
        replica(version, reader.broker_id.0, reader.next_offset, times)
    };
    partition.observers = readers.into_iter().map(observer).collect();
    let mut topic = TopicData::default();
    topic.topic_name = StrBytes::from(METADATA_TOPIC);
    topic.partitions = vec![partition];
    let mut response = DescribeQuorumResponse::default();
    response.topics = vec![topic];
    response
}

/// The question is the one that there is.
fn asks_for_metadata(request: &DescribeQuorumRequest) -> bool {
    let [topic] = &request.topics[..] else {
        return false;
    };
    let [partition] = &topic.partitions[..] else {
        return false;
    };
    topic.topic_name.as_str() == METADATA_TOPIC && partition.partition_index == METADATA_PARTITION
}

/// The same error for all that is asked for.
fn refused(request: &DescribeQuorumRequest, code: ErrorCode) -> DescribeQuorumResponse {
    let topics = request.topics.iter().map(|asked| {
        let partitions = asked.partitions.iter().map(|asked| {
            let mut partition = PartitionData::default();
            partition.partition_index = asked.partition_index;
            partition.error_code = code.code();
            partition.error_message = message(code);
            partition
        });
        let mut topic = TopicData::default();
        topic.topic_name = asked.topic_name.clone();
        topic.partitions = partitions.collect();
        topic
    });
    let mut response = DescribeQuorumResponse::default();
    response.topics = topics.collect();
    response
}

fn message(code: ErrorCode) -> Option<StrBytes> {
    Some(StrBytes::from(code.message()))
}

fn replica(version: i16, id: i32, next_offset: MetadataOffset, times: (i64, Option<i64>)) -> ReplicaState {
    let mut state = ReplicaState::default();
    state.replica_id = id;
    state.log_end_offset = next_offset.0;
    if version >= TIMES_VERSION {
        state.last_fetch_timestamp = times.0;
        state.last_caught_up_timestamp = times.1.unwrap_or(NO_TIME);
    }
    state
}
