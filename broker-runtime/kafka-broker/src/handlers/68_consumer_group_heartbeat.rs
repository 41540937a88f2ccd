//! ConsumerGroupHeartbeat 0–1 (KIP-848): a member of a consumer group joins, lives on, hears what it is to read, and leaves.
//!
//! * Version 0 members may come without an id and get one; from version 1 they bring their own (KIP-1082), and may subscribe
//!   with a regular expression, which matches topics that the member may see.
//! * The answer comes when everything it tells is on all in-sync replicas.
//! * A group of the classic protocol becomes a consumer group: an empty one always, one with members where
//!   `group.consumer.migration.policy` allows it. Else the answer is GROUP_ID_NOT_FOUND.
//!
//! Differences from Kafka: `group.consumer.assignment.interval.ms` is 0 unless it is set; a classic group of which an assignor
//! has given a partition to several members is not changed.

use std::{collections::BTreeSet, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
        consumer_group_heartbeat_response::{Assignment, TopicPartitions},
    },
    uuid_from_wire, uuid_to_wire,
};
use kafka_metadata::acl::AclOperation;
use uuid::Uuid;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{
        Ask, Assignor, ConsumerHeartbeat, GroupId, HeartbeatAnswer, InstanceId, LEAVE_EPOCH, MemberId, Partitions,
        REJOIN_LATER_EPOCH, TopicFilter, consumer_config,
    },
    response::group_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(
    68,
    "ConsumerGroupHeartbeat",
    0..=1,
    ConsumerGroupHeartbeatRequest,
    handle
);

/// First version in which members bring their own id.
const OWN_MEMBER_ID_VERSION: i16 = 1;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ConsumerGroupHeartbeatRequest,
    version: i16,
) -> ConsumerGroupHeartbeatResponse {
    let config = consumer_config(&broker.config.server_properties);
    if !config.enabled {
        let message = "group.coordinator.rebalance.protocols does not have the consumer protocol";
        return refuse(ErrorCode::UnsupportedVersion, message);
    }
    if let Err((code, message)) = may(context, broker, &request) {
        return refuse(code, &message);
    }
    if let Some(flaw) = flaw(&request, version) {
        return refuse(ErrorCode::InvalidRequest, flaw);
    }
    if let Some(name) = &request.server_assignor
        && !Assignor::named(name).is_some_and(|assignor| config.assignors.contains(&assignor))
    {
        let supported: Vec<_> = config.assignors.iter().map(|assignor| assignor.name()).collect();
        let message = format!("server assignor {name} is not one of {}", supported.join(", "));
        return refuse(ErrorCode::UnsupportedAssignor, &message);
    }
    let heartbeat = heartbeat(context, broker, request);
    let group_id = heartbeat.group_id.clone();
    let asked = broker.groups.ask(broker, &group_id, |answer| {
        Ask::ConsumerHeartbeat(Box::new(heartbeat), answer)
    });
    match asked.await.and_then(|answer| answer) {
        Ok(answer) => {
            let image = broker.metadata.image();
            let interval_ms = config.heartbeat_interval_ms.of(&image, group_id.as_str());
            accept(answer, interval_ms)
        }
        Err(error) => refuse(group_error_code(error), &error.to_string()),
    }
}

fn may(
    context: &RequestContext,
    broker: &Broker,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), (ErrorCode, String)> {
    if !context.may(broker, AclOperation::Read, Resource::Group(&request.group_id)) {
        let code = ErrorCode::GroupAuthorizationFailed;
        return Err((code, code.message().to_owned()));
    }
    let topics = request.subscribed_topic_names.iter().flatten();
    let denied: Vec<_> = topics
        .filter(|topic| !context.may(broker, AclOperation::Describe, Resource::Topic(topic)))
        .map(StrBytes::as_str)
        .collect();
    if denied.is_empty() {
        Ok(())
    } else {
        let message = format!("not authorized to describe topics: {}", denied.join(", "));
        Err((ErrorCode::TopicAuthorizationFailed, message))
    }
}

/// What is wrong with the request, whatever the group.
fn flaw(request: &ConsumerGroupHeartbeatRequest, version: i16) -> Option<&'static str> {
    let is_empty = |text: &Option<StrBytes>| text.as_ref().is_some_and(|text| text.is_empty());
    let joins = request.member_epoch == 0;
    let brings_id = version >= OWN_MEMBER_ID_VERSION || !joins;
    let subscribes = request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some();
    let flaws = [
        (request.group_id.is_empty(), "GroupId can't be empty."),
        (brings_id && request.member_id.is_empty(), "MemberId can't be empty."),
        (is_empty(&request.instance_id), "InstanceId can't be empty."),
        (is_empty(&request.rack_id), "RackId can't be empty."),
        (request.member_epoch < REJOIN_LATER_EPOCH, "MemberEpoch is invalid."),
        (
            request.member_epoch == REJOIN_LATER_EPOCH && request.instance_id.is_none(),
            "InstanceId can't be null.",
        ),
        (
            joins && request.rebalance_timeout_ms == -1,
            "RebalanceTimeoutMs must be provided in first request.",
        ),
        (
            joins && request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()),
            "TopicPartitions must be empty when (re-)joining.",
        ),
        (
            joins && !subscribes,
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ),
    ];
    let found = flaws.into_iter().find(|(is_there, _)| *is_there);
    found.map(|(_, flaw)| flaw)
}

fn heartbeat(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerHeartbeat {
    let text = |text: Option<StrBytes>| text.map(|text| Arc::from(text.as_str()));
    let topics = request.subscribed_topic_names.map(|topics| {
        let topics = topics.iter().map(|topic| Arc::from(topic.as_str()));
        topics.collect::<BTreeSet<_>>()
    });
    let owned = request.topic_partitions.map(|topics| {
        let partitions = topics.iter().flat_map(|topic| {
            let topic_id = uuid_from_wire(topic.topic_id);
            topic.partitions.iter().map(move |partition| (topic_id, *partition))
        });
        partitions.collect::<Partitions>()
    });
    let (seer, sees) = (context.clone(), Arc::clone(broker));
    let may_see = move |topic: &str| seer.may_quietly(&sees, AclOperation::Describe, Resource::Topic(topic));
    ConsumerHeartbeat {
        group_id: GroupId::new(request.group_id.as_str()),
        member_id: if request.member_id.is_empty() {
            MemberId::new(Uuid::new_v4().to_string())
        } else {
            MemberId::new(request.member_id.as_str())
        },
        member_epoch: request.member_epoch,
        instance_id: request.instance_id.as_deref().map(InstanceId::new),
        rack_id: text(request.rack_id),
        rebalance_timeout_ms: Some(request.rebalance_timeout_ms).filter(|timeout_ms| *timeout_ms != -1),
        topics,
        regex: text(request.subscribed_topic_regex),
        server_assignor: text(request.server_assignor),
        owned,
        client_id: Arc::from(context.client_id()),
        client_host: Arc::from(format!("/{}", context.peer().ip())),
        may_see: TopicFilter(Arc::new(may_see)),
    }
}

fn accept(answer: HeartbeatAnswer, heartbeat_interval_ms: i32) -> ConsumerGroupHeartbeatResponse {
    let mut response = ConsumerGroupHeartbeatResponse::default();
    response.member_id = Some(StrBytes::from(answer.member_id.as_str()));
    response.member_epoch = answer.member_epoch;
    if answer.member_epoch > LEAVE_EPOCH {
        response.heartbeat_interval_ms = heartbeat_interval_ms;
    }
    response.assignment = answer.assignment.map(|partitions| {
        let mut assignment = Assignment::default();
        assignment.topic_partitions = partitions
            .topics()
            .map(|(topic_id, partitions)| {
                let mut entry = TopicPartitions::default();
                entry.topic_id = uuid_to_wire(topic_id);
                entry.partitions = partitions.iter().copied().collect();
                entry
            })
            .collect();
        assignment
    });
    response
}

fn refuse(code: ErrorCode, message: &str) -> ConsumerGroupHeartbeatResponse {
    let mut response = ConsumerGroupHeartbeatResponse::default();
    response.error_code = code.code();
    response.error_message = Some(StrBytes::from(message));
    response
}
