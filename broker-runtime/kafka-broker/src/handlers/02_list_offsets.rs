//! ListOffsets 1–11: offsets by timestamp, and the ends of the log.
//!
//! * -1 latest: the high watermark, for a follower the end of the log, for `read_committed` the last stable offset.
//!   OFFSET_NOT_AVAILABLE until a new leader knows the high watermark of its predecessor (KIP-207).
//! * -2 earliest, -3 the record with the largest timestamp, -4 earliest on this broker's disk.
//! * -5 latest in tiered storage, -6 earliest that is to be copied there: there is none, the answer is "unknown".
//! * UNSUPPORTED_VERSION for any other negative one, and for one that the version does not know yet; INVALID_REQUEST for a
//!   partition that is named twice, once.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::{
    ErrorCode,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse,
        list_offsets_request::ListOffsetsPartition,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    partition::{PartitionError, ReadBound},
    response::partition_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(2, "ListOffsets", 1..=11, ListOffsetsRequest, handle);

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// First version that carries leader epochs.
const LEADER_EPOCH_VERSION: i16 = 4;

/// What was found.
struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ListOffsetsRequest,
    version: i16,
) -> ListOffsetsResponse {
    let bound = if request.replica_id >= 0 && context.is_internal() {
        ReadBound::LogEnd
    } else {
        ReadBound::of_isolation_level(request.isolation_level)
    };
    let mut response = ListOffsetsResponse::default();
    for topic in &request.topics {
        let mut entry = ListOffsetsTopicResponse::default();
        entry.name = topic.name.clone();
        let may = context.may(broker, AclOperation::Describe, Resource::Topic(&topic.name));
        let mut times: BTreeMap<i32, usize> = BTreeMap::new();
        for wanted in &topic.partitions {
            *times.entry(wanted.partition_index).or_default() += 1;
        }
        for wanted in &topic.partitions {
            let Some(times) = times.remove(&wanted.partition_index) else {
                continue;
            };
            let mut answer = ListOffsetsPartitionResponse::default();
            answer.partition_index = wanted.partition_index;
            answer.timestamp = -1;
            answer.offset = -1;
            let found = if !may {
                Err(ErrorCode::TopicAuthorizationFailed)
            } else if times > 1 {
                Err(ErrorCode::InvalidRequest)
            } else if version < first_version(wanted.timestamp) {
                Err(ErrorCode::UnsupportedVersion)
            } else {
                find(broker, &topic.name, wanted, bound)
            };
            match found {
                Ok(Some(found)) => {
                    answer.timestamp = found.timestamp;
                    answer.offset = found.offset;
                    if version >= LEADER_EPOCH_VERSION {
                        answer.leader_epoch = found.leader_epoch;
                    }
                }
                Ok(None) => {}
                Err(code) => answer.error_code = code.code(),
            }
            entry.partitions.push(answer);
        }
        response.topics.push(entry);
    }
    response
}

/// The first version in which this may be asked for.
const fn first_version(timestamp: i64) -> i16 {
    match timestamp {
        LATEST | EARLIEST => 1,
        MAX_TIMESTAMP => 7,
        EARLIEST_LOCAL => 8,
        LATEST_TIERED => 9,
        EARLIEST_PENDING_UPLOAD => 11,
        0.. => 0,
        _ => i16::MAX,
    }
}

fn find(
    broker: &Broker,
    topic: &str,
    wanted: &ListOffsetsPartition,
    bound: ReadBound,
) -> Result<Option<Found>, ErrorCode> {
    let index = wanted.partition_index;
    let Some(partition) = broker.partitions.get(topic, index) else {
        return Err(broker.absent_partition_code(topic, index));
    };
    let code = |error: PartitionError| partition_error_code(&error);
    let leader_epoch = partition
        .expect_leadership(wanted.current_leader_epoch)
        .map_err(code)?
        .0;
    let at = |offset| {
        Ok(Some(Found {
            timestamp: -1,
            offset,
            leader_epoch,
        }))
    };
    match wanted.timestamp {
        LATEST if bound == ReadBound::LogEnd => at(partition.log_end_offset()),
        LATEST => at(partition.latest_offset(bound).map_err(code)?),
        EARLIEST | EARLIEST_LOCAL => at(partition.log_start_offset()),
        MAX_TIMESTAMP => Ok(partition
            .max_timestamp()
            .map_err(code)?
            .map(|(timestamp, offset, leader_epoch)| Found {
                timestamp,
                offset,
                leader_epoch,
            })),
        timestamp if timestamp >= 0 => {
            // The offset of a record that may yet be lost must not be handed out.
            let end = partition.latest_offset(bound).map_err(code)?;
            let found = partition.offset_for_timestamp(timestamp).map_err(code)?;
            Ok(found
                .filter(|(_, offset, _)| *offset < end)
                .map(|(timestamp, offset, leader_epoch)| Found {
                    timestamp,
                    offset,
                    leader_epoch,
                }))
        }
        _ => Ok(None),
    }
}
