//! FindCoordinator 0–6: which broker coordinates a group or a transactional id. Version 4 and later ask about several keys at
//! once.
//!
//! * Share groups (key type 2) are not offered: INVALID_REQUEST with a message, so that such a client stops instead of asking
//!   for ever.
//! * The first question of somebody who may ask creates `__consumer_offsets` or `__transaction_state`, with as many partitions
//!   and replicas as the server properties say, or as many replicas as there are living brokers.
//!
//! Difference from Kafka: the first answer waits until the topic is there, where Kafka sends the client away with
//! COORDINATOR_NOT_AVAILABLE; and a cluster with fewer brokers than the replication factor gets the topic all the same.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator_response::Coordinator},
};
use kafka_metadata::{MetadataImage, acl::AclOperation};

use crate::{
    broker::Broker,
    coordinator::InternalTopic,
    dispatch::{ApiEntry, RequestContext, api},
    groups::OFFSETS_TOPIC,
    security::Resource,
    transactions::TRANSACTIONS_TOPIC,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(10, "FindCoordinator", 0..=6, FindCoordinatorRequest, handle);

/// First version that asks about several keys.
const BATCH_VERSION: i16 = 4;

/// What is coordinated.
#[derive(Clone, Copy)]
enum KeyType {
    Group,
    Transaction,
}

impl KeyType {
    fn of(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Group),
            1 => Some(Self::Transaction),
            _ => None,
        }
    }

    fn topic(self) -> &'static InternalTopic {
        match self {
            Self::Group => &OFFSETS_TOPIC,
            Self::Transaction => &TRANSACTIONS_TOPIC,
        }
    }

    fn resource(self, key: &str) -> Resource<'_> {
        match self {
            Self::Group => Resource::Group(key),
            Self::Transaction => Resource::TransactionalId(key),
        }
    }

    fn denied(self) -> ErrorCode {
        match self {
            Self::Group => ErrorCode::GroupAuthorizationFailed,
            Self::Transaction => ErrorCode::TransactionalIdAuthorizationFailed,
        }
    }
}

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
    let mut coordinators: Vec<Coordinator> = match KeyType::of(request.key_type) {
        Some(kind) => find(context, broker, kind, keys).await,
        None => {
            let message = "this cluster coordinates consumer groups and transactions; share groups are not offered";
            let refused = keys
                .into_iter()
                .map(|key| refuse(key, ErrorCode::InvalidRequest, message));
            refused.collect()
        }
    };
    let mut response = FindCoordinatorResponse::default();
    if version >= BATCH_VERSION {
        response.coordinators = coordinators;
    } else if let Some(only) = coordinators.pop() {
        response.error_code = only.error_code;
        response.error_message = match only.error_code {
            0 => Some(StrBytes::from(NO_ERROR)),
            _ => only.error_message,
        };
        response.node_id = only.node_id;
        response.host = only.host;
        response.port = only.port;
    }
    response
}

/// What Kafka says to clients of before, in place of a message.
const NO_ERROR: &str = "NONE";

async fn find(context: &RequestContext, broker: &Broker, kind: KeyType, keys: Vec<StrBytes>) -> Vec<Coordinator> {
    let may: Vec<bool> = keys
        .iter()
        .map(|key| context.may(broker, AclOperation::Describe, kind.resource(key)))
        .collect();
    if may.contains(&true) {
        kind.topic().ensure(broker).await;
    }
    let image = broker.metadata.image();
    let found = keys.into_iter().zip(may).map(|(key, may)| {
        if may {
            find_coordinator(&image, context.listener().as_str(), kind.topic(), key)
        } else {
            refuse(key, kind.denied(), kind.denied().message())
        }
    });
    found.collect()
}

fn find_coordinator(image: &MetadataImage, listener: &str, topic: &InternalTopic, key: StrBytes) -> Coordinator {
    let leader = topic.coordinator_of(image, &key);
    let broker = leader.and_then(|leader| image.brokers.get(&leader));
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
