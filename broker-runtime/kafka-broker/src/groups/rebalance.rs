//! Rebalances and the passing of time: how a join phase starts and ends, who is given up when.

use super::{
    command::{Command, JoinAnswer, Joined, JoinedMember, Purpose, Surroundings},
    error::GroupError,
    group::{ClassicGroup, GroupState, InitialDelay, JoinPhase, answer_sync_error},
    ids::MemberId,
};
use crate::coordinator::Moment;

impl ClassicGroup {
    /// Lets time pass: gives up members, ends phases. Harmless at any moment.
    pub(crate) fn tick(&mut self, surroundings: Surroundings<'_>) -> Vec<Command> {
        let mut commands = Vec::new();
        self.settle(surroundings, &mut commands);
        commands
    }

    /// Calls all members to join: the group has been one of the consumer protocol until now.
    pub(crate) fn call_all(&mut self, surroundings: Surroundings<'_>) -> Vec<Command> {
        let mut commands = Vec::new();
        self.rebalance_if_possible(surroundings, &mut commands);
        self.settle(surroundings, &mut commands);
        commands
    }

    /// The same for a group that was read from the log.
    pub(super) fn begin_rebalance_after_restore(&mut self, now: Moment) {
        self.join_phase = Some(JoinPhase {
            deadline_ms: now.after(self.rebalance_timeout_ms()),
            initial: None,
        });
        self.state = GroupState::PreparingRebalance;
    }

    /// Does what is due. Ends: every round either removes a deadline that has passed, or moves one into the future.
    pub(super) fn settle(&mut self, surroundings: Surroundings<'_>, commands: &mut Vec<Command>) {
        let now_ms = surroundings.now.monotonic_ms;
        self.pending_members.retain(|_, deadline_ms| *deadline_ms > now_ms);
        self.expire_sessions(surroundings, commands);
        if self.sync_deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms) {
            self.expire_pending_sync(surroundings, commands);
        }
        if let Some(phase) = self.join_phase {
            let everybody_joined = phase.initial.is_none() && self.everybody_joined();
            if everybody_joined || phase.deadline_ms <= now_ms {
                self.end_join_phase(phase, surroundings, commands);
            }
        }
    }

    fn everybody_joined(&self) -> bool {
        self.pending_members.is_empty() && self.members.values().all(|member| member.awaiting_join.is_some())
    }

    fn expire_sessions(&mut self, surroundings: Surroundings<'_>, commands: &mut Vec<Command>) {
        let now_ms = surroundings.now.monotonic_ms;
        let is_due = |deadline_ms: i64| deadline_ms <= now_ms;
        let expired = self
            .members
            .values()
            .filter(|member| member.expires_at_ms().is_some_and(is_due));
        let expired: Vec<MemberId> = expired.map(|member| member.member_id.clone()).collect();
        for member_id in expired {
            self.remove_and_rebalance(&member_id, surroundings, commands);
        }
    }

    fn expire_pending_sync(&mut self, surroundings: Surroundings<'_>, commands: &mut Vec<Command>) {
        self.sync_deadline_ms = None;
        for member_id in std::mem::take(&mut self.pending_sync) {
            self.remove_member(&member_id, commands);
        }
        self.rebalance_if_possible(surroundings, commands);
    }

    /// Removes a member that left or was given up.
    pub(super) fn remove_and_rebalance(
        &mut self,
        member_id: &MemberId,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) {
        if !self.members.contains_key(member_id) {
            return;
        }
        self.remove_member(member_id, commands);
        if matches!(self.state, GroupState::Stable | GroupState::CompletingRebalance) {
            self.rebalance_if_possible(surroundings, commands);
        }
    }

    /// Calls all members to join, unless they are being called already.
    pub(super) fn rebalance_if_possible(&mut self, surroundings: Surroundings<'_>, commands: &mut Vec<Command>) {
        match self.state {
            GroupState::Empty | GroupState::CompletingRebalance | GroupState::Stable => {}
            GroupState::PreparingRebalance | GroupState::Dead => return,
        }
        for member in self.members.values_mut() {
            answer_sync_error(member, GroupError::RebalanceInProgress, commands);
            // An answer that was owed held the session; from here on heartbeats count again.
            if member.awaiting_join.is_none() && member.session_deadline_ms.is_none() {
                member.session_deadline_ms = Some(surroundings.now.after(member.session_timeout_ms));
            }
        }
        self.pending_sync.clear();
        self.sync_deadline_ms = None;
        let timeout_ms = self.rebalance_timeout_ms();
        self.join_phase = Some(if self.state == GroupState::Empty {
            let delay_ms = surroundings.config.initial_rebalance_delay_ms.max(0);
            JoinPhase {
                deadline_ms: surroundings.now.after(delay_ms),
                initial: Some(InitialDelay {
                    remaining_ms: timeout_ms.saturating_sub(delay_ms).max(0),
                    member_added: false,
                }),
            }
        } else {
            JoinPhase {
                deadline_ms: surroundings.now.after(timeout_ms),
                initial: None,
            }
        });
        self.enter(GroupState::PreparingRebalance, surroundings.now);
    }

    fn end_join_phase(&mut self, phase: JoinPhase, surroundings: Surroundings<'_>, commands: &mut Vec<Command>) {
        if let Some(initial) = phase.initial
            && initial.member_added
            && initial.remaining_ms > 0
        {
            let delay_ms = surroundings
                .config
                .initial_rebalance_delay_ms
                .clamp(0, initial.remaining_ms);
            self.join_phase = Some(JoinPhase {
                deadline_ms: surroundings.now.after(delay_ms),
                initial: Some(InitialDelay {
                    remaining_ms: initial.remaining_ms - delay_ms,
                    member_added: false,
                }),
            });
            return;
        }
        self.drop_dynamic_members_that_did_not_join(commands);
        if self.members.is_empty() {
            self.finish_empty(surroundings, commands);
        } else if self.elect_joined_leader() {
            self.start_generation(surroundings, commands);
        } else {
            // Only static members are left and none has joined: their sessions decide.
            self.join_phase = Some(JoinPhase {
                deadline_ms: surroundings.now.after(self.rebalance_timeout_ms().max(1)),
                initial: None,
            });
        }
    }

    fn drop_dynamic_members_that_did_not_join(&mut self, commands: &mut Vec<Command>) {
        let absent = self
            .members
            .values()
            .filter(|member| member.awaiting_join.is_none() && member.instance_id.is_none());
        let absent: Vec<MemberId> = absent.map(|member| member.member_id.clone()).collect();
        for member_id in absent {
            self.remove_member(&member_id, commands);
        }
    }

    fn finish_empty(&mut self, surroundings: Surroundings<'_>, commands: &mut Vec<Command>) {
        self.join_phase = None;
        self.generation = next_generation(self.generation);
        self.protocol_name = None;
        self.leader = None;
        self.enter(GroupState::Empty, surroundings.now);
        commands.push(Command::Persist {
            metadata: self.metadata_with(None),
            purpose: Purpose::Empty,
        });
    }

    /// Makes sure that the leader is one that has joined; false when nobody has.
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |id: &MemberId| {
            self.members
                .get(id)
                .is_some_and(|member| member.awaiting_join.is_some())
        };
        if self.leader.as_ref().is_some_and(joined) {
            return true;
        }
        let candidate = self.members.values().find(|member| member.awaiting_join.is_some());
        let Some(candidate) = candidate.map(|member| member.member_id.clone()) else {
            return false;
        };
        self.leader = Some(candidate);
        true
    }

    fn start_generation(&mut self, surroundings: Surroundings<'_>, commands: &mut Vec<Command>) {
        self.join_phase = None;
        self.generation = next_generation(self.generation);
        self.assignment_in_flight = false;
        self.protocol_name = self.select_protocol();
        self.enter(GroupState::CompletingRebalance, surroundings.now);
        self.pending_sync = self.members.keys().cloned().collect();
        self.sync_deadline_ms = Some(surroundings.now.after(self.rebalance_timeout_ms()));
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            self.answer_join(&member_id, surroundings, commands);
        }
    }

    /// Answers the member's waiting JoinGroup with the current generation and starts its session.
    pub(super) fn answer_join(
        &mut self,
        member_id: &MemberId,
        surroundings: Surroundings<'_>,
        commands: &mut Vec<Command>,
    ) {
        let joined = self.joined(member_id);
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

    /// What JoinGroup tells this member in the current generation.
    pub(super) fn joined(&self, member_id: &MemberId) -> Joined {
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone().unwrap_or_else(|| MemberId::new("")),
            skip_assignment: false,
            members: if self.is_leader(member_id) {
                self.joined_members()
            } else {
                Vec::new()
            },
        }
    }

    fn joined_members(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let members = self.members.values().map(|member| JoinedMember {
            member_id: member.member_id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        });
        members.collect()
    }
}

/// Generations start anew after the largest, as Kafka's do: they only have to differ from their neighbours.
fn next_generation(generation: i32) -> i32 {
    generation.checked_add(1).unwrap_or(1)
}
