//! Who leads a partition. The leader always comes from the ISR, so it has every record that was ever acknowledged with
//! acks=all; among several the first in replica order wins. Kafka: `PartitionChangeBuilder`, `ReplicationControlManager`.

use super::draft::Draft;
use crate::{
    BrokerId, LeaderEpoch, MetadataImage, PartitionEpoch, PartitionState, TopicId,
    rpc::{ControllerError, ControllerResponse},
};

/// The state after `broker_id` stopped serving, or `None` when it does not matter to the partition.
fn without(state: &PartitionState, broker_id: BrokerId, image: &MetadataImage) -> Option<PartitionState> {
    let leads = state.leader == Some(broker_id);
    let others: Vec<BrokerId> = state
        .isr
        .iter()
        .copied()
        .filter(|member| *member != broker_id)
        .collect();
    let leaves_isr = others.len() < state.isr.len() && !others.is_empty();
    if !leads && !leaves_isr {
        return None;
    }
    let mut next = state.clone();
    if leaves_isr {
        next.isr = others;
    }
    if leads {
        set_leader(&mut next, eligible_leader(state, image, Some(broker_id)));
    }
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    Some(next)
}

/// The first replica, in their order, that is in sync and active.
pub(super) fn eligible_leader(
    state: &PartitionState,
    image: &MetadataImage,
    except: Option<BrokerId>,
) -> Option<BrokerId> {
    state.replicas.iter().copied().find(|replica| {
        Some(*replica) != except && state.isr.contains(replica) && image.active_broker(*replica).is_some()
    })
}

pub(super) fn set_leader(state: &mut PartitionState, leader: Option<BrokerId>) {
    state.leader = leader;
    state.leader_epoch = LeaderEpoch(state.leader_epoch.0 + 1);
}

fn led_by(state: &PartitionState, leader: BrokerId) -> PartitionState {
    let mut next = state.clone();
    set_leader(&mut next, Some(leader));
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    next
}

/// Changes every partition for which `change` returns a new state, in the order of topic names.
fn change_partitions(
    draft: &mut Draft<'_>,
    change: impl Fn(&PartitionState, &MetadataImage) -> Option<PartitionState>,
) {
    let image = draft.image();
    let mut changed: Vec<(&str, TopicId, i32, PartitionState)> = Vec::new();
    for topic in image.topics.values() {
        for (partition, state) in (0..).zip(&topic.partitions) {
            if let Some(next) = change(state, image) {
                changed.push((&topic.name, topic.topic_id, partition, next));
            }
        }
    }
    changed.sort_unstable_by(|left, right| (left.0, left.2).cmp(&(right.0, right.2)));
    let changed: Vec<_> = changed
        .into_iter()
        .map(|(_, topic_id, index, next)| (topic_id, index, next))
        .collect();
    for (topic_id, partition, next) in changed {
        draft.push_partition(topic_id, partition, next);
    }
}

/// Takes `broker_id` out of every ISR and every leadership.
pub(super) fn remove_broker(draft: &mut Draft<'_>, broker_id: BrokerId) {
    change_partitions(draft, |state, image| without(state, broker_id, image));
}

/// Gives partitions without a leader one again, now that `broker_id` serves.
pub(super) fn elect_returned(draft: &mut Draft<'_>, broker_id: BrokerId) {
    change_partitions(draft, |state, image| {
        if state.leader.is_some() || !state.isr.contains(&broker_id) {
            return None;
        }
        eligible_leader(state, image, None).map(|leader| led_by(state, leader))
    });
}

/// What a preferred leader election makes of a partition.
fn preferred(state: &PartitionState, image: &MetadataImage) -> Result<PartitionState, ControllerError> {
    let Some(first) = state.replicas.first().copied() else {
        return Err(ControllerError::PreferredLeaderNotAvailable);
    };
    if state.leader == Some(first) {
        return Err(ControllerError::ElectionNotNeeded);
    }
    if !state.isr.contains(&first) || image.active_broker(first).is_none() {
        return Err(ControllerError::PreferredLeaderNotAvailable);
    }
    Ok(led_by(state, first))
}

/// True when the preferred replica does not lead and could.
pub(super) fn is_unbalanced(state: &PartitionState, image: &MetadataImage) -> bool {
    preferred(state, image).is_ok()
}

/// Elects preferred replicas: of `partitions`, each with a result, or of all where that is of use, without results.
pub(super) fn elect_preferred(draft: &mut Draft<'_>, partitions: Option<&[(String, i32)]>) -> ControllerResponse {
    let Some(partitions) = partitions else {
        change_partitions(draft, |state, image| preferred(state, image).ok());
        return ControllerResponse::Results(Vec::new());
    };
    let results = partitions
        .iter()
        .map(|(topic, partition)| elect_one(draft, topic, *partition));
    ControllerResponse::Results(results.collect())
}

fn elect_one(draft: &mut Draft<'_>, topic: &str, partition: i32) -> Result<(), ControllerError> {
    let unknown = || ControllerError::UnknownTopicOrPartition(format!("{topic}-{partition}"));
    let image = draft.image();
    let topic_id = image.topics.get(topic).ok_or_else(unknown)?.topic_id;
    let state = image.partition(topic, partition).ok_or_else(unknown)?;
    let next = preferred(state, image)?;
    draft.push_partition(topic_id, partition, next);
    Ok(())
}

/// Moves leaderships to preferred replicas where that is still possible.
pub(super) fn balance(draft: &mut Draft<'_>, partitions: &[(TopicId, i32)]) {
    for (topic_id, partition) in partitions {
        let image = draft.image();
        let name = image.topic_names.get(topic_id);
        let state = name.and_then(|name| image.partition(name, *partition));
        if let Some(Ok(next)) = state.map(|state| preferred(state, image)) {
            draft.push_partition(*topic_id, *partition, next);
        }
    }
}
