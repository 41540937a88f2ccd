//! A consumer group as a plain value: events, a moment and the metadata go in, the new state and records come out. The group
//! changes at once; what it says is told only when the records are on disk, in the order of the events. When a record could
//! not be written, the next write has all of the group again ([`ConsumerGroup::write_failed`]).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use kafka_metadata::{MetadataImage, MetadataOffset};
use uuid::Uuid;

use super::{
    assignor::{Assignor, Reader},
    heartbeat::HeartbeatAnswer,
    member::ConsumerMember,
    partitions::Partitions,
    record::{ConsumerRecord, CurrentAssignment, GroupEpoch, MemberMetadata, MemberState, ResolvedRegex, TargetEpoch},
    settings::ConsumerConfig,
};
use crate::{
    coordinator::Moment,
    groups::{
        command::Speaker,
        error::GroupError,
        ids::{GroupId, InstanceId, MemberId},
    },
};

/// The epoch of a group with its first member, as in Kafka.
const FIRST_EPOCH: i32 = 2;

/// State of a consumer group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConsumerGroupState {
    /// No members; it may hold offsets.
    Empty,
    /// The target is of an epoch before.
    Assigning,
    /// Members are on their way to the target.
    Reconciling,
    /// All members have what they are to have.
    Stable,
    /// Being deleted; nobody gets in.
    Dead,
}

impl ConsumerGroupState {
    /// The state's name in Kafka's protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// What a group needs to know of the world to handle one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'a> {
    pub(crate) config: &'a ConsumerConfig,
    pub(crate) image: &'a MetadataImage,
    pub(crate) now: Moment,
}

impl World<'_> {
    /// When a member of this group that is heard of now has to be heard of again. Those of the classic protocol choose it.
    pub(super) fn session_deadline_ms(&self, group_id: &GroupId, member: &MemberMetadata) -> i64 {
        let chosen = member.classic.as_ref().map(|classic| classic.session_timeout_ms);
        let timeout_ms = chosen.unwrap_or_else(|| self.config.session_timeout_ms.of(self.image, group_id.as_str()));
        self.now.after(timeout_ms)
    }
}

/// What an event leads to: records to append together, and what its sender hears once they are on disk.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) records: Vec<ConsumerRecord>,
    pub(crate) answer: HeartbeatAnswer,
}

/// A consumer group.
///
/// Invariants: a partition is assigned to a member only while no other has it or still has to give it up (`owners`), so two
/// members never own one, whatever the target says. Epochs only grow. `targets` has only members.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerGroup {
    pub(super) group_id: GroupId,
    /// Grows with every change of members, of what they read, and of the topics.
    pub(super) epoch: i32,
    pub(super) metadata_hash: i64,
    pub(super) members: BTreeMap<MemberId, ConsumerMember>,
    /// Which member speaks for an instance id.
    pub(super) static_members: BTreeMap<InstanceId, MemberId>,
    /// The epoch of the group that `targets` is for.
    pub(super) target_epoch: i32,
    /// When `targets` was computed, on the wall clock; 0 when it never was.
    pub(super) assigned_at_ms: i64,
    pub(super) targets: BTreeMap<MemberId, Partitions>,
    pub(super) regexes: BTreeMap<Arc<str>, ResolvedRegex>,
    /// Who has a partition, or still has to give it up.
    pub(super) owners: HashMap<(Uuid, i32), MemberId>,
    /// The metadata that `metadata_hash` was last compared with.
    pub(super) looked_at: Option<MetadataOffset>,
    /// Since when it has no members, on the wall clock.
    pub(super) emptied_ms: i64,
    closed: bool,
    /// No deadline of a member is earlier, on the monotonic clock; [`Self::tick`] makes it exact.
    pub(super) wakes_at_ms: i64,
    /// `Some` when the log does not have all of the group: the members that were removed and may still be in it.
    unsaved: Option<BTreeSet<MemberId>>,
}

impl ConsumerGroup {
    /// A group nobody has joined.
    pub(crate) fn new(group_id: GroupId, now: Moment) -> Self {
        Self {
            group_id,
            epoch: 0,
            metadata_hash: 0,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            target_epoch: 0,
            assigned_at_ms: 0,
            targets: BTreeMap::new(),
            regexes: BTreeMap::new(),
            owners: HashMap::new(),
            looked_at: None,
            emptied_ms: now.wall_ms,
            closed: false,
            wakes_at_ms: i64::MAX,
            unsaved: None,
        }
    }

    /// Takes in a record of the log; [`Self::loaded`] follows.
    pub(crate) fn replay(&mut self, record: ConsumerRecord, world: World<'_>) {
        match record {
            ConsumerRecord::Group(Some(GroupEpoch { epoch, metadata_hash })) => {
                (self.epoch, self.metadata_hash) = (epoch, metadata_hash);
            }
            ConsumerRecord::Member(member_id, Some(metadata)) => self.set_metadata(&member_id, metadata, world),
            ConsumerRecord::Member(member_id, None) => self.drop_member(&member_id),
            ConsumerRecord::TargetEpoch(Some(TargetEpoch { epoch, timestamp_ms })) => {
                (self.target_epoch, self.assigned_at_ms) = (epoch, timestamp_ms);
            }
            ConsumerRecord::Target(member_id, Some(target)) => drop(self.targets.insert(member_id, target)),
            ConsumerRecord::Target(member_id, None) => drop(self.targets.remove(&member_id)),
            ConsumerRecord::Current(member_id, Some(current)) => {
                // What it says of itself may come later: compaction keeps the newest of each, wherever it is.
                if !self.members.contains_key(&member_id) {
                    self.set_metadata(&member_id, MemberMetadata::default(), world);
                }
                self.set_current(&member_id, current);
            }
            ConsumerRecord::Current(member_id, None) => self.set_current(&member_id, CurrentAssignment::default()),
            ConsumerRecord::Regex(expression, Some(found)) => drop(self.regexes.insert(expression, found)),
            ConsumerRecord::Regex(expression, None) => drop(self.regexes.remove(&expression)),
            // The group is gone: the shard drops it.
            ConsumerRecord::Group(None) | ConsumerRecord::TargetEpoch(None) => {}
        }
    }

    pub(crate) fn group_id(&self) -> &GroupId {
        &self.group_id
    }

    pub(crate) fn state(&self) -> ConsumerGroupState {
        if self.closed {
            ConsumerGroupState::Dead
        } else if self.members.is_empty() {
            ConsumerGroupState::Empty
        } else if self.epoch > self.target_epoch {
            ConsumerGroupState::Assigning
        } else if self
            .members
            .values()
            .all(|member| member.has_reached(self.target_epoch))
        {
            ConsumerGroupState::Stable
        } else {
            ConsumerGroupState::Reconciling
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// True when it has this member, and the member uses the consumer protocol.
    pub(crate) fn has_consumer_member(&self, member_id: &MemberId) -> bool {
        self.members.get(member_id).is_some_and(|member| !member.is_classic())
    }

    /// True while it is being deleted.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// True for a group of which the log has no epoch.
    pub(crate) fn was_never_written(&self) -> bool {
        self.epoch == 0
    }

    /// Since when it has no members, on the wall clock.
    pub(crate) fn emptied_ms(&self) -> Option<i64> {
        self.members.is_empty().then_some(self.emptied_ms)
    }

    /// When [`Self::tick`] may have something to do, on the monotonic clock.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        (!self.members.is_empty()).then_some(self.wakes_at_ms)
    }

    /// All of the log was read: members have a whole session to show up from now on, and as long as they have said to give up
    /// what they are to give up.
    pub(crate) fn loaded(&mut self, world: World<'_>) {
        for member in self.members.values_mut() {
            let revokes = member.current.state == MemberState::UnrevokedPartitions;
            let revocation_ms = world.now.after(member.metadata.rebalance_timeout_ms);
            member.session_deadline_ms = world.session_deadline_ms(&self.group_id, &member.metadata);
            member.revocation_deadline_ms = revokes.then_some(revocation_ms);
        }
        let deadlines = self.members.values().map(ConsumerMember::next_deadline_ms);
        self.wakes_at_ms = deadlines.min().unwrap_or(i64::MAX);
    }

    /// Closes an empty group, so that it can be deleted; [`Self::reopen`] takes it back.
    pub(crate) fn close(&mut self) -> Result<(), GroupError> {
        match self.state() {
            ConsumerGroupState::Empty => {
                self.closed = true;
                Ok(())
            }
            ConsumerGroupState::Dead => Err(GroupError::GroupIdNotFound),
            _ => Err(GroupError::NonEmptyGroup),
        }
    }

    /// Takes back [`Self::close`]: the tombstones could not be written.
    pub(crate) fn reopen(&mut self) {
        self.closed = false;
    }

    /// What removes an empty group from the log.
    pub(crate) fn tombstones(&self) -> Vec<ConsumerRecord> {
        let regexes = self.regexes.keys();
        let mut records: Vec<_> = regexes
            .map(|expression| ConsumerRecord::Regex(Arc::clone(expression), None))
            .collect();
        for member_id in self.unsaved.iter().flatten() {
            records.extend(member_tombstones(member_id));
        }
        records.extend([ConsumerRecord::TargetEpoch(None), ConsumerRecord::Group(None)]);
        records
    }

    /// A write failed: nobody hears anything before all of the group is in the log.
    pub(crate) fn write_failed<'a>(&mut self, records: impl Iterator<Item = &'a ConsumerRecord>) {
        let removed = records.filter_map(|record| match record {
            ConsumerRecord::Member(member_id, None) => Some(member_id.clone()),
            _ => None,
        });
        self.unsaved.get_or_insert_default().extend(removed);
    }

    /// All of the group was written.
    pub(crate) fn all_written(&mut self) {
        self.unsaved = None;
    }

    /// True when the log does not have all of the group.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.unsaved.is_some()
    }

    /// All of the group, to write after a write that failed.
    pub(crate) fn all_records(&self) -> Vec<ConsumerRecord> {
        let removed = self.unsaved.iter().flatten();
        let removed = removed.filter(|member_id| !self.members.contains_key(*member_id));
        let mut records: Vec<_> = removed.flat_map(member_tombstones).collect();
        for (member_id, member) in &self.members {
            records.push(ConsumerRecord::Member(member_id.clone(), Some(member.metadata.clone())));
        }
        records.push(self.epoch_record());
        for (expression, found) in &self.regexes {
            records.push(ConsumerRecord::Regex(Arc::clone(expression), Some(found.clone())));
        }
        for (member_id, target) in &self.targets {
            records.push(ConsumerRecord::Target(member_id.clone(), Some(target.clone())));
        }
        records.push(ConsumerRecord::TargetEpoch(Some(TargetEpoch {
            epoch: self.target_epoch,
            timestamp_ms: self.assigned_at_ms,
        })));
        for (member_id, member) in &self.members {
            records.push(ConsumerRecord::Current(member_id.clone(), Some(member.current.clone())));
        }
        records
    }

    pub(super) fn epoch_record(&self) -> ConsumerRecord {
        ConsumerRecord::Group(Some(GroupEpoch {
            epoch: self.epoch,
            metadata_hash: self.metadata_hash,
        }))
    }

    /// Whether the one who speaks may commit offsets of these partitions, or fetch some (`partitions` is empty then). The epoch
    /// has to be the member's, or not before the one in which it got the partition (KIP-1251). Nobody's epoch is asked of the
    /// admin client, while the group is empty.
    pub(crate) fn check_commit(
        &self,
        speaker: &Speaker,
        mut partitions: impl Iterator<Item = (Uuid, i32)>,
    ) -> Result<(), GroupError> {
        if speaker.generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        let member = self
            .members
            .get(&speaker.member_id)
            .ok_or(GroupError::UnknownMemberId)?;
        if speaker.generation == member.current.epoch {
            return Ok(());
        }
        let got_before = |(topic_id, partition)| {
            let got = member.current.assigned.epoch_of(topic_id, partition);
            got.is_some_and(|epoch| epoch <= speaker.generation)
        };
        let is_late = speaker.generation >= 0 && speaker.generation < member.current.epoch;
        if is_late && partitions.all(got_before) {
            Ok(())
        } else if member.is_classic() {
            Err(GroupError::IllegalGeneration)
        } else {
            Err(GroupError::StaleMemberEpoch)
        }
    }

    /// Whether the one who speaks may fetch offsets.
    pub(crate) fn check_fetch(&self, member_id: &MemberId, epoch: i32) -> Result<(), GroupError> {
        if member_id.is_empty() && epoch < 0 {
            return Ok(());
        }
        let member = self.members.get(member_id).ok_or(GroupError::UnknownMemberId)?;
        if member.current.epoch == epoch {
            Ok(())
        } else if member.is_classic() {
            Err(GroupError::IllegalGeneration)
        } else {
            Err(GroupError::StaleMemberEpoch)
        }
    }

    /// The assignor that most members prefer; the first one that is configured where nobody says anything.
    pub(super) fn assignor(&self, config: &ConsumerConfig) -> Assignor {
        let mut votes: BTreeMap<Assignor, usize> = BTreeMap::new();
        let members = self.members.values();
        let wishes = members.filter_map(|member| Assignor::named(member.metadata.server_assignor.as_deref()?));
        for wish in wishes {
            *votes.entry(wish).or_default() += 1;
        }
        let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
        most.map_or(config.assignors[0], |(assignor, _)| assignor)
    }

    /// The group has changed: a target has to be computed.
    pub(super) fn begin_epoch(&mut self, records: &mut Vec<ConsumerRecord>) {
        self.epoch = i32::max(self.epoch + 1, FIRST_EPOCH);
        records.push(self.epoch_record());
    }

    /// Computes a target when the one there is belongs to an epoch before, and is old enough
    /// (`group.consumer.assignment.interval.ms`). Until then members stay with it.
    pub(super) fn assign_if_due(&mut self, world: World<'_>, records: &mut Vec<ConsumerRecord>) {
        let interval_ms = world
            .config
            .assignment_interval_ms
            .of(world.image, self.group_id.as_str());
        let is_old = world.now.wall_ms.saturating_sub(self.assigned_at_ms) >= i64::from(interval_ms);
        if self.epoch > self.target_epoch && (self.assigned_at_ms == 0 || is_old) {
            self.assign(world, records);
        }
    }

    /// Computes the target for the group as it is.
    fn assign(&mut self, world: World<'_>, records: &mut Vec<ConsumerRecord>) {
        let topics = self.partition_counts(world.image);
        let readers: Vec<_> = self
            .members
            .iter()
            .map(|(member_id, member)| Reader {
                member_id,
                instance_id: member.metadata.instance_id.as_ref(),
                topics: self.topic_ids_of(&member.metadata.topics, member.metadata.regex.as_ref(), world.image),
                before: self.targets.get(member_id),
            })
            .collect();
        for (member_id, target) in self.assignor(world.config).assign(&readers, &topics) {
            if self.targets.get(&member_id) != Some(&target) {
                records.push(ConsumerRecord::Target(member_id.clone(), Some(target.clone())));
                self.targets.insert(member_id, target);
            }
        }
        self.target_epoch = self.epoch;
        self.assigned_at_ms = world.now.wall_ms;
        records.push(ConsumerRecord::TargetEpoch(Some(TargetEpoch {
            epoch: self.target_epoch,
            timestamp_ms: world.now.wall_ms,
        })));
    }

    /// Takes what a member says of itself; who is new has nothing yet.
    pub(super) fn set_metadata(&mut self, member_id: &MemberId, metadata: MemberMetadata, world: World<'_>) {
        if let Some(instance_id) = &metadata.instance_id {
            self.static_members.insert(instance_id.clone(), member_id.clone());
        }
        match self.members.get_mut(member_id) {
            Some(member) => member.metadata = metadata,
            None => {
                let member = ConsumerMember {
                    session_deadline_ms: world.session_deadline_ms(&self.group_id, &metadata),
                    metadata,
                    current: CurrentAssignment::default(),
                    revocation_deadline_ms: None,
                    join_deadline_ms: None,
                    sync_deadline_ms: None,
                };
                self.members.insert(member_id.clone(), member);
            }
        }
    }

    /// Gives a member what it has from now on. A member that is not there has nothing.
    pub(super) fn set_current(&mut self, member_id: &MemberId, current: CurrentAssignment) {
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        for partition in member.current.held() {
            if self.owners.get(&partition) == Some(member_id) {
                self.owners.remove(&partition);
            }
        }
        let held = current.held();
        self.owners.extend(held.map(|partition| (partition, member_id.clone())));
        member.current = current;
    }

    /// Forgets a member and what it has.
    pub(super) fn drop_member(&mut self, member_id: &MemberId) {
        self.set_current(member_id, CurrentAssignment::default());
        self.targets.remove(member_id);
        if let Some(member) = self.members.remove(member_id)
            && let Some(instance_id) = member.metadata.instance_id
            && self.static_members.get(&instance_id) == Some(member_id)
        {
            self.static_members.remove(&instance_id);
        }
    }
}

/// What removes a member from the log.
pub(super) fn member_tombstones(member_id: &MemberId) -> [ConsumerRecord; 3] {
    [
        ConsumerRecord::Current(member_id.clone(), None),
        ConsumerRecord::Target(member_id.clone(), None),
        ConsumerRecord::Member(member_id.clone(), None),
    ]
}
