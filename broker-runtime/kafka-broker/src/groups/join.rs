//! JoinGroup: who gets in, who is called to join again, who is answered at once.

use super::{
    command::{Command, JoinAnswer, JoinRequest, Purpose, Surroundings},
    error::GroupError,
    group::{ClassicGroup, GroupState, JoinPhase, answer_join_error, answer_sync_error},
    ids::{InstanceId, MemberId, ReplyId},
    member::Member,
};

/// How long a member that has no id yet may wait in a join phase: it cannot send heartbeats, and a client that gave up
/// cannot be told from one that waits (`NewMemberJoinTimeoutMs` of Kafka).
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 5 * 60 * 1000;

/// Most ids that are given out and unused at a time in one group; past it newcomers are told to come again.
const PENDING_MEMBERS_MAX: usize = 10_000;

impl ClassicGroup {
    /// A JoinGroup request: it is answered by a command, at once or when the join phase ends.
    pub(crate) fn join(
        &mut self,
        request: JoinRequest,
        reply: ReplyId,
        surroundings: Surroundings<'_>,
    ) -> Vec<Command> {
        let mut commands = Vec::new();
        let member_id = request.member_id.clone();
        if let Err(error) = self.admit(request, reply, surroundings, &mut commands) {
            let (member_id, error) = match error {
                Refusal::Plain(error) => (member_id, error),
                Refusal::UseMemberId(fresh) => (fresh, GroupError::MemberIdRequired),
            };
            let answer = JoinAnswer {
                member_id,
                result: Err(error),
            };
            commands.push(Command::AnswerJoin { reply, answer });
        }
        self.settle(surroundings, &mut commands);
        commands
    }

    fn admit(
        &mut self,
        request: JoinRequest,
        reply: ReplyId,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) -> Result<(), Refusal> {
        if self.state == GroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable.into());
        }
        if !self.has_room_for(&request.member_id, surroundings) {
            self.remove_and_rebalance(&request.member_id, surroundings, commands);
            return Err(GroupError::GroupMaxSizeReached.into());
        }
        if !self.supports(&request.protocol_type, &request.protocols) {
            return Err(GroupError::InconsistentGroupProtocol.into());
        }
        if !request.member_id.is_empty() {
            return Ok(self.admit_known(request, reply, surroundings, commands)?);
        }
        match request.instance_id.clone() {
            Some(instance_id) => match self.static_members.get(&instance_id).cloned() {
                Some(old_id) => self.return_static(request, (instance_id, old_id), reply, surroundings, commands),
                None => self.add_and_rebalance(request.fresh_member_id.clone(), request, reply, surroundings, commands),
            },
            None if request.requires_known_member_id => {
                if self.pending_members.len() >= PENDING_MEMBERS_MAX {
                    return Err(GroupError::CoordinatorNotAvailable.into());
                }
                let deadline_ms = surroundings.now.after(request.session_timeout_ms);
                self.pending_members
                    .insert(request.fresh_member_id.clone(), deadline_ms);
                return Err(Refusal::UseMemberId(request.fresh_member_id));
            }
            None => self.add_and_rebalance(request.fresh_member_id.clone(), request, reply, surroundings, commands),
        }
        Ok(())
    }

    /// While members are called to join, those that wait count: the last ones to come back are the ones to go.
    fn has_room_for(&self, member_id: &MemberId, surroundings: Surroundings<'_>) -> bool {
        let members_max = surroundings.config.members_max;
        match self.state {
            GroupState::Empty | GroupState::Dead => true,
            GroupState::PreparingRebalance => {
                let waits = |member: &Member| member.awaiting_join.is_some();
                self.members.get(member_id).is_some_and(waits)
                    || self.members.values().filter(|member| waits(member)).count() < members_max
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.members.contains_key(member_id) || self.members.len() < members_max
            }
        }
    }

    fn admit_known(
        &mut self,
        request: JoinRequest,
        reply: ReplyId,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) -> Result<(), GroupError> {
        if self.pending_members.contains_key(&request.member_id) {
            if request.instance_id.is_some() {
                return Err(GroupError::UnknownMemberId);
            }
            self.add_and_rebalance(request.member_id.clone(), request, reply, surroundings, commands);
            return Ok(());
        }
        self.check_member(&request.member_id, request.instance_id.as_ref())?;
        let member_id = request.member_id.clone();
        let unchanged = self
            .members
            .get(&member_id)
            .is_some_and(|member| member.protocols == request.protocols);
        let answer_now = match self.state {
            GroupState::PreparingRebalance => false,
            // The answer got lost: the generation is the same, so the answer is.
            GroupState::CompletingRebalance => unchanged,
            // A leader that joins again has seen the topics change; it wants a rebalance.
            GroupState::Stable => unchanged && !self.is_leader(&member_id),
            GroupState::Empty | GroupState::Dead => return Err(GroupError::UnknownMemberId),
        };
        self.update_member(&member_id, request, reply, commands);
        if answer_now {
            self.answer_join(&member_id, surroundings, commands);
        } else {
            self.rebalance_if_possible(surroundings, commands);
        }
        Ok(())
    }

    fn update_member(
        &mut self,
        member_id: &MemberId,
        request: JoinRequest,
        reply: ReplyId,
        commands: &mut Vec<Command>,
    ) {
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        // A request the client has given up on must not keep its connection waiting.
        answer_join_error(member, GroupError::RebalanceInProgress, commands);
        member.protocols = request.protocols;
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.session_timeout_ms = request.session_timeout_ms;
        member.client_id = request.client_id;
        member.client_host = request.client_host;
        member.awaiting_join = Some(reply);
        member.session_deadline_ms = None;
    }

    fn add_and_rebalance(
        &mut self,
        member_id: MemberId,
        request: JoinRequest,
        reply: ReplyId,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) {
        if let Some(JoinPhase {
            initial: Some(initial), ..
        }) = &mut self.join_phase
            && self.generation == 0
        {
            initial.member_added = true;
        }
        let member = Member {
            member_id,
            instance_id: request.instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocols: request.protocols,
            assignment: bytes::Bytes::new(),
            awaiting_join: Some(reply),
            awaiting_sync: None,
            is_new: true,
            session_deadline_ms: Some(surroundings.now.after(NEW_MEMBER_JOIN_TIMEOUT_MS)),
        };
        self.add_member(member, request.protocol_type);
        self.rebalance_if_possible(surroundings, commands);
    }

    /// A static member came back without its id: it gets a new one, and the old one is fenced.
    fn return_static(
        &mut self,
        request: JoinRequest,
        (instance_id, old_id): (InstanceId, MemberId),
        reply: ReplyId,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) {
        let leader_before = self.leader.clone().unwrap_or_else(|| old_id.clone());
        let new_member_id = request.fresh_member_id.clone();
        let supports_skipping_assignment = request.supports_skipping_assignment;
        self.rename_static(&instance_id, &old_id, &new_member_id, commands);
        self.update_member(&new_member_id, request, reply, commands);
        match self.state {
            GroupState::Stable if self.select_protocol() == self.protocol_name => {
                commands.push(Command::Persist {
                    metadata: self.metadata_with(None),
                    purpose: Purpose::StaticMemberReturned {
                        instance_id,
                        new_member_id,
                        leader_before,
                        supports_skipping_assignment,
                    },
                });
            }
            // While the assignment is being computed it is computed for the old id, so it has to be done again.
            GroupState::Stable | GroupState::CompletingRebalance => {
                self.rebalance_if_possible(surroundings, commands);
            }
            GroupState::PreparingRebalance | GroupState::Empty | GroupState::Dead => {}
        }
    }

    fn rename_static(
        &mut self,
        instance_id: &InstanceId,
        old_id: &MemberId,
        new_id: &MemberId,
        commands: &mut Vec<Command>,
    ) {
        let Some(mut member) = self.members.remove(old_id) else {
            return;
        };
        answer_join_error(&mut member, GroupError::FencedInstanceId, commands);
        answer_sync_error(&mut member, GroupError::FencedInstanceId, commands);
        member.member_id = new_id.clone();
        self.members.insert(new_id.clone(), member);
        self.static_members.insert(instance_id.clone(), new_id.clone());
        if self.pending_sync.remove(old_id) {
            self.pending_sync.insert(new_id.clone());
        }
        if self.is_leader(old_id) {
            self.leader = Some(new_id.clone());
        }
    }

    /// The new id of a static member is on disk, or could not be written.
    pub(super) fn static_member_persisted(
        &mut self,
        member_id: &MemberId,
        leader_told: Option<MemberId>,
        result: Result<(), GroupError>,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) {
        if self.state != GroupState::Stable {
            // A rebalance began meanwhile; its end answers.
            return;
        }
        if let Err(error) = result {
            if let Some(member) = self.members.get_mut(member_id) {
                answer_join_error(member, error, commands);
                member.session_deadline_ms = Some(surroundings.now.after(member.session_timeout_ms));
            }
            return;
        }
        let mut joined = self.joined(member_id);
        match leader_told {
            Some(leader) => {
                joined.leader = leader;
                joined.members = Vec::new();
            }
            None => joined.skip_assignment = self.is_leader(member_id),
        }
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        member.is_new = false;
        member.session_deadline_ms = Some(surroundings.now.after(member.session_timeout_ms));
        if let Some(reply) = member.awaiting_join.take() {
            let answer = JoinAnswer {
                member_id: member_id.clone(),
                result: Ok(joined),
            };
            commands.push(Command::AnswerJoin { reply, answer });
        }
    }
}

/// A refusal of JoinGroup.
enum Refusal {
    Plain(GroupError),
    /// Join again, under this id.
    UseMemberId(MemberId),
}

impl From<GroupError> for Refusal {
    fn from(error: GroupError) -> Self {
        Self::Plain(error)
    }
}
