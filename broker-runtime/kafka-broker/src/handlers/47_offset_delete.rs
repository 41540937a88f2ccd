//! OffsetDelete 0: forgets offsets of a group (KIP-496). While consumers of the group read a topic its offsets stay
//! (GROUP_SUBSCRIBED_TO_TOPIC); a group of another kind has to be empty (NON_EMPTY_GROUP). A partition without an offset is
//! no error; one that does not exist is UNKNOWN_TOPIC_OR_PARTITION.

use std::sync::Arc;

use kafka_codec::messages::{
    OffsetDeleteRequest, OffsetDeleteResponse,
    offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, GroupError, GroupId, TopicPartition},
    response::group_error_code,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(47, "OffsetDelete", 0..=0, OffsetDeleteRequest, handle);

async fn handle(
    _context: &RequestContext,
    broker: &Arc<Broker>,
    request: OffsetDeleteRequest,
    _version: i16,
) -> OffsetDeleteResponse {
    let group_id = GroupId::new(request.group_id.as_str());
    let image = broker.metadata.image();
    let mut partitions = Vec::new();
    for topic in &request.topics {
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
    for topic in request.topics {
        let mut entry = OffsetDeleteResponseTopic::default();
        for partition in topic.partitions {
            let result = match image.partition(&topic.name, partition.partition_index) {
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
