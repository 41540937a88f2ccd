//! Who leads a partition. The leader comes from the ISR or is [eligible](super::eligible) beside it, so it has every record that was
//! ever acknowledged with acks=all; among several the first in replica order wins, and members of the ISR win over others. Where none
//! of them serves and `unclean.leader.election.enable` holds
//! for the topic, or an operator asks for it, the first replica that serves leads and is the ISR: what only the others have is
//! lost. Kafka: `PartitionChangeBuilder`, `ReplicationControlManager`.
//!
//! Differences from Kafka: a topic for which it begins to hold is looked at at once, not within
//! `unclean.leader.election.interval.ms`; a replica that a reassignment is bringing leads only where no other one can.

use super::draft::Draft;
use crate::{
    BrokerId, ConfigResource, LeaderEpoch, MetadataImage, PartitionEpoch, PartitionState, TopicId,
    rpc::{ControllerError, ControllerResponse},
};

/// The property that lets replicas lead that are not in sync.
pub(super) const UNCLEAN: &str = "unclean.leader.election.enable";

/// The state after `broker_id` stopped serving, or `None` when it does not matter to the partition.
fn without(
    state: &PartitionState,
    broker_id: BrokerId,
    image: &MetadataImage,
    may_be_unclean: &dyn Fn() -> bool,
) -> Option<PartitionState> {
    let leads = state.leader == Some(broker_id);
    let others: Vec<BrokerId> = state
        .isr
        .iter()
        .copied()
        .filter(|member| *member != broker_id)
        .collect();
    let leaves_isr = others.len() < state.isr.len();
    if !leads && !leaves_isr {
        return None;
    }
    let mut next = state.clone();
    if leaves_isr {
        next.isr = others;
    }
    if leads {
        let leader = eligible_leader(state, image, Some(broker_id));
        set_leader(&mut next, leader);
        if leader.is_none() && may_be_unclean() {
            elect_any(&mut next, image, Some(broker_id));
        }
    }
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    Some(next)
}

/// The first replica, in their order, that is in sync and active.
pub(super) fn in_sync_leader(
    state: &PartitionState,
    image: &MetadataImage,
    except: Option<BrokerId>,
) -> Option<BrokerId> {
    first_active(state, &state.isr, image, except)
}

/// The same; else the first that is eligible beside the ISR.
pub(super) fn eligible_leader(
    state: &PartitionState,
    image: &MetadataImage,
    except: Option<BrokerId>,
) -> Option<BrokerId> {
    in_sync_leader(state, image, except).or_else(|| first_active(state, &state.elr, image, except))
}

fn first_active(
    state: &PartitionState,
    among: &[BrokerId],
    image: &MetadataImage,
    except: Option<BrokerId>,
) -> Option<BrokerId> {
    let may_lead = |replica: &BrokerId| {
        Some(*replica) != except && among.contains(replica) && image.active_broker(*replica).is_some()
    };
    state.replicas.iter().copied().find(may_lead)
}

/// The first replica, in their order, that serves, whatever it has; rather none that has only begun to follow.
fn any_leader(state: &PartitionState, image: &MetadataImage, except: Option<BrokerId>) -> Option<BrokerId> {
    let serves = |replica: &BrokerId| Some(*replica) != except && image.active_broker(*replica).is_some();
    let settled = state.settled_replicas().into_iter();
    settled.chain(state.adding.iter().copied()).find(serves)
}

/// Gives a partition without a leader one that need not be in sync; it is the ISR then. False when no replica serves. The
/// epoch of the leader has grown already, or grows here.
fn elect_any(next: &mut PartitionState, image: &MetadataImage, except: Option<BrokerId>) -> bool {
    let Some(leader) = any_leader(next, image, except) else {
        return false;
    };
    next.isr = vec![leader];
    next.leader = Some(leader);
    true
}

/// The state of a partition without a leader after an election in which a replica may win that is not in sync; `None` when
/// none can.
fn unclean(state: &PartitionState, image: &MetadataImage) -> Option<PartitionState> {
    if let Some(leader) = eligible_leader(state, image, None) {
        return Some(led_by(state, leader));
    }
    let mut next = state.clone();
    if !elect_any(&mut next, image, None) {
        return None;
    }
    next.leader_epoch = LeaderEpoch(state.leader_epoch.0 + 1);
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    Some(next)
}

/// Whether `unclean.leader.election.enable` holds for a topic.
fn is_unclean(draft: &Draft<'_>, topic: &str) -> bool {
    let image = draft.image();
    let own = image.dynamic_config(&ConfigResource::Topic(topic.to_owned()));
    let own = own.and_then(|values| values.get(UNCLEAN).cloned());
    let of_brokers = |name: &str| image.broker_property(None, name, &draft.defaults().properties);
    let value = own.or_else(|| server_properties::topic_default(UNCLEAN, of_brokers));
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

/// The next leader; one that was not in sync is the ISR.
pub(super) fn set_leader(state: &mut PartitionState, leader: Option<BrokerId>) {
    state.leader = leader;
    state.isr = match leader {
        Some(leader) if !state.isr.contains(&leader) => vec![leader],
        _ => std::mem::take(&mut state.isr),
    };
    state.leader_epoch = LeaderEpoch(state.leader_epoch.0 + 1);
}

fn led_by(state: &PartitionState, leader: BrokerId) -> PartitionState {
    let mut next = state.clone();
    set_leader(&mut next, Some(leader));
    next.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
    next
}

/// Changes every partition for which `change` returns a new state, in the order of topic names. It is told how to find out
/// whether the topic may have a leader that is not in sync.
fn change_partitions(
    draft: &mut Draft<'_>,
    change: impl Fn(&PartitionState, &MetadataImage, &dyn Fn() -> bool) -> Option<PartitionState>,
) {
    let image = draft.image();
    let mut changed: Vec<(&str, TopicId, i32, PartitionState)> = Vec::new();
    for topic in image.topics.values() {
        let may_be_unclean = || is_unclean(draft, &topic.name);
        for (partition, state) in (0..).zip(&topic.partitions) {
            if let Some(next) = change(state, image, &may_be_unclean) {
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
    change_partitions(draft, |state, image, may_be_unclean| {
        without(state, broker_id, image, may_be_unclean)
    });
}

/// Gives partitions without a leader one again, now that `broker_id` serves.
pub(super) fn elect_returned(draft: &mut Draft<'_>, broker_id: BrokerId) {
    change_partitions(draft, |state, image, may_be_unclean| {
        if state.leader.is_some() || !state.replicas.contains(&broker_id) {
            return None;
        }
        let leader = eligible_leader(state, image, None).map(|leader| led_by(state, leader));
        leader.or_else(|| may_be_unclean().then(|| unclean(state, image)).flatten())
    });
}

/// Gives partitions without a leader one whose topics may have one that is not in sync, now that a configuration has changed.
pub(super) fn elect_where_unclean(draft: &mut Draft<'_>) {
    change_partitions(draft, |state, image, may_be_unclean| {
        let is_due = state.leader.is_none() && may_be_unclean();
        is_due.then(|| unclean(state, image)).flatten()
    });
}

/// Elects any replica for partitions without a leader: of `partitions`, each with a result, or of all, without results.
pub(super) fn elect_unclean(draft: &mut Draft<'_>, partitions: Option<&[(String, i32)]>) -> ControllerResponse {
    let Some(partitions) = partitions else {
        change_partitions(draft, |state, image, _| {
            state.leader.is_none().then(|| unclean(state, image)).flatten()
        });
        return ControllerResponse::Results(Vec::new());
    };
    let elect = |state: &PartitionState, image: &MetadataImage| {
        if state.leader.is_some() {
            return Err(ControllerError::ElectionNotNeeded);
        }
        unclean(state, image).ok_or(ControllerError::EligibleLeadersNotAvailable)
    };
    let results = partitions
        .iter()
        .map(|(topic, partition)| elect_one(draft, topic, *partition, elect));
    ControllerResponse::Results(results.collect())
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
        change_partitions(draft, |state, image, _| preferred(state, image).ok());
        return ControllerResponse::Results(Vec::new());
    };
    let results = partitions
        .iter()
        .map(|(topic, partition)| elect_one(draft, topic, *partition, preferred));
    ControllerResponse::Results(results.collect())
}

fn elect_one(
    draft: &mut Draft<'_>,
    topic: &str,
    partition: i32,
    elect: impl Fn(&PartitionState, &MetadataImage) -> Result<PartitionState, ControllerError>,
) -> Result<(), ControllerError> {
    let unknown = || ControllerError::UnknownTopicOrPartition(format!("{topic}-{partition}"));
    let image = draft.image();
    let topic_id = image.topics.get(topic).ok_or_else(unknown)?.topic_id;
    let state = image.partition(topic, partition).ok_or_else(unknown)?;
    let next = elect(state, image)?;
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
