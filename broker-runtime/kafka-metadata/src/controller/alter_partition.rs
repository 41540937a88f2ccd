//! `AlterPartition` (KIP-497): a leader proposes the ISR; a compare-and-set on the epochs it knew.
//!
//! The order of refusals is that of Kafka's `ReplicationControlManager.validateAlterPartitionData`. Difference: there is no
//! leader recovery state: after an unclean election the leader alone is the ISR, and whoever follows is cut to what it has.

use super::{draft::Draft, reassign};
use crate::{
    BrokerEpoch, BrokerId, MetadataImage, PartitionEpoch, PartitionState,
    rpc::{AlterPartition, ControllerError, ControllerResponse},
};

/// Carries out each proposal on its own; the sender's broker epoch has been checked.
pub(super) fn alter(draft: &mut Draft<'_>, sender: BrokerId, proposals: &[AlterPartition]) -> ControllerResponse {
    let results = proposals.iter().map(|proposal| alter_one(draft, sender, proposal));
    ControllerResponse::AlterPartition(results.collect())
}

fn alter_one(
    draft: &mut Draft<'_>,
    sender: BrokerId,
    proposal: &AlterPartition,
) -> Result<PartitionState, ControllerError> {
    let state = validate(draft.image(), sender, proposal)?;
    let mut next = state.clone();
    // Also where it is the ISR that there is: the leader wants another epoch then, so that no proposal before this one, whose answer
    // it has not got, can be accepted any more.
    next.isr = ordered(state, proposal);
    reassign::complete(&mut next, draft.image());
    reassign::keep_leader(state, &mut next, draft.image());
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    draft.push_partition(proposal.topic_id, proposal.partition, next.clone());
    let name = draft.image().topic_names.get(&proposal.topic_id);
    let pushed = name.and_then(|name| draft.image().partition(name, proposal.partition));
    Ok(pushed.cloned().unwrap_or(next))
}

/// The proposed members in replica order.
fn ordered(state: &PartitionState, proposal: &AlterPartition) -> Vec<BrokerId> {
    let is_proposed = |replica: &BrokerId| proposal.new_isr.iter().any(|(member, _)| member == replica);
    state.replicas.iter().copied().filter(is_proposed).collect()
}

fn validate<'a>(
    image: &'a MetadataImage,
    sender: BrokerId,
    proposal: &AlterPartition,
) -> Result<&'a PartitionState, ControllerError> {
    let topic = image
        .topic_by_id(proposal.topic_id)
        .ok_or(ControllerError::UnknownTopicId(proposal.topic_id))?;
    let name = || format!("{}-{}", topic.name, proposal.partition);
    let state = image
        .partition(&topic.name, proposal.partition)
        .ok_or_else(|| ControllerError::UnknownTopicOrPartition(name()))?;
    // The sender has seen metadata that this controller has not: it must look for the real one.
    if proposal.leader_epoch > state.leader_epoch || proposal.partition_epoch > state.partition_epoch {
        return Err(ControllerError::NotController);
    }
    if proposal.leader_epoch < state.leader_epoch {
        return Err(ControllerError::FencedLeaderEpoch(proposal.leader_epoch));
    }
    if state.leader != Some(sender) {
        return Err(ControllerError::InvalidRequest(format!(
            "broker {sender} does not lead {}",
            name()
        )));
    }
    if proposal.partition_epoch < state.partition_epoch {
        return Err(ControllerError::InvalidUpdateVersion(proposal.partition_epoch));
    }
    let mut seen: Vec<BrokerId> = Vec::with_capacity(proposal.new_isr.len());
    for (member, _) in &proposal.new_isr {
        if !state.replicas.contains(member) || seen.contains(member) {
            let message = format!("the proposed ISR of {} is not a subset of its replicas", name());
            return Err(ControllerError::InvalidRequest(message));
        }
        seen.push(*member);
    }
    if !seen.contains(&sender) {
        let message = format!("the proposed ISR of {} lacks its leader {sender}", name());
        return Err(ControllerError::InvalidRequest(message));
    }
    match proposal
        .new_isr
        .iter()
        .find(|(member, epoch)| !is_eligible(image, *member, *epoch))
    {
        Some((member, _)) => Err(ControllerError::IneligibleReplica(*member)),
        None => Ok(state),
    }
}

/// Only a replica that fetches under its current registration, and is active, may be in sync.
fn is_eligible(image: &MetadataImage, member: BrokerId, epoch: BrokerEpoch) -> bool {
    image
        .active_broker(member)
        .is_some_and(|broker| broker.broker_epoch == epoch)
}
