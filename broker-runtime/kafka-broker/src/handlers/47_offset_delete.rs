//! OffsetDelete 0: forgets offsets of a group (KIP-496). While consumers of the group read a topic its offsets stay
//! (GROUP_SUBSCRIBED_TO_TOPIC); a group of another kind has to be empty (NON_EMPTY_GROUP). A partition without an offset is
//! no error; one that does not exist is UNKNOWN_TOPIC_OR_PARTITION.

use std::sync::Arc;

use kafka_codec::messages::{
    OffsetDeleteRequest, OffsetDeleteResponse,
    offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupError, GroupId, TopicPartition},
    response::group_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(47, "OffsetDelete", 0..=0, OffsetDeleteRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: OffsetDeleteRequest,
    _version: i16,
) -> OffsetDeleteResponse {
    let group_id = GroupId::new(request.group_id.as_str());
    if let Err(error) = context.may_with_group(broker, AclOperation::Delete, &group_id) {
        let mut response = OffsetDeleteResponse::default();
        response.error_code = group_error_code(error).code();
        return response;
    }
    let image = broker.metadata.image();
    let may: Vec<bool> = request
        .topics
        .iter()
        .map(|topic| context.may(broker, AclOperation::Read, Resource::Topic(&topic.name)))
        .collect();
    let mut partitions = Vec::new();
    for (topic, _) in request.topics.iter().zip(&may).filter(|(_, may)| **may) {
        let name: Arc<str> = Arc::from(topic.name.as_str());
        let known = topic
            .partitions
            .iter()
            .filter(|entry| image.partition(&name, entry.partition_index).is_some());
        partitions.extend(known.map(|entry| TopicPartition {
            topic: Arc::clone(&name),
            partition: entry.partition_index,
        }));
    }
    let results = broker
        .groups
        .ask(broker, &group_id, |answer| {
            Ask::DeleteOffsets(group_id.clone(), partitions, answer)
        })
        .await;
    let mut response = OffsetDeleteResponse::default();
    let mut results = match results.and_then(|results| results) {
        Ok(results) => results.into_iter(),
        Err(error) => {
            response.error_code = group_error_code(error).code();
            return response;
        }
    };
    for (topic, may) in request.topics.into_iter().zip(may) {
        let mut entry = OffsetDeleteResponseTopic::default();
        for partition in topic.partitions {
            let result = match image.partition(&topic.name, partition.partition_index) {
                _ if !may => Err(GroupError::TopicAuthorizationFailed),
                Some(_) => results.next().unwrap_or(Ok(())),
                None => Err(GroupError::UnknownTopicOrPartition),
            };
            let mut answer = OffsetDeleteResponsePartition::default();
            answer.partition_index = partition.partition_index;
            answer.error_code = result.err().map_or(0, |error| group_error_code(error).code());
            entry.partitions.push(answer);
        }
        entry.name = topic.name;
        response.topics.push(entry);
    }
    response
}
