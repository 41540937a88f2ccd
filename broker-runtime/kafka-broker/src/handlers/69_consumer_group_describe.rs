//! ConsumerGroupDescribe 0–1 (KIP-848): state, epochs and members of consumer groups, with what each reads and is to read.
//!
//! * A classic group, or none, is GROUP_ID_NOT_FOUND.
//! * Topics that do not exist any more are left out. Who may not see a topic that the group reads learns nothing of its
//!   members (TOPIC_AUTHORIZATION_FAILED).

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse,
        consumer_group_describe_response::{Assignment, DescribedGroup, Member, TopicPartitions},
    },
    uuid_to_wire,
};
use kafka_metadata::{MetadataImage, TopicId, acl::AclOperation};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{Ask, ConsumerGroupDescription, ConsumerMemberDescription, GroupError, GroupId, Partitions},
    response::group_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(69, "ConsumerGroupDescribe", 0..=1, ConsumerGroupDescribeRequest, handle);

/// First version that tells the protocol of members.
const MEMBER_TYPE_VERSION: i16 = 1;

/// A member that uses the consumer protocol.
const CONSUMER_MEMBER: i8 = 1;

/// A member that uses the classic protocol.
const CLASSIC_MEMBER: i8 = 0;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ConsumerGroupDescribeRequest,
    version: i16,
) -> ConsumerGroupDescribeResponse {
    let mut response = ConsumerGroupDescribeResponse::default();
    for name in request.group_ids {
        let group_id = GroupId::new(name.as_str());
        let resource = Resource::Group(&name);
        let described = match context.may_with_group(broker, AclOperation::Describe, &group_id) {
            Ok(()) if group_id.is_empty() => Err(GroupError::InvalidGroupId),
            Ok(()) => {
                let asked = broker.groups.ask(broker, &group_id, |answer| {
                    Ask::DescribeConsumer(group_id.clone(), answer)
                });
                asked.await.and_then(|described| described)
            }
            Err(error) => Err(error),
        };
        let mut group = match described {
            Ok(described) => describe(context, broker, described, version),
            Err(error) => {
                let message = match error {
                    GroupError::GroupIdNotFound => format!("Group {name} is not a consumer group."),
                    other => other.to_string(),
                };
                refuse(group_error_code(error), &message)
            }
        };
        if request.include_authorized_operations && group.error_code == ErrorCode::None.code() {
            group.authorized_operations = context.authorized_operations(broker, resource);
        }
        group.group_id = name;
        response.groups.push(group);
    }
    response
}

fn describe(
    context: &RequestContext,
    broker: &Broker,
    described: ConsumerGroupDescription,
    version: i16,
) -> DescribedGroup {
    let image = broker.metadata.image();
    let mut group = DescribedGroup::default();
    group.group_state = StrBytes::from(described.state.name());
    group.group_epoch = described.epoch;
    group.assignment_epoch = described.target_epoch;
    group.assignor_name = StrBytes::from(described.assignor);
    let members = described.members.into_iter();
    group.members = members.map(|member| describe_member(member, &image, version)).collect();
    let sees = |topic: &StrBytes| context.may_quietly(broker, AclOperation::Describe, Resource::Topic(topic));
    let assigned = |assignment: &Assignment| assignment.topic_partitions.iter().all(|topic| sees(&topic.topic_name));
    let sees_all = group.members.iter().all(|member| {
        member.subscribed_topic_names.iter().all(sees)
            && assigned(&member.assignment)
            && assigned(&member.target_assignment)
    });
    if sees_all {
        group
    } else {
        let message = "The group has described topic(s) that the client is not authorized to describe.";
        refuse(ErrorCode::TopicAuthorizationFailed, message)
    }
}

fn describe_member(described: ConsumerMemberDescription, image: &MetadataImage, version: i16) -> Member {
    let mut member = Member::default();
    member.member_id = StrBytes::from(described.member_id.as_str());
    member.instance_id = described.instance_id.as_ref().map(|id| StrBytes::from(id.as_str()));
    member.rack_id = described.rack_id.as_deref().map(StrBytes::from);
    member.member_epoch = described.epoch;
    member.client_id = StrBytes::from(&*described.client_id);
    member.client_host = StrBytes::from(&*described.client_host);
    member.subscribed_topic_names = described.topics.iter().map(|topic| StrBytes::from(&**topic)).collect();
    // Without an expression Kafka says the empty one.
    member.subscribed_topic_regex = Some(StrBytes::from(described.regex.as_deref().unwrap_or_default()));
    member.assignment = with_names(&described.assignment, image);
    member.target_assignment = with_names(&described.target, image);
    if version >= MEMBER_TYPE_VERSION {
        member.member_type = if described.is_classic {
            CLASSIC_MEMBER
        } else {
            CONSUMER_MEMBER
        };
    }
    member
}

fn with_names(partitions: &Partitions, image: &MetadataImage) -> Assignment {
    let topics = partitions.topics().filter_map(|(topic_id, partitions)| {
        let mut entry = TopicPartitions::default();
        entry.topic_id = uuid_to_wire(topic_id);
        entry.topic_name = StrBytes::from(image.topic_by_id(TopicId(topic_id))?.name.as_str());
        entry.partitions = partitions.iter().copied().collect();
        Some(entry)
    });
    let mut assignment = Assignment::default();
    assignment.topic_partitions = topics.collect();
    assignment
}

fn refuse(code: ErrorCode, message: &str) -> DescribedGroup {
    let mut group = DescribedGroup::default();
    group.error_code = code.code();
    group.error_message = Some(StrBytes::from(message));
    group
}
