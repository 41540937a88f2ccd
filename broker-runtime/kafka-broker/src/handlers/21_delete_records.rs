//! DeleteRecords 0–2: makes everything below an offset unreadable (KIP-107). Answered once all living replicas have it
//! so, with the lowest of their log start offsets; -1 as offset stands for the high watermark. POLICY_VIOLATION where records go
//! by compaction only, INVALID_TOPIC_EXCEPTION for topics of coordinators.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kafka_codec::{
    ErrorCode,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    coordinator::is_internal,
    dispatch::{ApiEntry, RequestContext, api},
    partition::Partition,
    response::partition_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(21, "DeleteRecords", 0..=2, DeleteRecordsRequest, handle);

/// Followers are looked at this often while their deletion is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The error in both cases, and an offset the replicas have to reach.
type Deleted = Result<(Arc<Partition>, i64), ErrorCode>;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DeleteRecordsRequest,
    _version: i16,
) -> DeleteRecordsResponse {
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let deadline = broker.clock.monotonic() + timeout;
    let mut deleted: Vec<Vec<Deleted>> = Vec::new();
    for topic in &request.topics {
        let may = context.may(broker, AclOperation::Delete, Resource::Topic(&topic.name));
        let delete = |index, offset| {
            if may {
                delete(broker, &topic.name, index, offset)
            } else {
                Err(ErrorCode::TopicAuthorizationFailed)
            }
        };
        deleted.push(
            topic
                .partitions
                .iter()
                .map(|it| delete(it.partition_index, it.offset))
                .collect(),
        );
    }
    let mut response = DeleteRecordsResponse::default();
    for (topic, deleted) in request.topics.iter().zip(deleted) {
        let mut entry = DeleteRecordsTopicResult::default();
        entry.name = topic.name.clone();
        for (wanted, deleted) in topic.partitions.iter().zip(deleted) {
            let mut result = DeleteRecordsPartitionResult::default();
            result.partition_index = wanted.partition_index;
            result.low_watermark = -1;
            let reached = match deleted {
                Ok((partition, offset)) => wait(broker, &partition, offset, deadline).await,
                Err(code) => Err(code),
            };
            match reached {
                Ok(low_watermark) => result.low_watermark = low_watermark,
                Err(code) => result.error_code = code.code(),
            }
            entry.partitions.push(result);
        }
        response.topics.push(entry);
    }
    response
}

fn delete(broker: &Broker, topic: &str, index: i32, offset: i64) -> Deleted {
    if is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let Some(partition) = broker.partitions.get(topic, index) else {
        let known = broker.metadata.image().partition(topic, index).is_some();
        return Err(if known {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::UnknownTopicOrPartition
        });
    };
    match partition.delete_records(offset) {
        Ok(offset) => Ok((partition, offset)),
        Err(error) => Err(partition_error_code(&error)),
    }
}

async fn wait(broker: &Broker, partition: &Partition, offset: i64, deadline: Instant) -> Result<i64, ErrorCode> {
    loop {
        let low_watermark = partition
            .low_watermark()
            .map_err(|error| partition_error_code(&error))?;
        if low_watermark >= offset {
            return Ok(low_watermark);
        }
        if broker.clock.monotonic() >= deadline {
            return Err(ErrorCode::RequestTimedOut);
        }
        broker.clock.sleep(LOOK_INTERVAL).await;
    }
}
