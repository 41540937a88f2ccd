//! CreatePartitions 0–3: adds partitions to topics, up to a new total. The controller checks and decides; the answer
//! waits until this broker knows them, at most `timeout_ms`. `validate_only` changes nothing; a topic that is named twice
//! is INVALID_REQUEST. The controller counts partitions against `controller_mutation_rate`; version 3 is refused what is too
//! much, older ones wait for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use kafka_codec::{
    StrBytes,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
    },
};
use kafka_metadata::{
    BrokerId, MetadataImage,
    acl::AclOperation,
    rpc::{ControllerError, ControllerRequest, ControllerResponse, NewPartitions},
};

use super::controller_timeout;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(37, "CreatePartitions", 0..=3, CreatePartitionsRequest, handle);

/// First version that knows the refusal of what is beyond a quota (KIP-599).
const QUOTA_ERROR_VERSION: i16 = 3;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: CreatePartitionsRequest,
    _version: i16,
) -> CreatePartitionsResponse {
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let times = times.entry(topic.name.as_str()).or_default();
        *times += 1;
        if *times == 1 {
            topics.push(topic);
        }
    }
    let refusal = |topic: &CreatePartitionsTopic| {
        if times[topic.name.as_str()] > 1 {
            return Some(ControllerError::InvalidRequest(
                "the topic is named more than once".to_owned(),
            ));
        }
        let may = context.may(broker, AclOperation::Alter, Resource::Topic(&topic.name));
        (!may).then(|| ControllerError::TopicAuthorizationFailed(topic.name.to_string()))
    };
    let refusals: Vec<Option<ControllerError>> = topics.iter().copied().map(refusal).collect();
    let wanted = topics
        .iter()
        .zip(&refusals)
        .filter(|(_, refusal)| refusal.is_none())
        .map(|(topic, _)| new_partitions(topic))
        .collect();
    let timeout = controller_timeout(request.timeout_ms);
    let (outcomes, throttle_ms) = create(context, broker, (wanted, request.validate_only), timeout).await;
    let mut outcomes = outcomes.into_iter();
    let mut response = CreatePartitionsResponse::default();
    response.throttle_time_ms = throttle_ms;
    for (topic, refusal) in topics.into_iter().zip(refusals) {
        let outcome = match refusal {
            Some(error) => Err(error),
            None => outcomes.next().unwrap_or(Err(ControllerError::NotController)),
        };
        let mut result = CreatePartitionsTopicResult::default();
        result.name = topic.name.clone();
        if let Err(error) = outcome {
            result.error_code = controller_error_code(&error).code();
            result.error_message = Some(StrBytes::from(error.to_string()));
        }
        response.results.push(result);
    }
    response
}

fn new_partitions(topic: &CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic.assignments.as_ref().map(|assignments| {
        let brokers = assignments
            .iter()
            .map(|assignment| assignment.broker_ids.iter().map(|id| BrokerId(*id)).collect());
        brokers.collect()
    });
    NewPartitions {
        name: topic.name.as_str().to_owned(),
        total: topic.count,
        assignments,
    }
}

async fn create(
    context: &RequestContext,
    broker: &Broker,
    (topics, validate_only): (Vec<NewPartitions>, bool),
    timeout: Duration,
) -> (Vec<Result<(), ControllerError>>, i32) {
    let count = topics.len();
    if count == 0 {
        return (Vec::new(), 0);
    }
    let totals: Vec<(String, i32)> = topics.iter().map(|topic| (topic.name.clone(), topic.total)).collect();
    let request = ControllerRequest::CreatePartitions { topics, validate_only };
    let strict = context.api_version >= QUOTA_ERROR_VERSION;
    let (answer, throttle_ms) = context.mutate(broker, request, strict, timeout).await;
    let outcomes = match answer {
        Ok(ControllerResponse::Results(outcomes)) => outcomes,
        Ok(_) => return (vec![Err(ControllerError::NotController); count], throttle_ms),
        Err(error) => return (vec![Err(error); count], throttle_ms),
    };
    if !validate_only {
        let grown = totals.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
        let grown: Vec<&(String, i32)> = grown.map(|(topic, _)| topic).collect();
        let is_there = |image: &MetadataImage| {
            grown
                .iter()
                .all(|(name, total)| image.partition(name, total.saturating_sub(1)).is_some())
        };
        broker.metadata.wait_for(timeout, is_there).await;
    }
    (outcomes, throttle_ms)
}
