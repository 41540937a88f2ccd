//! Moving replicas of partitions to other brokers (KIP-455), as KRaft does it: the new replicas join the assignment at once
//! and follow; when all of them are in sync, those that were to go leave the assignment, and the leadership moves if its
//! holder is one of them. Between the two, the partition has both, and no record is on fewer replicas than before.
//!
//! ```text
//!   replicas [1,2,3]  ── target [1,2,4] ──►  replicas [1,2,4,3], adding [4], removing [3]
//!                                              │ 4 is in the ISR
//!                                              ▼
//!                                            replicas [1,2,4]
//! ```
//! Source: `PartitionReassignmentReplicas` and `ReplicationControlManager.alterPartitionReassignments` of Kafka.

use super::{draft::Draft, elections};
use crate::{
    BrokerId, MetadataImage, PartitionEpoch, PartitionState,
    rpc::{ControllerError, ControllerResponse, Reassignment},
};

/// Begins, changes or takes back reassignments, each on its own.
pub(super) fn alter(draft: &mut Draft<'_>, reassignments: &[Reassignment]) -> ControllerResponse {
    let results = reassignments.iter().map(|wanted| alter_one(draft, wanted));
    ControllerResponse::Results(results.collect())
}

fn alter_one(draft: &mut Draft<'_>, wanted: &Reassignment) -> Result<(), ControllerError> {
    let unknown = || ControllerError::UnknownTopicOrPartition(format!("{}-{}", wanted.topic, wanted.partition));
    let image = draft.image();
    let topic_id = image.topics.get(&wanted.topic).ok_or_else(unknown)?.topic_id;
    let state = image.partition(&wanted.topic, wanted.partition).ok_or_else(unknown)?;
    let next = match &wanted.target {
        Some(target) => {
            check(image, target)?;
            begun(state, target, image)
        }
        None if state.is_moving() => taken_back(state, image)?,
        None => return Err(ControllerError::NoReassignmentInProgress),
    };
    if let Some(next) = next {
        draft.push_partition(topic_id, wanted.partition, next);
    }
    Ok(())
}

fn check(image: &MetadataImage, target: &[BrokerId]) -> Result<(), ControllerError> {
    let refuse = |reason: String| Err(ControllerError::InvalidReplicaAssignment(reason));
    if target.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".to_owned());
    }
    for (at, replica) in target.iter().enumerate() {
        if !image.brokers.contains_key(replica) {
            return refuse(format!(
                "The manual partition assignment includes broker {replica}, but no such broker is registered."
            ));
        }
        if target[..at].contains(replica) {
            return refuse(format!(
                "The manual partition assignment includes the broker {replica} more than once."
            ));
        }
    }
    Ok(())
}

/// The state that leads to `target`; `None` when it is there already.
fn begun(state: &PartitionState, target: &[BrokerId], image: &MetadataImage) -> Option<PartitionState> {
    // What has come so far of an earlier reassignment counts as its origin, as in Kafka.
    let origin = state.settled_replicas();
    let mut next = state.clone();
    next.adding = target
        .iter()
        .copied()
        .filter(|replica| !origin.contains(replica))
        .collect();
    next.removing = origin
        .iter()
        .copied()
        .filter(|replica| !target.contains(replica))
        .collect();
    next.replicas = target.iter().chain(&next.removing).copied().collect();
    // Replicas that an earlier reassignment was bringing, and this one does not want, go at once, unless nobody else has
    // the records.
    let wanted: Vec<BrokerId> = state
        .isr
        .iter()
        .copied()
        .filter(|it| next.replicas.contains(it))
        .collect();
    let is_held = !wanted.is_empty() || state.elr.iter().any(|it| next.replicas.contains(it));
    if !is_held {
        next.removing.extend(state.safe_replicas());
        next.replicas.extend(state.safe_replicas());
    } else {
        next.isr = wanted;
    }
    complete(&mut next, image);
    keep_leader(state, &mut next, image);
    if next == *state {
        return None;
    }
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    Some(next)
}

/// The state before the reassignment.
fn taken_back(state: &PartitionState, image: &MetadataImage) -> Result<Option<PartitionState>, ControllerError> {
    let origin = state.settled_replicas();
    let mut next = state.clone();
    next.isr.retain(|member| origin.contains(member));
    if next.isr.is_empty() && !next.elr.iter().any(|replica| origin.contains(replica)) {
        let message = "no replica of before is in sync any more: the reassignment cannot be taken back".to_owned();
        return Err(ControllerError::InvalidReplicaAssignment(message));
    }
    next.replicas = origin;
    (next.adding, next.removing) = (Vec::new(), Vec::new());
    keep_leader(state, &mut next, image);
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    Ok(Some(next))
}

/// Ends a reassignment whose new replicas are all in sync. Afterwards the leader may not be a replica any more.
pub(super) fn complete(state: &mut PartitionState, image: &MetadataImage) {
    if !state.is_moving() || !state.adding.iter().all(|replica| state.isr.contains(replica)) {
        return;
    }
    let stays = |replica: &BrokerId| !state.removing.contains(replica);
    let isr: Vec<BrokerId> = state.isr.iter().copied().filter(stays).collect();
    // Somebody who stays must be able to lead: else the partition would have no leader until one comes back.
    if !isr.iter().any(|member| image.active_broker(*member).is_some()) {
        return;
    }
    state.replicas.retain(|replica| !state.removing.contains(replica));
    state.isr = isr;
    (state.adding, state.removing) = (Vec::new(), Vec::new());
}

/// Gives the partition another leader when its own is no replica of it, or not in sync, any more: rather one that was in
/// sync before than one that has just come.
pub(super) fn keep_leader(before: &PartitionState, state: &mut PartitionState, image: &MetadataImage) {
    let holds = |leader: BrokerId| state.replicas.contains(&leader) && state.isr.contains(&leader);
    if state.leader.is_some_and(holds) {
        return;
    }
    let mut proven = state.clone();
    proven.isr.retain(|member| before.isr.contains(member));
    let leader = elections::in_sync_leader(&proven, image, None);
    let leader = leader.or_else(|| elections::eligible_leader(state, image, None));
    if state.leader != leader {
        elections::set_leader(state, leader);
    }
}

/// Says which brokers are to go: they get no new replicas. All others are not, or no longer.
pub(super) fn retire(draft: &mut Draft<'_>, broker_ids: &[BrokerId]) -> ControllerResponse {
    let changed: Vec<(BrokerId, bool)> = draft
        .image()
        .brokers
        .values()
        .map(|broker| (broker, broker_ids.contains(&broker.broker_id)))
        .filter(|(broker, retiring)| broker.retiring != *retiring)
        .map(|(broker, retiring)| (broker.broker_id, retiring))
        .collect();
    for (broker_id, retiring) in changed {
        draft.push(crate::MetadataRecord::BrokerRetiring { broker_id, retiring });
    }
    ControllerResponse::Done
}

/// Forgets a broker for good. One that holds a replica cannot go.
pub(super) fn unregister(draft: &mut Draft<'_>, broker_id: BrokerId) -> Result<ControllerResponse, ControllerError> {
    let image = draft.image();
    let held = image.topics.values().find_map(|topic| {
        let index = topic
            .partitions
            .iter()
            .position(|state| state.replicas.contains(&broker_id))?;
        Some(format!("{}-{index}", topic.name))
    });
    if let Some(held) = held {
        let message = format!("broker {broker_id} has a replica of {held}: it has to be moved first");
        return Err(ControllerError::InvalidRequest(message));
    }
    if image.brokers.contains_key(&broker_id) {
        draft.push(crate::MetadataRecord::BrokerUnregistered { broker_id });
    }
    Ok(ControllerResponse::Done)
}
