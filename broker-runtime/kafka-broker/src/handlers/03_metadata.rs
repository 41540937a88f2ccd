//! Metadata 0–13: brokers, topics and partitions, as seen on the client's listener.
//!
//! * Only brokers that are alive are listed, at their address on the listener the request came in on.
//! * A missing topic is created when the client allows it, `auto.create.topics.enable` is on and the name is valid; the
//!   answer waits a moment for the new topic, where Kafka answers with an error first.
//! * Without DESCRIBE a topic is left out of all topics, and refused when it is named, whether it exists or not. Creating one
//!   takes CREATE on the cluster or on the topic.
//! * Where the connection to a leader has just broken, the answer waits a moment for the controller to say who leads now.
//! * The controller is not a broker here; a living broker stands in for it, as in KRaft.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use kafka_codec::{
    ErrorCode, StrBytes, WireUuid,
    messages::{
        MetadataRequest, MetadataResponse,
        metadata_request::MetadataRequestTopic,
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    uuid_from_wire, uuid_to_wire,
};
use kafka_metadata::{
    BrokerId, MetadataImage, PartitionState, TopicId, TopicImage,
    acl::AclOperation,
    rpc::{ControllerError, ControllerRequest, ControllerResponse, NewTopic},
};

use crate::{
    broker::Broker,
    config::ListenerName,
    coordinator::is_internal,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(3, "Metadata", 0..=13, MetadataRequest, handle);

/// First version in which a topic that is asked for by its id need not have a name.
const NULLABLE_NAME_VERSION: i16 = 12;

/// How long an answer waits for a topic that has just been created.
const CREATION_WAIT: Duration = Duration::from_secs(2);

/// First version in which `null` and not the empty list means all topics.
const NULL_MEANS_ALL_VERSION: i16 = 1;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: MetadataRequest,
    version: i16,
) -> MetadataResponse {
    let wanted = match request.topics {
        Some(topics) if version < NULL_MEANS_ALL_VERSION && topics.is_empty() => None,
        topics => topics,
    };
    let (refused, throttle_ms) = match &wanted {
        Some(topics) if request.allow_auto_topic_creation && broker.settings.auto_create_topics_enable => {
            create_missing(context, broker, topics).await
        }
        _ => (BTreeMap::new(), 0),
    };
    if let Some(awaited) = broker.lost_leaders.awaited(broker.uptime_ms()) {
        broker
            .metadata
            .wait_for(awaited.limit, |image| awaited.is_over(image))
            .await;
    }
    let image = broker.metadata.image();
    let listener = context.listener();
    let mut response = MetadataResponse::default();
    response.throttle_time_ms = throttle_ms;
    response.brokers = brokers(&image, listener);
    response.cluster_id = Some(StrBytes::from(broker.config.cluster_id.as_str()));
    response.controller_id = stand_in_controller(&image, broker.config.broker_id).map_or(-1, |id| id.0);
    response.topics = match wanted {
        None => {
            let visible = image
                .topics
                .values()
                .filter(|topic| context.may_quietly(broker, AclOperation::Describe, Resource::Topic(&topic.name)));
            let mut topics: Vec<_> = visible.map(|topic| describe_topic(&image, topic, listener)).collect();
            topics.sort_by(|left, right| left.name.cmp(&right.name));
            topics
        }
        Some(topics) => {
            let mut seen = BTreeSet::new();
            let once = topics
                .iter()
                .filter(|topic| seen.insert((topic.name.clone(), topic.topic_id)));
            once.map(|topic| answer(context, broker, &image, topic, &refused))
                .collect()
        }
    };
    if request.include_topic_authorized_operations {
        for topic in response.topics.iter_mut().filter(|topic| topic.error_code == 0) {
            let name = topic.name.as_deref().unwrap_or_default();
            topic.topic_authorized_operations = context.authorized_operations(broker, Resource::Topic(name));
        }
    }
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations =
            if context.may_quietly(broker, AclOperation::Describe, Resource::Cluster) {
                context.authorized_operations(broker, Resource::Cluster)
            } else {
                0
            };
    }
    response
}

/// Living brokers at their addresses on `listener`.
fn brokers(image: &MetadataImage, listener: ListenerName) -> Vec<MetadataResponseBroker> {
    let living = image.brokers.values().filter(|broker| !broker.fenced);
    living
        .filter_map(|broker| {
            let endpoint = broker.endpoint(listener.as_str())?;
            let mut entry = MetadataResponseBroker::default();
            entry.node_id = broker.broker_id.0;
            entry.host = StrBytes::from(endpoint.host.as_str());
            entry.port = i32::from(endpoint.port);
            entry.rack = broker.rack.as_deref().map(StrBytes::from);
            Some(entry)
        })
        .collect()
}

/// A living broker, this one if possible: admin clients send it what is the controller's, and any broker passes it on.
pub(crate) fn stand_in_controller(image: &MetadataImage, own: BrokerId) -> Option<BrokerId> {
    let alive = |id: &BrokerId| image.brokers.get(id).is_some_and(|broker| !broker.fenced);
    if alive(&own) {
        Some(own)
    } else {
        image.brokers.keys().copied().find(|id| alive(id))
    }
}

fn answer(
    context: &RequestContext,
    broker: &Broker,
    image: &MetadataImage,
    wanted: &MetadataRequestTopic,
    refused: &BTreeMap<String, ErrorCode>,
) -> MetadataResponseTopic {
    let listener = context.listener();
    let may = |name: &str| context.may(broker, AclOperation::Describe, Resource::Topic(name));
    let mut missing = MetadataResponseTopic::default();
    // With an id the name does not count: the Java client leaves it empty then, and not null.
    let by_name = wanted.name.as_ref().filter(|_| wanted.topic_id == WireUuid::default());
    if let Some(name) = by_name {
        if !may(name) {
            missing.error_code = ErrorCode::TopicAuthorizationFailed.code();
            missing.name = Some(name.clone());
            return missing;
        }
        if let Some(topic) = image.topics.get(name.as_str()) {
            return describe_topic(image, topic, listener);
        }
        let code = if is_valid_topic_name(name) {
            refused
                .get(name.as_str())
                .copied()
                .unwrap_or(ErrorCode::UnknownTopicOrPartition)
        } else {
            ErrorCode::InvalidTopicException
        };
        missing.error_code = code.code();
        missing.name = Some(name.clone());
        return missing;
    }
    missing.topic_id = wanted.topic_id;
    if context.api_version >= NULLABLE_NAME_VERSION {
        missing.name = None;
    }
    match image.topic_by_id(TopicId(uuid_from_wire(wanted.topic_id))) {
        Some(topic) if may(&topic.name) => return describe_topic(image, topic, listener),
        // Ids are no secrets; names may be.
        Some(_) => missing.error_code = ErrorCode::TopicAuthorizationFailed.code(),
        None => missing.error_code = ErrorCode::UnknownTopicId.code(),
    }
    missing
}

/// A topic as clients on `listener` see it.
pub(crate) fn describe_topic(
    image: &MetadataImage,
    topic: &TopicImage,
    listener: ListenerName,
) -> MetadataResponseTopic {
    let mut entry = MetadataResponseTopic::default();
    entry.name = Some(StrBytes::from(topic.name.as_str()));
    entry.topic_id = uuid_to_wire(topic.topic_id.0);
    entry.is_internal = is_internal(&topic.name);
    entry.partitions = (0..)
        .zip(&topic.partitions)
        .map(|(index, state)| describe_partition(image, index, state, listener))
        .collect();
    entry
}

fn describe_partition(
    image: &MetadataImage,
    index: i32,
    state: &PartitionState,
    listener: ListenerName,
) -> MetadataResponsePartition {
    let reachable = |id: &BrokerId| {
        let broker = image.brokers.get(id);
        broker.is_some_and(|broker| !broker.fenced && broker.endpoint(listener.as_str()).is_some())
    };
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|id| id.0).collect();
    let leader = state.leader.filter(reachable);
    let mut entry = MetadataResponsePartition::default();
    entry.error_code = if leader.is_some() {
        ErrorCode::None.code()
    } else {
        ErrorCode::LeaderNotAvailable.code()
    };
    entry.partition_index = index;
    entry.leader_id = leader.map_or(-1, |id| id.0);
    entry.leader_epoch = state.leader_epoch.0;
    entry.replica_nodes = ids(&state.replicas);
    entry.isr_nodes = ids(&state.isr);
    entry.offline_replicas = state
        .replicas
        .iter()
        .filter(|id| !reachable(id))
        .map(|id| id.0)
        .collect();
    entry
}

/// Creates the topics that are not there; gives why some could not be.
async fn create_missing(
    context: &RequestContext,
    broker: &Arc<Broker>,
    wanted: &[MetadataRequestTopic],
) -> (BTreeMap<String, ErrorCode>, i32) {
    let image = broker.metadata.image();
    let missing = wanted
        .iter()
        .filter_map(|topic| topic.name.as_ref())
        .filter(|name| !image.topics.contains_key(name.as_str()) && is_valid_topic_name(name))
        .filter(|name| context.may_quietly(broker, AclOperation::Describe, Resource::Topic(name)))
        .map(ToString::to_string);
    let may_create = |name: &String| {
        context.may_quietly(broker, AclOperation::Create, Resource::Cluster)
            || context.may(broker, AclOperation::Create, Resource::Topic(name))
    };
    let (missing, forbidden): (Vec<String>, Vec<String>) = missing.partition(may_create);
    let forbidden = forbidden.into_iter();
    let mut refused: BTreeMap<_, _> = forbidden
        .map(|name| (name, ErrorCode::TopicAuthorizationFailed))
        .collect();
    if missing.is_empty() {
        return (refused, 0);
    }
    let topics = missing.iter().map(|name| new_topic(name.clone())).collect();
    let request = ControllerRequest::CreateTopics {
        topics,
        validate_only: false,
    };
    let (answer, throttle_ms) = context.mutate(broker, request, false, CREATION_WAIT).await;
    let results = match answer {
        Ok(ControllerResponse::CreateTopics(results)) => results,
        Ok(_) | Err(_) => return (refused, throttle_ms),
    };
    let mut created = Vec::new();
    for (name, result) in missing.into_iter().zip(results) {
        match result {
            Ok(_) | Err(ControllerError::TopicAlreadyExists(_)) => created.push(name),
            Err(error) => {
                refused.insert(name, controller_error_code(&error));
            }
        }
    }
    // Should the wait be in vain, the client sees the topic as missing and asks again.
    broker
        .metadata
        .wait_for(CREATION_WAIT, |image| {
            created.iter().all(|name| image.topics.contains_key(name))
        })
        .await;
    (refused, throttle_ms)
}

fn new_topic(name: String) -> NewTopic {
    NewTopic {
        name,
        partitions: None,
        replication_factor: None,
        assignments: None,
        configs: BTreeMap::new(),
    }
}

/// Kafka's rule (`Topic.validate`): 1 to 249 of `[a-zA-Z0-9._-]`, and neither `.` nor `..`.
pub(super) fn is_valid_topic_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(legal)
}
