//! DeleteTopics 1–6: by name, from version 6 on also by id. The answer waits until this broker has forgotten the topics,
//! at most `timeout_ms`; their files go a moment later.
//!
//! * UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID; TOPIC_DELETION_DISABLED where `delete.topic.enable` is false; INVALID_REQUEST
//!   for a topic that is named twice, or neither by name nor by id.
//! * The controller counts partitions against `controller_mutation_rate`; version 5 and later are refused what is too much, older
//!   ones wait for it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use kafka_codec::{
    ErrorCode, StrBytes, WireUuid,
    messages::{
        DeleteTopicsRequest, DeleteTopicsResponse, delete_topics_request::DeleteTopicState,
        delete_topics_response::DeletableTopicResult,
    },
    uuid_from_wire, uuid_to_wire,
};
use kafka_metadata::{
    MetadataImage, TopicId,
    acl::AclOperation,
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};

use super::controller_timeout;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(20, "DeleteTopics", 1..=6, DeleteTopicsRequest, handle);

/// First version that knows the refusal of what is beyond a quota (KIP-599).
const QUOTA_ERROR_VERSION: i16 = 5;

/// First version that names topics by id.
const STATES_VERSION: i16 = 6;

/// A topic to delete, found.
struct Found {
    name: String,
    topic_id: TopicId,
}

/// What is said about a topic that is not deleted.
struct Refusal(ErrorCode, String);

impl From<ControllerError> for Refusal {
    fn from(error: ControllerError) -> Self {
        Self(controller_error_code(&error), error.to_string())
    }
}

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DeleteTopicsRequest,
    version: i16,
) -> DeleteTopicsResponse {
    let image = broker.metadata.image();
    let timeout = controller_timeout(request.timeout_ms);
    let states = if version >= STATES_VERSION {
        request.topics
    } else {
        by_name(request.topic_names)
    };
    let (states, repeated) = once_each(states);
    let mut found: Vec<Result<Found, Refusal>> = states
        .iter()
        .zip(repeated)
        .map(|(state, repeated)| match repeated {
            true => Err(named_again()),
            false => find(context, broker, &image, state),
        })
        .collect();
    refuse_repeated(&mut found);
    let accepted: Vec<(String, TopicId)> = found
        .iter()
        .flatten()
        .map(|topic| (topic.name.clone(), topic.topic_id))
        .collect();
    let (outcomes, throttle_ms) = delete(context, broker, accepted, timeout).await;
    let mut outcomes = outcomes.into_iter();
    let mut response = DeleteTopicsResponse::default();
    response.throttle_time_ms = throttle_ms;
    for (state, found) in states.into_iter().zip(found) {
        let mut result = DeletableTopicResult::default();
        result.name = state.name;
        result.topic_id = state.topic_id;
        let outcome = match found {
            Ok(topic) => {
                result.name = Some(StrBytes::from(topic.name));
                result.topic_id = uuid_to_wire(topic.topic_id.0);
                outcomes
                    .next()
                    .unwrap_or(Err(ControllerError::NotController))
                    .map_err(Refusal::from)
            }
            Err(refusal) => Err(refusal),
        };
        if let Err(Refusal(code, message)) = outcome {
            result.error_code = code.code();
            result.error_message = Some(StrBytes::from(message));
        }
        response.responses.push(result);
    }
    response
}

/// Each topic once, and whether it was there more than once.
fn once_each(states: Vec<DeleteTopicState>) -> (Vec<DeleteTopicState>, Vec<bool>) {
    let mut known: HashMap<(Option<StrBytes>, WireUuid), usize> = HashMap::new();
    let mut once: Vec<DeleteTopicState> = Vec::with_capacity(states.len());
    let mut repeated = Vec::with_capacity(states.len());
    for state in states {
        match known.entry((state.name.clone(), state.topic_id)) {
            Entry::Occupied(first) => repeated[*first.get()] = true,
            Entry::Vacant(new) => {
                new.insert(once.len());
                once.push(state);
                repeated.push(false);
            }
        }
    }
    (once, repeated)
}

fn named_again() -> Refusal {
    ControllerError::InvalidRequest("the topic is named more than once".to_owned()).into()
}

fn by_name(names: Vec<StrBytes>) -> Vec<DeleteTopicState> {
    let states = names.into_iter().map(|name| {
        let mut state = DeleteTopicState::default();
        state.name = Some(name);
        state
    });
    states.collect()
}

fn find(
    context: &RequestContext,
    broker: &Broker,
    image: &MetadataImage,
    state: &DeleteTopicState,
) -> Result<Found, Refusal> {
    let enabled = broker.config.server_properties.get("delete.topic.enable");
    if enabled.is_some_and(|text| text.trim().eq_ignore_ascii_case("false")) {
        return Err(Refusal(
            ErrorCode::TopicDeletionDisabled,
            ErrorCode::TopicDeletionDisabled.message().to_owned(),
        ));
    }
    let has_id = state.topic_id != WireUuid::ZERO;
    // Whoever may delete the cluster may delete every topic of it, as in Kafka.
    let may = |name: &str| {
        if context.may_quietly(broker, AclOperation::Delete, Resource::Cluster)
            || context.may(broker, AclOperation::Delete, Resource::Topic(name))
        {
            Ok(())
        } else {
            Err(ControllerError::TopicAuthorizationFailed(name.to_owned()))
        }
    };
    if let Some(name) = &state.name {
        may(name)?;
    }
    let topic = match (&state.name, has_id) {
        (Some(name), false) => image
            .topics
            .get(name.as_str())
            .ok_or_else(|| ControllerError::UnknownTopicOrPartition(name.as_str().to_owned())),
        (None, true) => {
            let topic_id = TopicId(uuid_from_wire(state.topic_id));
            image
                .topic_by_id(topic_id)
                .ok_or(ControllerError::UnknownTopicId(topic_id))
        }
        _ => Err(ControllerError::InvalidRequest(
            "a topic is named either by its name or by its id".to_owned(),
        )),
    };
    let topic = topic?;
    if has_id && may(&topic.name).is_err() {
        // Its name may be a secret.
        let code = ErrorCode::TopicAuthorizationFailed;
        return Err(Refusal(code, code.message().to_owned()));
    }
    Ok(Found {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
    })
}

fn refuse_repeated(found: &mut [Result<Found, Refusal>]) {
    let mut times: HashMap<TopicId, usize> = HashMap::new();
    for topic in found.iter().flatten() {
        *times.entry(topic.topic_id).or_default() += 1;
    }
    for entry in found {
        if entry.as_ref().is_ok_and(|topic| times[&topic.topic_id] > 1) {
            *entry = Err(named_again());
        }
    }
}

async fn delete(
    context: &RequestContext,
    broker: &Broker,
    topics: Vec<(String, TopicId)>,
    timeout: Duration,
) -> (Vec<Result<(), ControllerError>>, i32) {
    let count = topics.len();
    if count == 0 {
        return (Vec::new(), 0);
    }
    let names = topics.iter().map(|(name, _)| name.clone()).collect();
    let request = ControllerRequest::DeleteTopics { topics: names };
    let strict = context.api_version >= QUOTA_ERROR_VERSION;
    let (answer, throttle_ms) = context.mutate(broker, request, strict, timeout).await;
    let outcomes = match answer {
        Ok(ControllerResponse::Results(outcomes)) => outcomes,
        Ok(_) => return (vec![Err(ControllerError::NotController); count], throttle_ms),
        Err(error) => return (vec![Err(error); count], throttle_ms),
    };
    let deleted = topics.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
    let deleted: Vec<TopicId> = deleted.map(|((_, topic_id), _)| *topic_id).collect();
    broker
        .metadata
        .wait_for(timeout, |image| {
            deleted.iter().all(|topic_id| image.topic_by_id(*topic_id).is_none())
        })
        .await;
    (outcomes, throttle_ms)
}
