//! OffsetFetch 1–10: the offsets groups have committed.
//!
//! * Up to version 7 one group, from 8 on several. No topics (`null`) means all offsets of the group. Version 10 names
//!   topics by id.
//! * A partition without an offset has offset -1 and no error, also where the group does not exist.
//! * With `require_stable` a partition whose offset an open transaction may change answers UNSTABLE_OFFSET_COMMIT (KIP-447).
//! * A member of a consumer group (KIP-848) says its id and epoch, from version 9 on (STALE_MEMBER_EPOCH); of classic groups
//!   neither is looked at.
//!
//! Difference from Kafka: an offset that was committed for a topic which has been deleted since is not returned, even in
//! the moment before it is forgotten.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes, WireUuid,
    messages::{
        OffsetFetchRequest, OffsetFetchResponse,
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
    uuid_from_wire, uuid_to_wire,
};
use kafka_metadata::{MetadataImage, TopicId, acl::AclOperation};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, CommittedOffset, GroupError, GroupId, MemberId, OffsetsWish, TopicPartition},
    response::group_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(9, "OffsetFetch", 1..=10, OffsetFetchRequest, handle);

/// First version that asks about several groups.
const GROUPS_VERSION: i16 = 8;

/// First version with an error of the whole request.
const TOP_LEVEL_ERROR_VERSION: i16 = 2;

/// First version that names topics by id.
const TOPIC_ID_VERSION: i16 = 10;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: OffsetFetchRequest,
    version: i16,
) -> OffsetFetchResponse {
    let mut response = OffsetFetchResponse::default();
    if version >= GROUPS_VERSION {
        for group in request.groups {
            response
                .groups
                .push(fetch(context, broker, group, (version, request.require_stable)).await);
        }
        return response;
    }
    let mut group = OffsetFetchRequestGroup::default();
    group.group_id = request.group_id;
    group.topics = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| {
            let mut entry = OffsetFetchRequestTopics::default();
            entry.name = topic.name;
            entry.partition_indexes = topic.partition_indexes;
            entry
        });
        topics.collect()
    });
    let fetched = fetch(context, broker, group, (version, request.require_stable)).await;
    as_single(fetched, version)
}

/// The answer of one group in the form of versions up to 7.
fn as_single(group: OffsetFetchResponseGroup, version: i16) -> OffsetFetchResponse {
    let mut response = OffsetFetchResponse::default();
    if version >= TOP_LEVEL_ERROR_VERSION {
        response.error_code = group.error_code;
    }
    let topics = group.topics.into_iter().map(|topic| {
        let mut entry = OffsetFetchResponseTopic::default();
        entry.name = topic.name;
        let partitions = topic.partitions.into_iter().map(|partition| {
            let mut answer = OffsetFetchResponsePartition::default();
            answer.partition_index = partition.partition_index;
            answer.committed_offset = partition.committed_offset;
            answer.committed_leader_epoch = partition.committed_leader_epoch;
            answer.metadata = partition.metadata;
            answer.error_code = partition.error_code;
            answer
        });
        entry.partitions = partitions.collect();
        entry
    });
    response.topics = topics.collect();
    response
}

async fn fetch(
    context: &RequestContext,
    broker: &Arc<Broker>,
    group: OffsetFetchRequestGroup,
    (version, require_stable): (i16, bool),
) -> OffsetFetchResponseGroup {
    let image = broker.metadata.image();
    let mut response = OffsetFetchResponseGroup::default();
    let group_id = GroupId::new(group.group_id.as_str());
    response.group_id = group.group_id;
    let member_id = group.member_id.as_ref().map_or("", StrBytes::as_str);
    let may = |topic: &str| context.may(broker, AclOperation::Describe, Resource::Topic(topic));
    let wanted = group.topics.map(|topics| named_topics(&image, topics, version, may));
    let partitions = wanted
        .as_ref()
        .map(|topics| topics.iter().flat_map(WantedTopic::partitions).collect());
    let found = match context.may_with_group(broker, AclOperation::Describe, &group_id) {
        Ok(()) => {
            let wish = OffsetsWish {
                group_id: group_id.clone(),
                partitions,
                require_stable,
                member: (MemberId::new(member_id), group.member_epoch),
            };
            let asked = broker
                .groups
                .ask(broker, &group_id, |answer| Ask::FetchOffsets(wish, answer));
            asked.await
        }
        Err(error) => Err(error),
    };
    match found.and_then(|found| found) {
        Ok(found) => {
            let current = found.into_iter().filter_map(|(partition, found)| {
                let found = match found {
                    Ok(committed) => Ok(committed.filter(|committed| is_current(&image, &partition, committed))?),
                    Err(error) => Err(group_error_code(error)),
                };
                Some((partition, found))
            });
            let mut offsets: Offsets = current.collect();
            response.topics = match wanted {
                Some(topics) => topics.into_iter().map(|topic| topic.answer(&mut offsets)).collect(),
                None => {
                    offsets.retain(|partition, _| {
                        context.may_quietly(broker, AclOperation::Describe, Resource::Topic(&partition.topic))
                    });
                    all(&image, offsets)
                }
            };
        }
        Err(error) => {
            response.error_code = group_error_code(error).code();
            // Version 1 has no other place for it.
            if version < TOP_LEVEL_ERROR_VERSION {
                let topics = wanted.unwrap_or_default().into_iter();
                response.topics = topics.map(|topic| topic.refuse(group_error_code(error))).collect();
            }
        }
    }
    response
}

/// Offsets that were found, or why there is none to tell.
type Offsets = BTreeMap<TopicPartition, Result<CommittedOffset, ErrorCode>>;

/// A topic a client asks about.
struct WantedTopic {
    name: StrBytes,
    topic_id: WireUuid,
    indexes: Vec<i32>,
    error: Option<GroupError>,
}

fn named_topics(
    image: &MetadataImage,
    topics: Vec<OffsetFetchRequestTopics>,
    version: i16,
    may: impl Fn(&str) -> bool,
) -> Vec<WantedTopic> {
    let topics = topics.into_iter().map(|topic| {
        let mut wanted = WantedTopic {
            name: topic.name,
            topic_id: topic.topic_id,
            indexes: topic.partition_indexes,
            error: None,
        };
        if version >= TOPIC_ID_VERSION {
            match image.topic_by_id(TopicId(uuid_from_wire(topic.topic_id))) {
                Some(found) => wanted.name = StrBytes::from(found.name.as_str()),
                None => wanted.error = Some(GroupError::UnknownTopicId),
            }
        }
        if wanted.error.is_none() && !may(&wanted.name) {
            wanted.error = Some(GroupError::TopicAuthorizationFailed);
        }
        wanted
    });
    topics.collect()
}

impl WantedTopic {
    fn partitions(&self) -> Vec<TopicPartition> {
        if self.error.is_some() {
            return Vec::new();
        }
        let topic: Arc<str> = Arc::from(self.name.as_str());
        let indexes = self.indexes.iter();
        indexes
            .map(|partition| TopicPartition {
                topic: Arc::clone(&topic),
                partition: *partition,
            })
            .collect()
    }

    fn answer(self, offsets: &mut Offsets) -> OffsetFetchResponseTopics {
        if let Some(error) = self.error {
            return self.refuse(group_error_code(error));
        }
        let topic: Arc<str> = Arc::from(self.name.as_str());
        let partitions = self.indexes.iter().map(|index| {
            let partition = TopicPartition {
                topic: Arc::clone(&topic),
                partition: *index,
            };
            match offsets.get(&partition) {
                Some(found) => answer_found(*index, found),
                None => answer_partition(*index, None, ErrorCode::None),
            }
        });
        let partitions = partitions.collect();
        self.with(partitions)
    }

    fn refuse(self, error: ErrorCode) -> OffsetFetchResponseTopics {
        let partitions = self
            .indexes
            .iter()
            .map(|index| answer_partition(*index, None, error))
            .collect();
        self.with(partitions)
    }

    fn with(self, partitions: Vec<OffsetFetchResponsePartitions>) -> OffsetFetchResponseTopics {
        let mut entry = OffsetFetchResponseTopics::default();
        entry.name = self.name;
        entry.topic_id = self.topic_id;
        entry.partitions = partitions;
        entry
    }
}

fn answer_found(index: i32, found: &Result<CommittedOffset, ErrorCode>) -> OffsetFetchResponsePartitions {
    match found {
        Ok(committed) => answer_partition(index, Some(committed), ErrorCode::None),
        Err(code) => answer_partition(index, None, *code),
    }
}

fn answer_partition(
    index: i32,
    committed: Option<&CommittedOffset>,
    error: ErrorCode,
) -> OffsetFetchResponsePartitions {
    let mut answer = OffsetFetchResponsePartitions::default();
    answer.partition_index = index;
    answer.committed_offset = committed.map_or(-1, |committed| committed.offset);
    answer.committed_leader_epoch = committed.map_or(-1, |committed| committed.leader_epoch);
    answer.metadata = Some(StrBytes::from(committed.map_or("", |committed| &committed.metadata)));
    answer.error_code = error.code();
    answer
}

fn all(image: &MetadataImage, offsets: Offsets) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
    for (partition, found) in &offsets {
        if topics.last().is_none_or(|last| last.name.as_str() != &*partition.topic) {
            let mut entry = OffsetFetchResponseTopics::default();
            entry.name = StrBytes::from(&*partition.topic);
            let topic = image.topics.get(&*partition.topic);
            entry.topic_id = topic.map(|topic| uuid_to_wire(topic.topic_id.0)).unwrap_or_default();
            topics.push(entry);
        }
        if let Some(last) = topics.last_mut() {
            last.partitions.push(answer_found(partition.partition, found));
        }
    }
    topics
}

/// False when the topic was deleted since the commit, even if it was created anew.
fn is_current(image: &MetadataImage, partition: &TopicPartition, committed: &CommittedOffset) -> bool {
    let topic = image.topics.get(&*partition.topic);
    committed.topic_id.is_nil() || topic.is_some_and(|topic| topic.topic_id.0 == committed.topic_id)
}
