//! Heartbeat, LeaveGroup, and the right to commit offsets.

use super::{
    command::{Command, LeavingMember, Speaker, Surroundings},
    error::GroupError,
    group::{ClassicGroup, GroupState},
};

impl ClassicGroup {
    /// Whether the one who speaks is a member of the current generation.
    pub(super) fn check_speaker(&self, speaker: &Speaker) -> Result<(), GroupError> {
        if self.state == GroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        self.check_member(&speaker.member_id, speaker.instance_id.as_ref())?;
        if speaker.generation == self.generation {
            Ok(())
        } else {
            Err(GroupError::IllegalGeneration)
        }
    }

    /// A heartbeat. It is good while members synchronise: some clients start it when their join is answered.
    pub(crate) fn heartbeat(&mut self, speaker: &Speaker, surroundings: Surroundings<'_>) -> Result<(), GroupError> {
        self.check_speaker(speaker)?;
        match self.state {
            GroupState::Empty | GroupState::Dead => Err(GroupError::UnknownMemberId),
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.renew_session(&speaker.member_id, surroundings);
                Ok(())
            }
            GroupState::PreparingRebalance => {
                self.renew_session(&speaker.member_id, surroundings);
                Err(GroupError::RebalanceInProgress)
            }
        }
    }

    /// Members leave; one result each, in order.
    pub(crate) fn leave(
        &mut self,
        leaving: &[LeavingMember],
        surroundings: Surroundings<'_>,
    ) -> (Vec<Result<(), GroupError>>, Vec<Command>) {
        let mut commands = Vec::new();
        let mut results = Vec::with_capacity(leaving.len());
        for member in leaving {
            results.push(self.leave_one(member, surroundings, &mut commands));
        }
        self.settle(surroundings, &mut commands);
        (results, commands)
    }

    fn leave_one(
        &mut self,
        leaving: &LeavingMember,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) -> Result<(), GroupError> {
        if self.state == GroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        if leaving.member_id.is_empty() {
            let member_id = leaving
                .instance_id
                .as_ref()
                .and_then(|id| self.static_members.get(id))
                .cloned();
            let member_id = member_id.ok_or(GroupError::UnknownMemberId)?;
            self.remove_and_rebalance(&member_id, surroundings, commands);
            return Ok(());
        }
        if self.pending_members.remove(&leaving.member_id).is_some() {
            return Ok(());
        }
        self.check_member(&leaving.member_id, leaving.instance_id.as_ref())?;
        self.remove_and_rebalance(&leaving.member_id, surroundings, commands);
        Ok(())
    }

    /// Whether the one who speaks may commit offsets; a member that does shows that it lives. With a transaction anybody may who
    /// says nothing of the group, as older clients do (`ClassicGroup.validateOffsetCommit`).
    pub(crate) fn check_offset_commit(
        &mut self,
        speaker: &Speaker,
        with_transaction: bool,
        surroundings: Surroundings<'_>,
    ) -> Result<(), GroupError> {
        if self.state == GroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        if speaker.generation < 0 && self.state == GroupState::Empty {
            // The admin client, or a consumer that assigns itself.
            return Ok(());
        }
        if speaker.generation < 0 && speaker.member_id.is_empty() && speaker.instance_id.is_none() {
            return if with_transaction {
                Ok(())
            } else {
                Err(GroupError::UnknownMemberId)
            };
        }
        self.check_speaker(speaker)?;
        if !with_transaction && self.state == GroupState::CompletingRebalance {
            return Err(GroupError::RebalanceInProgress);
        }
        self.renew_session(&speaker.member_id, surroundings);
        Ok(())
    }
}
