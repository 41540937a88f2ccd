//! SyncGroup: the leader hands in the assignment, the others wait for theirs; it is written before anybody hears of it.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    command::{Command, Purpose, Surroundings, SyncAnswer, SyncRequest},
    error::GroupError,
    group::{ClassicGroup, GroupState, answer_sync_error},
    ids::{MemberId, ReplyId},
};

impl ClassicGroup {
    /// A SyncGroup request: it is answered by a command, at once or when the assignment is on disk.
    pub(crate) fn sync(
        &mut self,
        request: SyncRequest,
        reply: ReplyId,
        surroundings: Surroundings<'_>,
    ) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Err(error) = self.accept_sync(request, reply, surroundings, &mut commands) {
            commands.push(Command::AnswerSync {
                reply,
                result: Err(error),
            });
        }
        self.settle(surroundings, &mut commands);
        commands
    }

    fn accept_sync(
        &mut self,
        request: SyncRequest,
        reply: ReplyId,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) -> Result<(), GroupError> {
        self.check_speaker(&request.speaker)?;
        let differs = |named: &Option<_>, actual: &Option<_>| named.is_some() && named != actual;
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol_name, &self.protocol_name)
        {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        let member_id = request.speaker.member_id;
        match self.state {
            GroupState::Empty | GroupState::Dead => Err(GroupError::UnknownMemberId),
            GroupState::PreparingRebalance => Err(GroupError::RebalanceInProgress),
            GroupState::CompletingRebalance => {
                self.synchronised(&member_id);
                if let Some(member) = self.members.get_mut(&member_id) {
                    // A request the client has given up on must not keep its connection waiting.
                    answer_sync_error(member, GroupError::RebalanceInProgress, commands);
                    member.awaiting_sync = Some(reply);
                    member.session_deadline_ms = None;
                }
                if self.is_leader(&member_id) && !self.assignment_in_flight {
                    self.assignment_in_flight = true;
                    let assignments = self.assignment_of_members(request.assignments);
                    commands.push(Command::Persist {
                        metadata: self.metadata_with(Some(&assignments)),
                        purpose: Purpose::Assignment {
                            generation: self.generation,
                            assignments,
                        },
                    });
                }
                Ok(())
            }
            GroupState::Stable => {
                self.synchronised(&member_id);
                self.renew_session(&member_id, surroundings);
                let answer = self.sync_answer(&member_id);
                commands.push(Command::AnswerSync {
                    reply,
                    result: Ok(answer),
                });
                Ok(())
            }
        }
    }

    fn synchronised(&mut self, member_id: &MemberId) {
        self.pending_sync.remove(member_id);
        if self.pending_sync.is_empty() {
            self.sync_deadline_ms = None;
        }
    }

    /// What the leader sent, for the members there are: nothing for those it left out.
    fn assignment_of_members(&self, mut assignments: BTreeMap<MemberId, Bytes>) -> BTreeMap<MemberId, Bytes> {
        let entry = |member_id: &MemberId| (member_id.clone(), assignments.remove(member_id).unwrap_or_default());
        self.members.keys().map(entry).collect()
    }

    fn sync_answer(&self, member_id: &MemberId) -> SyncAnswer {
        SyncAnswer {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment: self
                .members
                .get(member_id)
                .map(|member| member.assignment.clone())
                .unwrap_or_default(),
        }
    }

    /// The assignment is on disk, or could not be written.
    pub(super) fn assignment_persisted(
        &mut self,
        generation: i32,
        mut assignments: BTreeMap<MemberId, Bytes>,
        result: Result<(), GroupError>,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) {
        if self.state != GroupState::CompletingRebalance || self.generation != generation {
            // A rebalance began meanwhile and answered those that waited.
            return;
        }
        self.assignment_in_flight = false;
        if let Err(error) = result {
            // What members had before they may still have: a cooperative one keeps it while it joins.
            for member in self.members.values_mut() {
                answer_sync_error(member, error, commands);
            }
            self.rebalance_if_possible(surroundings, commands);
            return;
        }
        for member in self.members.values_mut() {
            member.assignment = assignments.remove(&member.member_id).unwrap_or_default();
        }
        self.enter(GroupState::Stable, surroundings.now);
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            let answer = self.sync_answer(&member_id);
            let Some(member) = self.members.get_mut(&member_id) else {
                continue;
            };
            member.session_deadline_ms = Some(surroundings.now.after(member.session_timeout_ms));
            if let Some(reply) = member.awaiting_sync.take() {
                commands.push(Command::AnswerSync {
                    reply,
                    result: Ok(answer),
                });
            }
        }
    }
}
