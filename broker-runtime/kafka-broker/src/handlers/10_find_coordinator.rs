//! FindCoordinator 0–6: which broker coordinates a group. Version 4 and later ask about several keys at once.
//!
//! * Groups only (key type 0). Transactions (1) and share groups (2) are not offered: INVALID_REQUEST with a message, so
//!   that such a client stops instead of asking for ever.
//! * The first question creates `__consumer_offsets`, with `offsets.topic.num.partitions` partitions and
//!   `offsets.topic.replication.factor` replicas, or as many as there are living brokers.
//!
//! Difference from Kafka: the first answer waits until the topic is there, where Kafka sends the client away with
//! COORDINATOR_NOT_AVAILABLE; and a cluster with fewer brokers than the replication factor gets the topic all the same.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator_response::Coordinator},
};
use kafka_metadata::{
    MetadataImage,
    acl::AclOperation,
    rpc::{ControllerError, ControllerRequest, ControllerResponse, NewTopic},
};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{GroupId, OFFSETS_TOPIC, offsets_topic_settings, partition_of},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(10, "FindCoordinator", 0..=6, FindCoordinatorRequest, handle);

/// First version that asks about several keys.
const BATCH_VERSION: i16 = 4;

const KEY_TYPE_GROUP: i8 = 0;

/// How long an answer waits for the offsets topic to be created.
const CREATION_WAIT: Duration = Duration::from_secs(3);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: FindCoordinatorRequest,
    version: i16,
) -> FindCoordinatorResponse {
    let keys = if version >= BATCH_VERSION {
        request.coordinator_keys
    } else {
        vec![request.key]
    };
    if request.key_type == KEY_TYPE_GROUP {
        ensure_offsets_topic(broker).await;
    }
    let image = broker.metadata.image();
    let find = |key: StrBytes| {
        if request.key_type != KEY_TYPE_GROUP {
            let message = "this cluster coordinates consumer groups; transactions and share groups are not offered";
            return refuse(key, ErrorCode::InvalidRequest, message);
        }
        if !context.may(broker, AclOperation::Describe, Resource::Group(&key)) {
            let error = ErrorCode::GroupAuthorizationFailed;
            return refuse(key, error, error.message());
        }
        find_coordinator(&image, context.listener().as_str(), key)
    };
    let mut coordinators: Vec<Coordinator> = keys.into_iter().map(find).collect();
    let mut response = FindCoordinatorResponse::default();
    if version >= BATCH_VERSION {
        response.coordinators = coordinators;
    } else if let Some(only) = coordinators.pop() {
        response.error_code = only.error_code;
        response.error_message = only.error_message;
        response.node_id = only.node_id;
        response.host = only.host;
        response.port = only.port;
    }
    response
}

fn find_coordinator(image: &MetadataImage, listener: &str, key: StrBytes) -> Coordinator {
    let partitions = image.topics.get(OFFSETS_TOPIC).map(|topic| &topic.partitions);
    let leader = partitions
        .filter(|partitions| !partitions.is_empty())
        .and_then(|partitions| {
            let index = partition_of(&GroupId::new(key.as_str()), i32::try_from(partitions.len()).ok()?);
            partitions.get(usize::try_from(index).ok()?)?.leader
        });
    let broker = leader
        .and_then(|leader| image.brokers.get(&leader))
        .filter(|broker| !broker.fenced);
    let endpoint = broker.and_then(|broker| broker.endpoint(listener));
    let (Some(broker), Some(endpoint)) = (broker, endpoint) else {
        return refuse(
            key,
            ErrorCode::CoordinatorNotAvailable,
            ErrorCode::CoordinatorNotAvailable.message(),
        );
    };
    let mut found = Coordinator::default();
    found.key = key;
    found.node_id = broker.broker_id.0;
    found.host = StrBytes::from(endpoint.host.as_str());
    found.port = i32::from(endpoint.port);
    found
}

fn refuse(key: StrBytes, error: ErrorCode, message: &str) -> Coordinator {
    let mut refused = Coordinator::default();
    refused.key = key;
    refused.node_id = -1;
    refused.port = -1;
    refused.error_code = error.code();
    refused.error_message = Some(StrBytes::from(message));
    refused
}

/// Creates the offsets topic if it is missing. Failure is not told: the topic is still missing then, and the client is
/// sent away to come again.
async fn ensure_offsets_topic(broker: &Broker) {
    let image = broker.metadata.image();
    if image.topics.contains_key(OFFSETS_TOPIC) {
        return;
    }
    let alive = image.brokers.values().filter(|broker| !broker.fenced).count();
    let (partitions, replication_factor, segment_bytes) = offsets_topic_settings(&broker.config.server_properties);
    let replication_factor = replication_factor.min(i16::try_from(alive).unwrap_or(i16::MAX)).max(1);
    let configs = [
        ("cleanup.policy", "compact".to_owned()),
        ("compression.type", "producer".to_owned()),
        ("segment.bytes", segment_bytes.to_string()),
    ];
    let topic = NewTopic {
        name: OFFSETS_TOPIC.to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(replication_factor),
        assignments: None,
        configs: configs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
    };
    let request = ControllerRequest::CreateTopics {
        topics: vec![topic],
        validate_only: false,
    };
    let refusal = match broker.controller.call_within(request, CREATION_WAIT).await {
        Ok(ControllerResponse::CreateTopics(results)) => results.into_iter().find_map(Result::err),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    match refusal {
        // Another broker was asked at the same time.
        None | Some(ControllerError::TopicAlreadyExists(_)) => {
            let is_there = |image: &MetadataImage| image.topics.contains_key(OFFSETS_TOPIC);
            broker.metadata.wait_for(CREATION_WAIT, is_there).await;
        }
        Some(error) => tracing::warn!(%error, "topic of committed offsets cannot be created"),
    }
}
