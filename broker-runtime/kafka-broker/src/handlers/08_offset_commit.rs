//! OffsetCommit 2–10: keeps offsets for a group, answered once they are on all in-sync replicas.
//!
//! * Versions 2 to 4 may ask for a retention of their own. Version 10 names topics by id (UNKNOWN_TOPIC_ID).
//! * Errors are per partition; one of the group (UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, NOT_COORDINATOR …) stands at all of
//!   them.
//! * A member of a consumer group (KIP-848) speaks with its epoch, from version 9 on (STALE_MEMBER_EPOCH).
//! * `offsets.commit.timeout.ms` bounds the wait (COORDINATOR_NOT_AVAILABLE after it, as in Kafka); the offset may still
//!   take effect later.

use std::{sync::Arc, time::Duration};

use kafka_codec::{
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
    uuid_from_wire,
};
use kafka_metadata::{MetadataImage, TopicId, TopicImage, acl::AclOperation};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, CommitRequest, GroupError, GroupId, InstanceId, MemberId, OffsetToCommit, Speaker, TopicPartition},
    response::group_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(8, "OffsetCommit", 2..=10, OffsetCommitRequest, handle);

/// First version that names topics by id.
const TOPIC_ID_VERSION: i16 = 10;

/// First version that members of consumer groups may use.
const MEMBER_EPOCH_VERSION: i16 = 9;

/// `offsets.commit.timeout.ms` where it is not set.
const COMMIT_TIMEOUT_MS: u64 = 5_000;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: OffsetCommitRequest,
    version: i16,
) -> OffsetCommitResponse {
    if !context.may(broker, AclOperation::Read, Resource::Group(&request.group_id)) {
        let partitions = request.topics.iter().map(|topic| topic.partitions.len()).sum();
        let decided = vec![Some(GroupError::GroupAuthorizationFailed); partitions];
        return respond(request.topics, decided, Vec::new());
    }
    let image = broker.metadata.image();
    let mut offsets = Vec::new();
    // One result a partition in the order of the request; `None` is decided by the coordinator.
    let mut decided: Vec<Option<GroupError>> = Vec::new();
    for topic in &request.topics {
        let found = find_topic(&image, topic, version);
        // Whoever may not read a topic does not learn whether it is there.
        let name = found.as_ref().map_or(topic.name.as_str(), |found| &found.name);
        let unnamed = version >= TOPIC_ID_VERSION && found.is_err();
        let found = if unnamed || context.may(broker, AclOperation::Read, Resource::Topic(name)) {
            found
        } else {
            Err(GroupError::TopicAuthorizationFailed)
        };
        for partition in &topic.partitions {
            let offset = found.and_then(|found| offset_to_commit(found, partition));
            decided.push(offset.as_ref().err().copied());
            offsets.extend(offset);
        }
    }
    let commit = CommitRequest {
        group_id: GroupId::new(request.group_id.as_str()),
        speaker: Speaker {
            member_id: MemberId::new(request.member_id.as_str()),
            instance_id: request.group_instance_id.as_deref().map(InstanceId::new),
            generation: request.generation_id_or_member_epoch,
        },
        knows_epochs: version >= MEMBER_EPOCH_VERSION,
        retention_ms: Some(request.retention_time_ms).filter(|retention| *retention >= 0),
        offsets,
    };
    let count = commit.offsets.len();
    let results = commit_offsets(broker, commit)
        .await
        .unwrap_or_else(|error| vec![Err(error); count]);
    respond(request.topics, decided, results)
}

async fn commit_offsets(broker: &Broker, commit: CommitRequest) -> Result<Vec<Result<(), GroupError>>, GroupError> {
    let group_id = commit.group_id.clone();
    let configured = broker.config.server_properties.get("offsets.commit.timeout.ms");
    let timeout_ms = configured
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(COMMIT_TIMEOUT_MS);
    let asked = broker
        .groups
        .ask(broker, &group_id, |answer| Ask::Commit(commit, answer));
    match tokio::time::timeout(Duration::from_millis(timeout_ms), asked).await {
        Ok(answer) => answer?,
        Err(_) => Err(GroupError::CoordinatorNotAvailable),
    }
}

fn find_topic<'a>(
    image: &'a MetadataImage,
    topic: &OffsetCommitRequestTopic,
    version: i16,
) -> Result<&'a TopicImage, GroupError> {
    if version >= TOPIC_ID_VERSION {
        let found = image.topic_by_id(TopicId(uuid_from_wire(topic.topic_id)));
        return found.map(Arc::as_ref).ok_or(GroupError::UnknownTopicId);
    }
    image
        .topics
        .get(topic.name.as_str())
        .map(Arc::as_ref)
        .ok_or(GroupError::UnknownTopicOrPartition)
}

fn offset_to_commit(
    topic: &TopicImage,
    partition: &OffsetCommitRequestPartition,
) -> Result<OffsetToCommit, GroupError> {
    let index = usize::try_from(partition.partition_index).ok();
    if index.is_none_or(|index| index >= topic.partitions.len()) {
        return Err(GroupError::UnknownTopicOrPartition);
    }
    Ok(OffsetToCommit {
        partition: TopicPartition {
            topic: Arc::from(topic.name.as_str()),
            partition: partition.partition_index,
        },
        topic_id: topic.topic_id.0,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: Arc::from(partition.committed_metadata.as_deref().unwrap_or_default()),
    })
}

fn respond(
    topics: Vec<OffsetCommitRequestTopic>,
    decided: Vec<Option<GroupError>>,
    results: Vec<Result<(), GroupError>>,
) -> OffsetCommitResponse {
    let (mut decided, mut results) = (decided.into_iter(), results.into_iter());
    let mut response = OffsetCommitResponse::default();
    for topic in topics {
        let mut entry = OffsetCommitResponseTopic::default();
        entry.name = topic.name;
        entry.topic_id = topic.topic_id;
        for partition in topic.partitions {
            let error = match decided.next().flatten() {
                Some(error) => Some(error),
                None => results.next().and_then(Result::err),
            };
            let mut answer = OffsetCommitResponsePartition::default();
            answer.partition_index = partition.partition_index;
            answer.error_code = error.map_or(0, |error| group_error_code(error).code());
            entry.partitions.push(answer);
        }
        response.topics.push(entry);
    }
    response
}
