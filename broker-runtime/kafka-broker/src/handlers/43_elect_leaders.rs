//! ElectLeaders 0–2: gives leadership back to preferred replicas (KIP-183), or, from version 1 on, to any replica where a
//! partition has no leader (type 1, KIP-460): what that one does not have is lost. Partitions may be left out, which means all
//! whose preferred replica does not lead, or that have no leader; those are then the ones that are answered.
//!
//! * ELECTION_NOT_NEEDED where it leads already, or any does; PREFERRED_LEADER_NOT_AVAILABLE where it is not in sync,
//!   ELIGIBLE_LEADERS_NOT_AVAILABLE where no replica serves.
//! * Another type is INVALID_REQUEST.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        ElectLeadersRequest, ElectLeadersResponse,
        elect_leaders_response::{PartitionResult, ReplicaElectionResult},
    },
};
use kafka_metadata::{
    MetadataImage,
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
pub(crate) const API: ApiEntry = api!(43, "ElectLeaders", 0..=2, ElectLeadersRequest, handle);

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

/// First version with a type of election.
const TYPE_VERSION: i16 = 1;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ElectLeadersRequest,
    version: i16,
) -> ElectLeadersResponse {
    if !context.may(broker, AclOperation::Alter, Resource::Cluster) {
        return forbidden(&request);
    }
    let election_type = if version >= TYPE_VERSION {
        request.election_type
    } else {
        PREFERRED
    };
    let partitions: Vec<(String, i32)> = match &request.topic_partitions {
        Some(topics) => {
            let named = topics.iter().flat_map(|topic| {
                topic
                    .partitions
                    .iter()
                    .map(|partition| (topic.topic.as_str().to_owned(), *partition))
            });
            named.collect()
        }
        None => in_question(&broker.metadata.image(), election_type),
    };
    let mut response = ElectLeadersResponse::default();
    if ![PREFERRED, UNCLEAN].contains(&election_type) {
        response.error_code = ErrorCode::InvalidRequest.code();
        let refusal = ControllerError::InvalidRequest(format!("unknown type of election: {election_type}"));
        let refusals = vec![Err(refusal); partitions.len()];
        response.replica_election_results = results(partitions, refusals);
        return response;
    }
    let count = partitions.len();
    let outcomes = if count == 0 {
        Vec::new()
    } else {
        let named = Some(partitions.clone());
        let elect = match election_type {
            UNCLEAN => ControllerRequest::ElectUncleanLeaders { partitions: named },
            _ => ControllerRequest::ElectPreferredLeaders { partitions: named },
        };
        match broker
            .controller
            .call_within(elect, controller_timeout(request.timeout_ms))
            .await
        {
            Ok(ControllerResponse::Results(outcomes)) => outcomes,
            Ok(_) => vec![Err(ControllerError::NotController); count],
            Err(error) => vec![Err(error); count],
        }
    };
    response.replica_election_results = results(partitions, outcomes);
    if request.topic_partitions.is_none() {
        add_others(&broker.metadata.image(), &mut response.replica_election_results);
    }
    response
}

/// Whoever asks for all of them hears of every topic, as from Kafka: the others had nothing to elect.
fn add_others(image: &MetadataImage, results: &mut Vec<ReplicaElectionResult>) {
    let named: BTreeSet<String> = results.iter().map(|entry| entry.topic.to_string()).collect();
    let others = image.topics.keys().filter(|name| !named.contains(*name));
    results.extend(others.map(|name| {
        let mut entry = ReplicaElectionResult::default();
        entry.topic = StrBytes::from(name.as_str());
        entry
    }));
}

fn forbidden(request: &ElectLeadersRequest) -> ElectLeadersResponse {
    let code = ErrorCode::ClusterAuthorizationFailed;
    let mut response = ElectLeadersResponse::default();
    response.error_code = code.code();
    let topics = request.topic_partitions.iter().flatten();
    let refused = topics.map(|topic| {
        let mut entry = ReplicaElectionResult::default();
        entry.topic = topic.topic.clone();
        let partitions = topic.partitions.iter().map(|partition| {
            let mut result = PartitionResult::default();
            result.partition_id = *partition;
            result.error_code = code.code();
            result.error_message = Some(StrBytes::from(code.message()));
            result
        });
        entry.partition_result = partitions.collect();
        entry
    });
    response.replica_election_results = refused.collect();
    response
}

/// Partitions that have another leader than the preferred one, or none, as the type of election asks.
fn in_question(image: &MetadataImage, election_type: i8) -> Vec<(String, i32)> {
    let all = image
        .topics
        .values()
        .flat_map(|topic| (0..).zip(&topic.partitions).map(move |entry| (topic, entry)));
    let found = all.filter(|(_, (_, state))| match election_type {
        UNCLEAN => state.leader.is_none(),
        _ => state.leader != state.replicas.first().copied(),
    });
    found.map(|(topic, (index, _))| (topic.name.clone(), index)).collect()
}

fn results(partitions: Vec<(String, i32)>, outcomes: Vec<Result<(), ControllerError>>) -> Vec<ReplicaElectionResult> {
    let mut outcomes = outcomes.into_iter();
    let mut by_topic: BTreeMap<String, Vec<PartitionResult>> = BTreeMap::new();
    for (topic, partition) in partitions {
        let mut result = PartitionResult::default();
        result.partition_id = partition;
        if let Err(error) = outcomes.next().unwrap_or(Err(ControllerError::NotController)) {
            result.error_code = controller_error_code(&error).code();
            result.error_message = Some(StrBytes::from(error.to_string()));
        }
        by_topic.entry(topic).or_default().push(result);
    }
    let results = by_topic.into_iter().map(|(topic, partition_result)| {
        let mut entry = ReplicaElectionResult::default();
        entry.topic = StrBytes::from(topic);
        entry.partition_result = partition_result;
        entry
    });
    results.collect()
}
