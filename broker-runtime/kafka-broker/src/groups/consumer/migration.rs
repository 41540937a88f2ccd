//! A group with members changes its protocol (KIP-848, `group.consumer.migration.policy`): to the consumer protocol when the
//! first member of it joins, back when the last one has gone. Members keep their ids and what they have.
//!
//! * To the consumer protocol: the generation becomes the epoch, and every member has what its leader assigned last; what it
//!   had beside that when it joined it still has to give up, for it may not have heard of the assignment yet (Kafka does not
//!   look at that). Who waits for JoinGroup or SyncGroup is told to join again.
//! * Back: the newest epoch of a member becomes the generation, so that members that have it go on without losing anything; a
//!   rebalance follows at once. Its record names no leader, by which a coordinator that reads it later knows that
//!   the rebalance is still due.

use super::{
    classic::assignment_of,
    group::{ConsumerGroup, World, member_tombstones},
    member::ConsumerMember,
    partitions::{HeldPartitions, Partitions},
    record::{ClassicMember, ConsumerRecord, CurrentAssignment, MemberMetadata, MemberState},
};
use crate::{
    coordinator::RecordFormatError,
    groups::{
        embedded_protocol::{EmbeddedSubscription, read_assignment},
        error::GroupError,
        group::{CONSUMER_PROTOCOL_TYPE, ClassicGroup, GroupState},
        ids::MemberId,
        member::Member,
    },
};

/// Which changes `group.consumer.migration.policy` allows while a group has members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MigrationPolicy {
    Bidirectional,
    Upgrade,
    Downgrade,
    Disabled,
}

impl MigrationPolicy {
    /// The policy of this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "bidirectional" => Self::Bidirectional,
            "upgrade" => Self::Upgrade,
            "downgrade" => Self::Downgrade,
            "disabled" => Self::Disabled,
            _ => return None,
        })
    }

    pub(crate) fn lets_upgrade(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Upgrade)
    }

    pub(crate) fn lets_downgrade(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Downgrade)
    }
}

impl ConsumerGroup {
    /// The consumer group that a classic group with members becomes.
    pub(crate) fn from_classic(classic: &ClassicGroup, world: World<'_>) -> Result<Self, GroupError> {
        let is_refused = !world.config.migration_policy.lets_upgrade()
            || classic.state() == GroupState::Dead
            || !classic.uses_consumer_protocol()
            || classic.members().count() > world.config.members_max;
        if is_refused {
            return Err(GroupError::GroupIdNotFound);
        }
        let mut group = Self::new(classic.group_id().clone(), world.now);
        group.epoch = classic.generation;
        group.target_epoch = classic.generation;
        let mut before = Vec::new();
        for member in classic.members() {
            let taken = group.take_in(member, classic.protocol_name(), world);
            let owned = taken.map_err(|_| GroupError::GroupIdNotFound)?;
            // Two members may have a partition: their assignor means something that ours do not do.
            before.push((&member.member_id, owned.ok_or(GroupError::GroupIdNotFound)?));
        }
        for (member_id, owned) in before {
            group.have_revoked(member_id, &owned);
        }
        let deadlines = group.members.values().map(ConsumerMember::next_deadline_ms);
        group.wakes_at_ms = deadlines.min().unwrap_or(i64::MAX);
        Ok(group)
    }

    /// Takes a member of a classic group in, with what it was assigned. Gives what it had when it joined; `None` when another one
    /// has something of what it is assigned.
    fn take_in(
        &mut self,
        member: &Member,
        protocol: Option<&str>,
        world: World<'_>,
    ) -> Result<Option<Partitions>, RecordFormatError> {
        let spoken = member.protocols.iter().find(|offered| Some(&*offered.name) == protocol);
        let spoken = spoken
            .or(member.protocols.first())
            .ok_or(RecordFormatError::Truncated)?;
        let subscription = EmbeddedSubscription::read(&spoken.metadata)?;
        let assigned = self.by_id(&read_assignment(&member.assignment)?, world);
        if assigned.iter().any(|partition| self.owners.contains_key(&partition)) {
            return Ok(None);
        }
        let owned = self.by_id(&subscription.owned, world);
        let metadata = MemberMetadata {
            instance_id: member.instance_id.clone(),
            rack_id: subscription.rack_id,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            topics: subscription.topics,
            regex: None,
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            server_assignor: None,
            classic: Some(ClassicMember {
                session_timeout_ms: member.session_timeout_ms,
                protocols: member.protocols.clone(),
            }),
        };
        self.set_metadata(&member.member_id, metadata, world);
        let mut held = HeldPartitions::default();
        for (topic_id, partition) in assigned.iter() {
            held.insert(topic_id, partition, self.epoch);
        }
        let current = CurrentAssignment {
            epoch: self.epoch,
            previous_epoch: self.epoch,
            state: MemberState::Stable,
            assigned: held,
            revoking: HeldPartitions::default(),
        };
        self.set_current(&member.member_id, current);
        self.targets.insert(member.member_id.clone(), assigned);
        Ok(Some(owned))
    }

    /// Has a member give up what it had and nobody is assigned.
    fn have_revoked(&mut self, member_id: &MemberId, owned: &Partitions) {
        let Some(member) = self.members.get(member_id) else {
            return;
        };
        let mut current = member.current.clone();
        for (topic_id, partition) in owned.iter() {
            if !self.owners.contains_key(&(topic_id, partition)) {
                current.revoking.insert(topic_id, partition, self.epoch);
                current.state = MemberState::UnrevokedPartitions;
            }
        }
        self.set_current(member_id, current);
    }

    /// True when only members of the classic protocol are left, and the policy lets them go back.
    pub(crate) fn is_to_be_classic(&self, members_max: usize, world: World<'_>) -> bool {
        world.config.migration_policy.lets_downgrade()
            && !self.members.is_empty()
            && self.members.len() <= members_max
            && self.members.values().all(ConsumerMember::is_classic)
    }

    /// The classic group that this one becomes; a rebalance has to follow.
    pub(crate) fn to_classic(&self, world: World<'_>) -> ClassicGroup {
        let mut classic = ClassicGroup::new(self.group_id.clone(), world.now);
        classic.state = GroupState::Stable;
        let epochs = self.members.values().map(|member| member.current.epoch);
        classic.generation = epochs.max().unwrap_or(self.target_epoch).max(1);
        for (member_id, member) in &self.members {
            let said = member.metadata.classic.clone().unwrap_or_default();
            let first = said.protocols.first();
            let spoken = first.and_then(|first| EmbeddedSubscription::read(&first.metadata).ok());
            let version = spoken.map_or(0, |subscription| subscription.version);
            let member = Member {
                member_id: member_id.clone(),
                instance_id: member.metadata.instance_id.clone(),
                client_id: member.metadata.client_id.clone(),
                client_host: member.metadata.client_host.clone(),
                rebalance_timeout_ms: member.metadata.rebalance_timeout_ms,
                session_timeout_ms: said.session_timeout_ms,
                protocols: said.protocols,
                assignment: assignment_of(&member.current.assigned.partitions(), version, world),
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
                session_deadline_ms: Some(world.now.after(said.session_timeout_ms)),
            };
            classic.add_member(member, CONSUMER_PROTOCOL_TYPE.into());
        }
        classic.leader = None;
        classic.protocol_name = classic.select_protocol();
        classic
    }

    /// What removes the group from the log, with its members.
    pub(crate) fn all_tombstones(&self) -> Vec<ConsumerRecord> {
        let mut records: Vec<_> = self.members.keys().flat_map(member_tombstones).collect();
        records.extend(self.tombstones());
        records
    }
}
