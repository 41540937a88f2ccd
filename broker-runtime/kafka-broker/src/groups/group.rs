//! The classic consumer group as a plain value: events and a moment go in, the new state and commands come out. Nothing
//! here waits, reads a clock or writes; `shard.rs` owns each live group and carries its commands out. The rules are those
//! of Kafka's `ClassicGroup` and `GroupMetadataManager`; `rebalance.rs`, `join.rs`, `sync.rs` and `membership.rs` hold
//! the events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    command::{Command, JoinAnswer, Purpose, Surroundings},
    error::GroupError,
    ids::{GroupId, InstanceId, MemberId},
    member::{Member, MemberProtocol},
    record_format::{GroupMetadata, GroupMetadataMember},
};
use crate::coordinator::Moment;

/// The name of the protocol type that consumers use.
pub(crate) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// State of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupState {
    /// No members; it may hold offsets.
    Empty,
    /// Members are called to join; JoinGroup waits.
    PreparingRebalance,
    /// The generation stands, the leader computes the assignment; SyncGroup waits.
    CompletingRebalance,
    /// The assignment is on disk and the members have it.
    Stable,
    /// Being deleted; nobody gets in.
    Dead,
}

impl GroupState {
    /// All there are.
    pub(crate) const ALL: [Self; 5] = [
        Self::Empty,
        Self::PreparingRebalance,
        Self::CompletingRebalance,
        Self::Stable,
        Self::Dead,
    ];

    /// The state's name in Kafka's protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// The join phase that is going on.
#[derive(Clone, Copy, Debug)]
pub(super) struct JoinPhase {
    pub(super) deadline_ms: i64,
    /// Set in the first join phase of an empty group, which ends by its delay and not when all are there (KIP-134).
    pub(super) initial: Option<InitialDelay>,
}

/// What is left of `group.initial.rebalance.delay.ms`.
#[derive(Clone, Copy, Debug)]
pub(super) struct InitialDelay {
    pub(super) remaining_ms: i32,
    pub(super) member_added: bool,
}

/// A classic consumer group.
///
/// ```text
///             join                         all joined, or deadline
///   Empty ───────────► PreparingRebalance ────────────────────────► CompletingRebalance
///    │ ▲                 ▲  ▲      │                                   │           │
///    │ └─────────────────┼──┼──────┘ deadline, nobody left             │           │ leader's sync is on disk
///    │                   │  └──────────────────────────────────────────┘           ▼
///    │ delete            │        join, leave, expiry, no sync in time          Stable
///    ▼                   └─────────────────────────────────────────────────────────┘
///   Dead                           join with other protocols, leave, expiry
/// ```
///
/// Invariants: a generation has one assignment, and members hear of it only once it is on disk; so two members never own
/// a partition in one generation, whichever broker coordinates. Every request that waits is answered: by completion, by
/// the next state, or by `resign`.
#[derive(Clone, Debug)]
pub(crate) struct ClassicGroup {
    pub(super) group_id: GroupId,
    pub(super) state: GroupState,
    /// When it got into this state, on the wall clock.
    pub(super) state_since_ms: i64,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol_name: Option<Arc<str>>,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    /// Which member speaks for an instance id.
    pub(super) static_members: BTreeMap<InstanceId, MemberId>,
    /// Ids that were given out and not used yet, with the deadline to do so.
    pub(super) pending_members: BTreeMap<MemberId, i64>,
    /// `Some` exactly in PreparingRebalance.
    pub(super) join_phase: Option<JoinPhase>,
    /// Members that joined this generation and have not asked for their assignment.
    pub(super) pending_sync: BTreeSet<MemberId>,
    /// When those are given up.
    pub(super) sync_deadline_ms: Option<i64>,
    /// The assignment of this generation is on its way to the disk. A leader that repeats its SyncGroup meanwhile only
    /// waits: a second assignment of one generation could come back after a failure, when the first has been told.
    pub(super) assignment_in_flight: bool,
}

impl ClassicGroup {
    /// A group nobody has joined.
    pub(crate) fn new(group_id: GroupId, now: Moment) -> Self {
        Self {
            group_id,
            state: GroupState::Empty,
            state_since_ms: now.wall_ms,
            generation: 0,
            protocol_type: None,
            protocol_name: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_members: BTreeMap::new(),
            join_phase: None,
            pending_sync: BTreeSet::new(),
            sync_deadline_ms: None,
            assignment_in_flight: false,
        }
    }

    /// The group as it was last written. Members keep their ids, and get a whole session to show up.
    pub(crate) fn restore(group_id: GroupId, metadata: GroupMetadata, now: Moment) -> Self {
        let mut group = Self::new(group_id, now);
        if !metadata.members.is_empty() {
            group.state = GroupState::Stable;
        }
        if metadata.current_state_timestamp_ms >= 0 {
            group.state_since_ms = metadata.current_state_timestamp_ms;
        }
        group.generation = metadata.generation;
        group.protocol_type = Some(metadata.protocol_type).filter(|kind| !kind.is_empty());
        group.protocol_name = metadata.protocol.clone();
        group.leader = metadata.leader;
        for written in metadata.members {
            let member = Member {
                protocols: vec![MemberProtocol {
                    name: metadata.protocol.clone().unwrap_or_else(|| Arc::from("")),
                    metadata: written.subscription,
                }],
                session_deadline_ms: Some(now.after(written.session_timeout_ms)),
                member_id: written.member_id,
                instance_id: written.group_instance_id,
                client_id: written.client_id,
                client_host: written.client_host,
                rebalance_timeout_ms: written.rebalance_timeout_ms,
                session_timeout_ms: written.session_timeout_ms,
                assignment: written.assignment,
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
            };
            if let Some(instance_id) = &member.instance_id {
                group
                    .static_members
                    .insert(instance_id.clone(), member.member_id.clone());
            }
            group.members.insert(member.member_id.clone(), member);
        }
        if group.leader.is_none() && group.state == GroupState::Stable {
            // It was a consumer group before, and the rebalance that follows was cut off.
            group.begin_rebalance_after_restore(now);
        }
        group
    }

    pub(crate) fn group_id(&self) -> &GroupId {
        &self.group_id
    }

    pub(crate) fn state(&self) -> GroupState {
        self.state
    }

    pub(crate) fn state_since_ms(&self) -> i64 {
        self.state_since_ms
    }

    pub(crate) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub(crate) fn protocol_name(&self) -> Option<&str> {
        self.protocol_name.as_deref()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    pub(crate) fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// True when dropping the value loses nothing that clients may still refer to.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.state == GroupState::Empty && self.pending_members.is_empty()
    }

    /// True for a group that exists in memory only because somebody committed offsets or asked for a member id: Kafka
    /// has no record of it either.
    pub(crate) fn was_never_written(&self) -> bool {
        self.generation == 0
    }

    /// Closes an empty group, so that it can be deleted; [`Self::reopen`] takes it back.
    pub(crate) fn close(&mut self, now: Moment) -> Result<(), GroupError> {
        match self.state {
            GroupState::Empty => {
                self.enter(GroupState::Dead, now);
                Ok(())
            }
            GroupState::Dead => Err(GroupError::GroupIdNotFound),
            _ => Err(GroupError::NonEmptyGroup),
        }
    }

    /// Takes back [`Self::close`]: the tombstones could not be written.
    pub(crate) fn reopen(&mut self, now: Moment) {
        debug_assert!(self.state == GroupState::Dead, "only a closed group is opened again");
        self.enter(GroupState::Empty, now);
    }

    /// Answers all that wait: this broker no longer coordinates the group.
    pub(crate) fn resign(&mut self, commands: &mut Vec<Command>) {
        self.dismiss(GroupError::NotCoordinator, commands);
        self.state = GroupState::Dead;
    }

    /// Answers all that wait with an error.
    pub(crate) fn dismiss(&mut self, error: GroupError, commands: &mut Vec<Command>) {
        for member in self.members.values_mut() {
            answer_join_error(member, error, commands);
            answer_sync_error(member, error, commands);
        }
    }

    /// The record that brings the group back after a failure, with `assignments` instead of what members have now.
    pub(super) fn metadata_with(&self, assignments: Option<&BTreeMap<MemberId, Bytes>>) -> GroupMetadata {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let members = self.members.values().map(|member| GroupMetadataMember {
            member_id: member.member_id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(protocol),
            assignment: match assignments {
                Some(assignments) => assignments.get(&member.member_id).cloned().unwrap_or_default(),
                None => member.assignment.clone(),
            },
        });
        GroupMetadata {
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| Arc::from("")),
            generation: self.generation,
            protocol: self.protocol_name.clone(),
            leader: self.leader.clone(),
            current_state_timestamp_ms: self.state_since_ms,
            members: members.collect(),
        }
    }

    pub(super) fn enter(&mut self, state: GroupState, now: Moment) {
        self.state = state;
        self.state_since_ms = now.wall_ms;
    }

    /// The longest time any member takes to come back to a rebalance.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members
            .values()
            .map(|member| member.rebalance_timeout_ms)
            .max()
            .unwrap_or(0)
    }

    /// True when a member with these protocols can be in the group.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[MemberProtocol]) -> bool {
        if self.members.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type() == Some(protocol_type) && protocols.iter().any(|offered| self.all_offer(&offered.name))
    }

    fn all_offer(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.offers(protocol))
    }

    /// The protocol of the next generation: each member votes for the first one it lists that all members offer. Among
    /// equals the one that the first member prefers wins, so that every replay chooses alike.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        let first = self.members.values().next()?;
        let mut best: Option<(usize, &Arc<str>)> = None;
        for candidate in first.protocols.iter().map(|offered| &offered.name) {
            if !self.all_offer(candidate) {
                continue;
            }
            let votes = self
                .members
                .values()
                .filter(|member| self.vote(member) == Some(candidate))
                .count();
            if best.is_none_or(|(most, _)| votes > most) {
                best = Some((votes, candidate));
            }
        }
        best.map(|(_, name)| name.clone())
    }

    fn vote<'a>(&self, member: &'a Member) -> Option<&'a Arc<str>> {
        member
            .protocols
            .iter()
            .map(|offered| &offered.name)
            .find(|name| self.all_offer(name))
    }

    pub(super) fn is_leader(&self, member_id: &MemberId) -> bool {
        self.leader.as_ref() == Some(member_id)
    }

    /// Takes the member in; the first one leads and decides the protocol type.
    pub(super) fn add_member(&mut self, member: Member, protocol_type: Arc<str>) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type);
        }
        self.leader.get_or_insert_with(|| member.member_id.clone());
        self.pending_members.remove(&member.member_id);
        if let Some(instance_id) = &member.instance_id {
            self.static_members
                .insert(instance_id.clone(), member.member_id.clone());
        }
        self.members.insert(member.member_id.clone(), member);
    }

    /// Forgets the member; what it waited for is answered with UNKNOWN_MEMBER_ID, on which clients join anew.
    pub(super) fn remove_member(&mut self, member_id: &MemberId, commands: &mut Vec<Command>) {
        let Some(mut member) = self.members.remove(member_id) else {
            return;
        };
        answer_join_error(&mut member, GroupError::UnknownMemberId, commands);
        answer_sync_error(&mut member, GroupError::UnknownMemberId, commands);
        if let Some(instance_id) = &member.instance_id
            && self.static_members.get(instance_id) == Some(member_id)
        {
            self.static_members.remove(instance_id);
        }
        self.pending_sync.remove(member_id);
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// Restarts the member's session.
    pub(super) fn renew_session(&mut self, member_id: &MemberId, surroundings: Surroundings<'_>) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.session_deadline_ms = Some(surroundings.now.after(member.session_timeout_ms));
        }
    }

    /// Whether the one who speaks is a member, under its current id.
    pub(super) fn check_member(
        &self,
        member_id: &MemberId,
        instance_id: Option<&InstanceId>,
    ) -> Result<(), GroupError> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                Some(current) if current != member_id => return Err(GroupError::FencedInstanceId),
                Some(_) => {}
                None => return Err(GroupError::UnknownMemberId),
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(GroupError::UnknownMemberId)
        }
    }

    /// The earliest moment at which [`Self::tick`] has something to do.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        let sessions = self.members.values().filter_map(Member::expires_at_ms);
        let pending = self.pending_members.values().copied();
        let phases = self
            .join_phase
            .map(|phase| phase.deadline_ms)
            .into_iter()
            .chain(self.sync_deadline_ms);
        sessions.chain(pending).chain(phases).min()
    }

    /// Hears how a [`Command::Persist`] ended.
    pub(crate) fn persisted(
        &mut self,
        purpose: Purpose,
        result: Result<(), GroupError>,
        surroundings: Surroundings<'_>,
    ) -> Vec<Command> {
        let mut commands = Vec::new();
        match purpose {
            Purpose::Empty => {}
            Purpose::Assignment {
                generation,
                assignments,
            } => {
                self.assignment_persisted(generation, assignments, result, surroundings, &mut commands);
            }
            Purpose::StaticMemberReturned {
                instance_id,
                new_member_id,
                leader_before,
                supports_skipping_assignment,
            } => {
                if self.static_members.get(&instance_id) == Some(&new_member_id) {
                    let leader_before = (!supports_skipping_assignment).then_some(leader_before);
                    self.static_member_persisted(&new_member_id, leader_before, result, surroundings, &mut commands);
                }
            }
        }
        self.settle(surroundings, &mut commands);
        commands
    }
}

/// Answers the member's waiting JoinGroup with an error, if there is one.
pub(super) fn answer_join_error(member: &mut Member, error: GroupError, commands: &mut Vec<Command>) {
    if let Some(reply) = member.awaiting_join.take() {
        let answer = JoinAnswer {
            member_id: member.member_id.clone(),
            result: Err(error),
        };
        commands.push(Command::AnswerJoin { reply, answer });
    }
}

/// Answers the member's waiting SyncGroup with an error, if there is one. Its session, which stood still, has to be
/// started again by whatever follows.
pub(super) fn answer_sync_error(member: &mut Member, error: GroupError, commands: &mut Vec<Command>) {
    if let Some(reply) = member.awaiting_sync.take() {
        member.session_deadline_ms = None;
        commands.push(Command::AnswerSync {
            reply,
            result: Err(error),
        });
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod model;
