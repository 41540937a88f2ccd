//! AlterPartitionReassignments 0–1: begins to move replicas, or takes that back where a partition has no replicas in the
//! request (KIP-455). The new replicas follow at once and take over when all of them are in sync.
//!
//! * INVALID_REPLICA_ASSIGNMENT for brokers that are not registered or named twice, NO_REASSIGNMENT_IN_PROGRESS where there
//!   is nothing to take back, UNKNOWN_TOPIC_OR_PARTITION.
//! * Version 1 can refuse another replication factor than a partition has: INVALID_REPLICATION_FACTOR.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
        alter_partition_reassignments_request::ReassignablePartition,
        alter_partition_reassignments_response::{ReassignablePartitionResponse, ReassignableTopicResponse},
    },
};
use kafka_metadata::{
    BrokerId,
    acl::AclOperation,
    rpc::{ControllerError, ControllerRequest, ControllerResponse, Reassignment},
};

use super::controller_timeout;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(
    45,
    "AlterPartitionReassignments",
    0..=1,
    AlterPartitionReassignmentsRequest,
    handle
);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: AlterPartitionReassignmentsRequest,
    _version: i16,
) -> AlterPartitionReassignmentsResponse {
    if !context.may(broker, AclOperation::Alter, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        let mut response = AlterPartitionReassignmentsResponse::default();
        response.error_code = code.code();
        response.error_message = Some(StrBytes::from(code.message()));
        return response;
    }
    let mut wanted = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            wanted.push(reassignment(topic.name.as_str(), partition));
        }
    }
    let allowed: Vec<Reassignment> = wanted
        .iter()
        .filter(|one| request.allow_replication_factor_change || keeps_factor(broker, one))
        .cloned()
        .collect();
    let mut response = AlterPartitionReassignmentsResponse::default();
    response.allow_replication_factor_change = request.allow_replication_factor_change;
    response.error_message = None;
    let outcomes = ask(broker, allowed.clone(), request.timeout_ms).await;
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => {
            response.error_code = controller_error_code(&error).code();
            response.error_message = Some(StrBytes::from(error.to_string()));
            return response;
        }
    };
    let mut outcomes = outcomes.into_iter();
    let mut by_topic: BTreeMap<String, Vec<ReassignablePartitionResponse>> = BTreeMap::new();
    for one in wanted {
        let outcome = if allowed.contains(&one) {
            outcomes.next().unwrap_or(Err(ControllerError::NotController))
        } else {
            let message = format!(
                "the replication factor of {}-{} may not change",
                one.topic, one.partition
            );
            Err(ControllerError::InvalidReplicationFactor(message))
        };
        let mut result = ReassignablePartitionResponse::default();
        result.partition_index = one.partition;
        if let Err(error) = outcome {
            result.error_code = controller_error_code(&error).code();
            result.error_message = Some(StrBytes::from(error.to_string()));
        }
        by_topic.entry(one.topic).or_default().push(result);
    }
    response.error_code = ErrorCode::None.code();
    response.responses = by_topic
        .into_iter()
        .map(|(name, partitions)| {
            let mut topic = ReassignableTopicResponse::default();
            topic.name = StrBytes::from(name);
            topic.partitions = partitions;
            topic
        })
        .collect();
    response
}

fn reassignment(topic: &str, partition: &ReassignablePartition) -> Reassignment {
    let target = partition
        .replicas
        .as_ref()
        .map(|replicas| replicas.iter().map(|id| BrokerId(*id)).collect());
    Reassignment {
        topic: topic.to_owned(),
        partition: partition.partition_index,
        target,
    }
}

/// A partition that does not exist is refused by the controller.
fn keeps_factor(broker: &Broker, wanted: &Reassignment) -> bool {
    let image = broker.metadata.image();
    match (image.partition(&wanted.topic, wanted.partition), &wanted.target) {
        (Some(state), Some(target)) => state.settled_replicas().len() == target.len(),
        _ => true,
    }
}

async fn ask(
    broker: &Broker,
    reassignments: Vec<Reassignment>,
    timeout_ms: i32,
) -> Result<Vec<Result<(), ControllerError>>, ControllerError> {
    if reassignments.is_empty() {
        return Ok(Vec::new());
    }
    let request = ControllerRequest::AlterReassignments { reassignments };
    match broker
        .controller
        .call_within(request, controller_timeout(timeout_ms))
        .await?
    {
        ControllerResponse::Results(outcomes) => Ok(outcomes),
        _ => Err(ControllerError::NotController),
    }
}
