//! One member of a consumer group.

use super::{
    partitions::Partitions,
    record::{CurrentAssignment, MemberMetadata, MemberState},
};
use crate::groups::error::GroupError;

/// A member: what it says of itself, what it has, and until when it may be silent.
#[derive(Clone, Debug)]
pub(super) struct ConsumerMember {
    pub(super) metadata: MemberMetadata,
    pub(super) current: CurrentAssignment,
    /// It is given up then, on the monotonic clock.
    pub(super) session_deadline_ms: i64,
    /// Until then it has to have given up what it is to give up.
    pub(super) revocation_deadline_ms: Option<i64>,
    /// Until then a member of the classic protocol that was told to join again has to do so.
    pub(super) join_deadline_ms: Option<i64>,
    /// Until then a member of the classic protocol that has joined has to ask for its assignment.
    pub(super) sync_deadline_ms: Option<i64>,
}

impl ConsumerMember {
    /// True when it has all of the target that was computed for `target_epoch`.
    pub(super) fn has_reached(&self, target_epoch: i32) -> bool {
        self.current.state == MemberState::Stable && self.current.epoch == target_epoch
    }

    pub(super) fn next_deadline_ms(&self) -> i64 {
        let others = [
            self.revocation_deadline_ms,
            self.join_deadline_ms,
            self.sync_deadline_ms,
        ];
        others.into_iter().flatten().fold(self.session_deadline_ms, i64::min)
    }

    /// Whether the member may go on from `epoch`: the one it has, or the one before where the answer with the newest was lost,
    /// which shows in what it owns.
    pub(super) fn check_heartbeat_epoch(&self, epoch: i32, owned: Option<&Partitions>) -> Result<(), GroupError> {
        let lost_the_answer = epoch == self.current.previous_epoch
            && owned.is_some_and(|owned| {
                owned
                    .iter()
                    .all(|(topic_id, partition)| self.current.assigned.epoch_of(topic_id, partition).is_some())
            });
        // What a later version of Kafka meant by a state is not known: the member begins anew, with nothing.
        let is_known = self.current.state != MemberState::Unknown || owned.is_some_and(Partitions::is_empty);
        let is_current = epoch == self.current.epoch || (epoch < self.current.epoch && lost_the_answer);
        if is_current && is_known {
            Ok(())
        } else {
            Err(GroupError::FencedMemberEpoch)
        }
    }
}
