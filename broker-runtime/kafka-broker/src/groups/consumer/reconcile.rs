//! How a member gets from what it has to its target, by the rules of Kafka's `CurrentAssignmentBuilder`: first it gives up
//! what is not its own any more, in its epoch; only when it has said that it did, or has nothing to give up, does it get to the
//! epoch of the target, with those of the new partitions that nobody holds.

use super::{
    group::{ConsumerGroup, World},
    partitions::{HeldPartitions, Partitions},
    record::{ConsumerRecord, CurrentAssignment, MemberState},
};
use crate::groups::ids::MemberId;

impl ConsumerGroup {
    /// Takes the member a step on, and says what it has now. `owned` is what it says that it has; `None` when it says
    /// nothing of it.
    pub(super) fn reconcile(
        &mut self,
        member_id: &MemberId,
        owned: Option<&Partitions>,
        world: World<'_>,
        records: &mut Vec<ConsumerRecord>,
    ) {
        let Some(next) = self.next_assignment(member_id, owned) else {
            return;
        };
        let revokes = next.state == MemberState::UnrevokedPartitions;
        records.push(ConsumerRecord::Current(member_id.clone(), Some(next.clone())));
        self.set_current(member_id, next);
        if let Some(member) = self.members.get_mut(member_id) {
            // A member of the classic protocol is told to join again, and has a deadline for that.
            let revokes = revokes && !member.is_classic();
            let deadline_ms = world.now.after(member.metadata.rebalance_timeout_ms);
            member.revocation_deadline_ms = revokes.then_some(deadline_ms);
        }
    }

    /// What the member has next; `None` when nothing changes.
    fn next_assignment(&self, member_id: &MemberId, owned: Option<&Partitions>) -> Option<CurrentAssignment> {
        let current = &self.members.get(member_id)?.current;
        let epoch = match current.state {
            MemberState::Stable if current.epoch == self.target_epoch => return None,
            MemberState::UnrevokedPartitions if still_owns(owned, &current.revoking) => return None,
            MemberState::Stable | MemberState::UnrevokedPartitions | MemberState::UnreleasedPartitions => current.epoch,
            MemberState::Unknown => self.target_epoch,
        };
        let next = self.towards_target(member_id, current, epoch, owned);
        let unchanged = next.state == current.state
            && next.epoch == current.epoch
            && next.assigned == current.assigned
            && next.revoking == current.revoking;
        (!unchanged).then_some(next)
    }

    fn towards_target(
        &self,
        member_id: &MemberId,
        current: &CurrentAssignment,
        epoch: i32,
        owned: Option<&Partitions>,
    ) -> CurrentAssignment {
        let empty = Partitions::default();
        let target = self.targets.get(member_id).unwrap_or(&empty);
        let (mut assigned, mut revoking) = (HeldPartitions::default(), HeldPartitions::default());
        for (topic_id, partition, since) in current.assigned.iter() {
            let kept = target.contains(topic_id, partition);
            let held = if kept { &mut assigned } else { &mut revoking };
            held.insert(topic_id, partition, since);
        }
        if still_owns(owned, &revoking) {
            return CurrentAssignment {
                epoch,
                previous_epoch: current.epoch,
                state: MemberState::UnrevokedPartitions,
                assigned,
                revoking,
            };
        }
        let mut all_released = true;
        for (topic_id, partition) in target.iter() {
            if assigned.epoch_of(topic_id, partition).is_some() {
                continue;
            }
            let owner = self.owners.get(&(topic_id, partition));
            if owner.is_none_or(|owner| owner == member_id) {
                assigned.insert(topic_id, partition, self.target_epoch);
            } else {
                all_released = false;
            }
        }
        CurrentAssignment {
            epoch: self.target_epoch,
            previous_epoch: current.epoch,
            state: if all_released {
                MemberState::Stable
            } else {
                MemberState::UnreleasedPartitions
            },
            assigned,
            revoking: HeldPartitions::default(),
        }
    }
}

/// Whether a member may still read any of `partitions`: it says so, or says nothing.
fn still_owns(owned: Option<&Partitions>, partitions: &HeldPartitions) -> bool {
    match owned {
        Some(owned) => partitions
            .iter()
            .any(|(topic_id, partition, _)| owned.contains(topic_id, partition)),
        None => !partitions.is_empty(),
    }
}
