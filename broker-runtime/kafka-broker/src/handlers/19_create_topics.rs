//! CreateTopics 2–7: the controller checks and decides; the answer waits until this broker knows the topics, at most
//! `timeout_ms`.
//!
//! * -1 partitions or replicas mean the broker's defaults (KIP-464), as in Apache Kafka 4 in every version. `validate_only` changes nothing.
//! * The controller counts partitions against `controller_mutation_rate`; version 6 and later are refused what is too much, older
//!   ones wait for it.
//! * Version 5 and later tell the number of partitions, the replication factor and the configuration, version 7 the id.
//!
//! Difference from Kafka: when this broker does not hear of a new topic in time, the answer is no error all the same,
//! because the topic is there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        CreateTopicsRequest, CreateTopicsResponse,
        create_topics_request::{CreatableReplicaAssignment, CreatableTopic},
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
    },
    uuid_to_wire,
};
use kafka_metadata::{
    BrokerId, TopicId,
    acl::AclOperation,
    rpc::{ControllerError, ControllerRequest, ControllerResponse, CreatedTopic, NewTopic},
};

use super::{config_entries::ConfigView, controller_timeout};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(19, "CreateTopics", 2..=7, CreateTopicsRequest, handle);

/// First version that knows the refusal of what is beyond a quota (KIP-599).
const QUOTA_ERROR_VERSION: i16 = 6;

/// First version that describes what was created.
const DESCRIBING_VERSION: i16 = 5;

/// Stands for "not given" in numbers.
const NOT_GIVEN: i32 = -1;

type Outcome = Result<CreatedTopic, ControllerError>;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: CreateTopicsRequest,
    version: i16,
) -> CreateTopicsResponse {
    let timeout = controller_timeout(request.timeout_ms);
    let mut seen: HashMap<StrBytes, usize> = HashMap::new();
    for topic in &request.topics {
        *seen.entry(topic.name.clone()).or_default() += 1;
    }
    let may_create_all = context.may_quietly(broker, AclOperation::Create, Resource::Cluster);
    let mut wanted = Vec::new();
    let mut checked: Vec<(StrBytes, Option<ControllerError>)> = Vec::new();
    let mut answered_names = std::collections::HashSet::new();
    for topic in &request.topics {
        if !answered_names.insert(topic.name.clone()) {
            continue;
        }
        let new_topic = if seen[&topic.name] > 1 {
            Err(ControllerError::InvalidRequest(
                "the topic is named more than once".to_owned(),
            ))
        } else if !may_create_all && !context.may(broker, AclOperation::Create, Resource::Topic(&topic.name)) {
            Err(ControllerError::TopicAuthorizationFailed(topic.name.to_string()))
        } else {
            new_topic(topic)
        };
        checked.push((topic.name.clone(), new_topic.as_ref().err().cloned()));
        wanted.extend(new_topic);
    }
    let configs: HashMap<String, BTreeMap<String, String>> = wanted
        .iter()
        .map(|topic| (topic.name.clone(), topic.configs.clone()))
        .collect();
    let (outcomes, throttle_ms) = create(context, broker, (wanted, request.validate_only), timeout).await;
    let mut outcomes = outcomes.into_iter();
    let mut response = CreateTopicsResponse::default();
    response.throttle_time_ms = throttle_ms;
    for (name, refusal) in checked {
        let outcome = match refusal {
            Some(error) => Err(error),
            None => outcomes.next().unwrap_or(Err(ControllerError::NotController)),
        };
        let mut result = result_of(&outcome);
        if let (Ok(_), true) = (&outcome, version >= DESCRIBING_VERSION) {
            if context.may_quietly(broker, AclOperation::DescribeConfigs, Resource::Topic(&name)) {
                result.configs = Some(describe(broker, configs.get(name.as_str())));
            } else {
                // As Kafka answers who may not see what was made.
                (result.num_partitions, result.replication_factor) = (NOT_GIVEN, -1);
                result.topic_config_error_code = ErrorCode::TopicAuthorizationFailed.code();
            }
        }
        result.name = name;
        response.topics.push(result);
    }
    response
}

fn new_topic(topic: &CreatableTopic) -> Result<NewTopic, ControllerError> {
    let given = |number: i32| (number != NOT_GIVEN).then_some(number);
    let partitions = given(topic.num_partitions);
    let replication_factor = (topic.replication_factor != -1).then_some(topic.replication_factor);
    let assignments = (!topic.assignments.is_empty())
        .then(|| in_order(&topic.assignments))
        .transpose()?;
    if assignments.is_some() && (partitions.is_some() || replication_factor.is_some()) {
        return Err(ControllerError::InvalidRequest(
            "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time."
                .to_owned(),
        ));
    }
    let mut configs = BTreeMap::new();
    for config in &topic.configs {
        let value = config.value.as_ref().ok_or_else(|| {
            ControllerError::InvalidConfig(format!("Null value not supported for topic configs: {}", config.name))
        })?;
        configs.insert(config.name.as_str().to_owned(), value.as_str().to_owned());
    }
    Ok(NewTopic {
        name: topic.name.as_str().to_owned(),
        partitions,
        replication_factor,
        assignments,
        configs,
    })
}

/// Manual assignments by partition, which have to count from 0 without gaps.
fn in_order(assignments: &[CreatableReplicaAssignment]) -> Result<Vec<Vec<BrokerId>>, ControllerError> {
    let by_partition: BTreeMap<i32, Vec<BrokerId>> = assignments
        .iter()
        .map(|assignment| {
            (
                assignment.partition_index,
                assignment.broker_ids.iter().map(|id| BrokerId(*id)).collect(),
            )
        })
        .collect();
    let has_gaps = (0..)
        .zip(by_partition.keys())
        .any(|(expected, actual)| expected != *actual);
    if has_gaps || by_partition.len() != assignments.len() {
        let message = "partitions of a manual assignment have to be consecutive and to start with 0";
        return Err(ControllerError::InvalidReplicaAssignment(message.to_owned()));
    }
    Ok(by_partition.into_values().collect())
}

async fn create(
    context: &RequestContext,
    broker: &Broker,
    (topics, validate_only): (Vec<NewTopic>, bool),
    timeout: Duration,
) -> (Vec<Outcome>, i32) {
    let count = topics.len();
    if count == 0 {
        return (Vec::new(), 0);
    }
    let request = ControllerRequest::CreateTopics { topics, validate_only };
    let strict = context.api_version >= QUOTA_ERROR_VERSION;
    let (answer, throttle_ms) = context.mutate(broker, request, strict, timeout).await;
    let outcomes = match answer {
        Ok(ControllerResponse::CreateTopics(outcomes)) => outcomes,
        Ok(_) => return (vec![Err(ControllerError::NotController); count], throttle_ms),
        Err(error) => return (vec![Err(error); count], throttle_ms),
    };
    if !validate_only {
        let created: Vec<TopicId> = outcomes.iter().flatten().map(|topic| topic.topic_id).collect();
        broker
            .metadata
            .wait_for(timeout, |image| {
                created.iter().all(|topic_id| image.topic_by_id(*topic_id).is_some())
            })
            .await;
    }
    (outcomes, throttle_ms)
}

fn result_of(outcome: &Outcome) -> CreatableTopicResult {
    let mut result = CreatableTopicResult::default();
    match outcome {
        Ok(created) => {
            result.topic_id = uuid_to_wire(created.topic_id.0);
            result.num_partitions = created.partitions;
            result.replication_factor = created.replication_factor;
            result.error_message = None;
        }
        Err(error) => {
            let code = controller_error_code(error);
            debug_assert!(code != ErrorCode::None, "an error has a code");
            result.error_code = code.code();
            result.error_message = Some(StrBytes::from(error.to_string()));
        }
    }
    result
}

/// The configuration of a topic with these properties of its own.
fn describe(broker: &Broker, own: Option<&BTreeMap<String, String>>) -> Vec<CreatableTopicConfigs> {
    let image = broker.metadata.image();
    let own = own.cloned().unwrap_or_default();
    let entries = ConfigView::new(broker, &image).topic(&own).into_iter().map(|entry| {
        let mut config = CreatableTopicConfigs::default();
        config.name = StrBytes::from(entry.name);
        config.value = entry.value.map(StrBytes::from);
        config.read_only = entry.read_only;
        config.config_source = entry.source.code();
        config.is_sensitive = entry.sensitive;
        config
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(partition: i32, brokers: &[i32]) -> CreatableReplicaAssignment {
        let mut assignment = CreatableReplicaAssignment::default();
        assignment.partition_index = partition;
        assignment.broker_ids = brokers.to_vec();
        assignment
    }

    fn topic(partitions: i32, replicas: i16) -> CreatableTopic {
        let mut topic = CreatableTopic::default();
        topic.name = StrBytes::from("orders");
        topic.num_partitions = partitions;
        topic.replication_factor = replicas;
        topic
    }

    #[test]
    fn minus_one_means_the_default() {
        let new = new_topic(&topic(-1, -1)).unwrap();
        assert_eq!((new.partitions, new.replication_factor), (None, None));
        let new = new_topic(&topic(-1, 2)).unwrap();
        assert_eq!((new.partitions, new.replication_factor), (None, Some(2)));
    }

    #[test]
    fn manual_assignments_stand_alone_and_have_no_gaps() {
        let mut manual = topic(-1, -1);
        manual.assignments = vec![assignment(1, &[2, 1]), assignment(0, &[1, 2])];
        let assignments = new_topic(&manual).unwrap().assignments.unwrap();
        assert_eq!(
            assignments,
            [vec![BrokerId(1), BrokerId(2)], vec![BrokerId(2), BrokerId(1)]]
        );
        manual.num_partitions = 2;
        assert!(matches!(new_topic(&manual), Err(ControllerError::InvalidRequest(_))));
        manual.num_partitions = -1;
        for bad in [
            vec![assignment(1, &[1])],
            vec![assignment(0, &[1]), assignment(0, &[2])],
        ] {
            manual.assignments = bad;
            assert!(matches!(
                new_topic(&manual),
                Err(ControllerError::InvalidReplicaAssignment(_))
            ));
        }
    }
}
