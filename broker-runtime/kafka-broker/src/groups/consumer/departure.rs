//! Members that go: they leave, are removed, or have been silent for too long.

use super::{
    group::{ConsumerGroup, Outcome, World, member_tombstones},
    heartbeat::{ConsumerHeartbeat, HeartbeatAnswer, REJOIN_LATER_EPOCH},
    member::ConsumerMember,
    partitions::HeldPartitions,
    record::{ConsumerRecord, MemberState},
};
use crate::groups::{command::LeavingMember, error::GroupError, ids::MemberId};

impl ConsumerGroup {
    /// A member says that it leaves, or, being static, that it will be back.
    pub(crate) fn leave(&mut self, request: &ConsumerHeartbeat, world: World<'_>) -> Result<Outcome, GroupError> {
        let leaving = LeavingMember {
            member_id: request.member_id.clone(),
            instance_id: request.instance_id.clone(),
        };
        let member_id = self.find(&leaving)?;
        let mut records = Vec::new();
        if request.member_epoch == REJOIN_LATER_EPOCH {
            self.go_away(&member_id, &mut records);
        } else {
            self.remove(&member_id, world, &mut records);
        }
        let answer = HeartbeatAnswer {
            member_id,
            member_epoch: request.member_epoch,
            assignment: None,
        };
        Ok(Outcome { records, answer })
    }

    /// Gives up members whose time is over.
    pub(crate) fn tick(&mut self, world: World<'_>) -> Vec<ConsumerRecord> {
        let members = self.members.iter();
        let over = members.filter(|(_, member)| member.next_deadline_ms() <= world.now.monotonic_ms);
        let over: Vec<MemberId> = over.map(|(member_id, _)| member_id.clone()).collect();
        let mut records = Vec::new();
        for member_id in over {
            tracing::info!(group_id = %self.group_id, %member_id, "a member was silent for too long");
            self.remove(&member_id, world, &mut records);
        }
        let deadlines = self.members.values().map(ConsumerMember::next_deadline_ms);
        self.wakes_at_ms = deadlines.min().unwrap_or(i64::MAX);
        records
    }

    fn find(&self, leaving: &LeavingMember) -> Result<MemberId, GroupError> {
        if let Some(instance_id) = &leaving.instance_id {
            let named = self
                .static_members
                .get(instance_id)
                .ok_or(GroupError::UnknownMemberId)?;
            if *named != leaving.member_id {
                return Err(GroupError::FencedInstanceId);
            }
        }
        let member = self.members.get_key_value(&leaving.member_id);
        let (member_id, _) = member.ok_or(GroupError::UnknownMemberId)?;
        Ok(member_id.clone())
    }

    /// Keeps what a static member has for when it is back; what it was to give up it has given up.
    fn go_away(&mut self, member_id: &MemberId, records: &mut Vec<ConsumerRecord>) {
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        member.revocation_deadline_ms = None;
        let mut current = member.current.clone();
        current.epoch = REJOIN_LATER_EPOCH;
        current.state = MemberState::Stable;
        current.revoking = HeldPartitions::default();
        records.push(ConsumerRecord::Current(member_id.clone(), Some(current.clone())));
        self.set_current(member_id, current);
    }

    pub(super) fn remove(&mut self, member_id: &MemberId, world: World<'_>, records: &mut Vec<ConsumerRecord>) {
        self.drop_member(member_id);
        records.extend(member_tombstones(member_id));
        self.forget_unused_regexes(records);
        if self.members.is_empty() {
            self.emptied_ms = world.now.wall_ms;
        }
        self.metadata_hash = self.metadata_hash(world.image);
        self.begin_epoch(records);
    }
}
