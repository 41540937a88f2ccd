//! ListPartitionReassignments 0: the partitions whose replicas are being moved, all of them or those that are named.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
        list_partition_reassignments_response::{OngoingPartitionReassignment, OngoingTopicReassignment},
    },
};
use kafka_metadata::{BrokerId, PartitionState, acl::AclOperation};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(
    46,
    "ListPartitionReassignments",
    0..=0,
    ListPartitionReassignmentsRequest,
    handle
);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ListPartitionReassignmentsRequest,
    _version: i16,
) -> ListPartitionReassignmentsResponse {
    if !context.may(broker, AclOperation::Describe, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        let mut response = ListPartitionReassignmentsResponse::default();
        response.error_code = code.code();
        response.error_message = Some(StrBytes::from(code.message()));
        return response;
    }
    let image = broker.metadata.image();
    let asked = |topic: &str, index: i32| {
        request.topics.as_ref().is_none_or(|topics| {
            let mut named = topics.iter().filter(|named| named.name.as_str() == topic);
            named.any(|named| named.partition_indexes.contains(&index))
        })
    };
    let mut topics: Vec<_> = image.topics.values().collect();
    topics.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let mut response = ListPartitionReassignmentsResponse::default();
    for topic in topics {
        let moving = (0..)
            .zip(&topic.partitions)
            .filter(|(index, state)| state.is_moving() && asked(&topic.name, *index));
        let partitions: Vec<_> = moving.map(|(index, state)| ongoing(index, state)).collect();
        if !partitions.is_empty() {
            let mut entry = OngoingTopicReassignment::default();
            entry.name = StrBytes::from(topic.name.clone());
            entry.partitions = partitions;
            response.topics.push(entry);
        }
    }
    response
}

fn ongoing(index: i32, state: &PartitionState) -> OngoingPartitionReassignment {
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
    let mut entry = OngoingPartitionReassignment::default();
    entry.partition_index = index;
    entry.replicas = ids(&state.replicas);
    entry.adding_replicas = ids(&state.adding);
    entry.removing_replicas = ids(&state.removing);
    entry
}
