//! From an event to a decision. Every decision is one atomic batch of records: the host writes it, flushes it, and only
//! then lets anybody see the new image or the answer.

use rand::Rng;

use super::{
    acls, alter_partition, brokers, configs, create_partitions, create_topics,
    decision::{ControllerEvent, Decision},
    defaults::ControllerDefaults,
    delete_topics,
    draft::Draft,
    elections, producer_ids, quotas, reassign, scram,
};
use crate::{
    MetadataImage, MetadataRecord,
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};

/// Decides on one event. An error means that nothing changes.
pub fn decide(
    image: &MetadataImage,
    event: ControllerEvent,
    defaults: &ControllerDefaults,
    rng: &mut dyn Rng,
) -> Result<Decision, ControllerError> {
    let mut draft = Draft::new(image, defaults);
    let response = match event {
        ControllerEvent::CreateCluster { cluster_id } => {
            if image.applied.is_none() {
                draft.push(MetadataRecord::ClusterCreated { cluster_id });
            }
            ControllerResponse::Done
        }
        ControllerEvent::Request(request) => request_into(&mut draft, request, rng)?,
        ControllerEvent::Limited { request, allowance } => {
            draft.limit(allowance);
            request_into(&mut draft, request, rng)?
        }
        ControllerEvent::Fence { broker_id } => {
            brokers::fence(&mut draft, broker_id);
            ControllerResponse::Done
        }
        ControllerEvent::BalanceLeaders { partitions } => {
            elections::balance(&mut draft, &partitions);
            ControllerResponse::Done
        }
    };
    Ok(draft.into_decision(response))
}

fn request_into(
    draft: &mut Draft<'_>,
    request: ControllerRequest,
    rng: &mut dyn Rng,
) -> Result<ControllerResponse, ControllerError> {
    match request {
        ControllerRequest::Register { .. } => brokers::register(draft, request),
        ControllerRequest::Heartbeat {
            broker_id,
            broker_epoch,
            applied,
            want_shutdown,
        } => {
            brokers::check_epoch(draft.image(), broker_id, broker_epoch)?;
            Ok(brokers::heartbeat(draft, broker_id, applied, want_shutdown))
        }
        ControllerRequest::AlterPartition {
            broker_id,
            broker_epoch,
            partitions,
        } => {
            brokers::check_epoch(draft.image(), broker_id, broker_epoch)?;
            Ok(alter_partition::alter(draft, broker_id, &partitions))
        }
        ControllerRequest::AllocateProducerIds {
            broker_id,
            broker_epoch,
        } => {
            brokers::check_epoch(draft.image(), broker_id, broker_epoch)?;
            producer_ids::allocate(draft)
        }
        ControllerRequest::CreateTopics { topics, validate_only } => {
            Ok(draft.unless(validate_only, |draft| create_topics::create(draft, &topics, rng)))
        }
        ControllerRequest::DeleteTopics { topics } => Ok(delete_topics::delete(draft, &topics)),
        ControllerRequest::CreatePartitions { topics, validate_only } => {
            Ok(draft.unless(validate_only, |draft| create_partitions::create(draft, &topics, rng)))
        }
        ControllerRequest::AlterConfigs {
            resources,
            validate_only,
        } => Ok(draft.unless(validate_only, |draft| configs::alter(draft, &resources))),
        ControllerRequest::Instruct { instructions } => {
            configs::instruct(draft, &instructions);
            Ok(ControllerResponse::Done)
        }
        ControllerRequest::AlterScram { records } => scram::alter(draft, records),
        ControllerRequest::CreateAcls { acls } => Ok(acls::create(draft, &acls)),
        ControllerRequest::DeleteAcls { filters } => Ok(acls::delete(draft, &filters)),
        ControllerRequest::AlterClientQuotas { changes, validate_only } => {
            Ok(draft.unless(validate_only, |draft| quotas::alter(draft, &changes)))
        }
        ControllerRequest::AlterReassignments { reassignments } => Ok(reassign::alter(draft, &reassignments)),
        ControllerRequest::RetireBrokers { broker_ids } => Ok(reassign::retire(draft, &broker_ids)),
        ControllerRequest::UnregisterBroker { broker_id } => reassign::unregister(draft, broker_id),
        // Whoever does not count does not limit.
        ControllerRequest::Limited { request, .. } => request_into(draft, *request, rng),
        ControllerRequest::AuthenticateIam { .. }
        | ControllerRequest::Report { .. }
        | ControllerRequest::DescribeQuorum => Err(ControllerError::InvalidRequest(
            "logins, reports and questions about readers are for the controller's host".to_owned(),
        )),
        ControllerRequest::ElectPreferredLeaders { partitions } => {
            Ok(elections::elect_preferred(draft, partitions.as_deref()))
        }
        ControllerRequest::ElectUncleanLeaders { partitions } => {
            Ok(elections::elect_unclean(draft, partitions.as_deref()))
        }
    }
}
