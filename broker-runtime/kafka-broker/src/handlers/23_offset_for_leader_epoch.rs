//! OffsetForLeaderEpoch 2–4: where a leader epoch ends in the leader's log (KIP-101, KIP-320). Consumers find out with
//! it that records they have read were lost; our own followers learn it from Fetch.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode,
    messages::{
        OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
        offset_for_leader_epoch_request::OffsetForLeaderPartition,
        offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::partition_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(23, "OffsetForLeaderEpoch", 2..=4, OffsetForLeaderEpochRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: OffsetForLeaderEpochRequest,
    _version: i16,
) -> OffsetForLeaderEpochResponse {
    let mut response = OffsetForLeaderEpochResponse::default();
    for topic in &request.topics {
        let mut entry = OffsetForLeaderTopicResult::default();
        entry.topic = topic.topic.clone();
        let may = context.may(broker, AclOperation::Describe, Resource::Topic(&topic.topic));
        for wanted in &topic.partitions {
            let mut answer = EpochEndOffset::default();
            answer.partition = wanted.partition;
            answer.leader_epoch = -1;
            answer.end_offset = -1;
            let found = if may {
                find(broker, &topic.topic, wanted)
            } else {
                Err(ErrorCode::TopicAuthorizationFailed)
            };
            match found {
                Ok(Some((epoch, end_offset))) => (answer.leader_epoch, answer.end_offset) = (epoch, end_offset),
                Ok(None) => {}
                Err(code) => answer.error_code = code.code(),
            }
            entry.partitions.push(answer);
        }
        response.topics.push(entry);
    }
    response
}

fn find(broker: &Broker, topic: &str, wanted: &OffsetForLeaderPartition) -> Result<Option<(i32, i64)>, ErrorCode> {
    let Some(partition) = broker.partitions.get(topic, wanted.partition) else {
        return Err(broker.absent_partition_code(topic, wanted.partition));
    };
    partition
        .expect_leadership(wanted.current_leader_epoch)
        .map_err(|error| partition_error_code(&error))?;
    // Nothing ends where no epoch was.
    if wanted.leader_epoch < 0 {
        return Ok(None);
    }
    Ok(partition.end_offset_for_epoch(wanted.leader_epoch))
}
