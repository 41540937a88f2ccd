//! A member's heartbeat: it joins, says what it reads and what it owns, and hears what it is to own.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    group::{ConsumerGroup, Outcome, World},
    partitions::Partitions,
    record::{ConsumerRecord, MemberMetadata},
    topics,
};
use crate::groups::{
    error::GroupError,
    ids::{GroupId, InstanceId, MemberId},
};

/// The epoch of a member that leaves.
pub(crate) const LEAVE_EPOCH: i32 = -1;

/// The epoch of a static member that leaves for a while: what it has is kept for its session.
pub(crate) const REJOIN_LATER_EPOCH: i32 = -2;

/// The epoch of a member that joins.
const JOIN_EPOCH: i32 = 0;

/// Which topics whoever sent the heartbeat may see.
#[derive(Clone)]
pub(crate) struct TopicFilter(pub(crate) Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl TopicFilter {
    pub(super) fn admits(&self, topic: &str) -> bool {
        (self.0)(topic)
    }
}

impl std::fmt::Debug for TopicFilter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TopicFilter")
    }
}

/// A ConsumerGroupHeartbeat request; `None` says that nothing has changed since the last one.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerHeartbeat {
    pub(crate) group_id: GroupId,
    pub(crate) member_id: MemberId,
    pub(crate) member_epoch: i32,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) rack_id: Option<Arc<str>>,
    pub(crate) rebalance_timeout_ms: Option<i32>,
    pub(crate) topics: Option<BTreeSet<Arc<str>>>,
    pub(crate) regex: Option<Arc<str>>,
    pub(crate) server_assignor: Option<Arc<str>>,
    /// What the member owns.
    pub(crate) owned: Option<Partitions>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) may_see: TopicFilter,
}

/// What a member hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeartbeatAnswer {
    pub(crate) member_id: MemberId,
    pub(crate) member_epoch: i32,
    /// Told when it changed, or when the member told everything.
    pub(crate) assignment: Option<Partitions>,
}

impl ConsumerHeartbeat {
    pub(crate) fn joins(&self) -> bool {
        self.member_epoch == JOIN_EPOCH
    }

    pub(crate) fn leaves(&self) -> bool {
        self.member_epoch < JOIN_EPOCH
    }

    /// True when the member tells everything: it does not know whether its last heartbeat was heard.
    fn is_full(&self) -> bool {
        let tells_topics = self.topics.is_some() || self.regex.is_some();
        self.rebalance_timeout_ms.is_some() && tells_topics && self.owned.is_some()
    }
}

impl ConsumerGroup {
    /// Handles a heartbeat of a member that joins or is in the group. Nothing has changed when it is refused.
    pub(crate) fn heartbeat(&mut self, request: &ConsumerHeartbeat, world: World<'_>) -> Result<Outcome, GroupError> {
        debug_assert!(!request.leaves(), "who leaves is handled by `leave`");
        if let Some(expression) = request.regex.as_deref() {
            topics::compile(expression)?;
        }
        let replaced = self.check_sender(request, world)?;
        let mut records = Vec::new();
        if let Some(before) = replaced {
            self.replace_member(&before, &request.member_id, world, &mut records);
        }
        let member_id = &request.member_id;
        let had = self.assigned_to(member_id);
        let changed = self.update_member(request, world, &mut records);
        let expression = self
            .members
            .get(member_id)
            .and_then(|member| member.metadata.regex.clone());
        // Others may have looked at this metadata already, with what the expression matched before.
        let matches_others = self.resolve_regex(expression.as_ref(), &request.may_see, world, &mut records);
        self.look_at_topics(changed || matches_others, world, &mut records);
        self.assign_if_due(world, &mut records);
        self.reconcile(member_id, request.owned.as_ref(), world, &mut records);
        let has = self.assigned_to(member_id);
        let Some(member) = self.members.get_mut(member_id) else {
            return Err(GroupError::UnknownMemberId);
        };
        member.session_deadline_ms = world.session_deadline_ms(&self.group_id, &member.metadata);
        (member.join_deadline_ms, member.sync_deadline_ms) = (None, None);
        self.wakes_at_ms = self.wakes_at_ms.min(member.next_deadline_ms());
        let tells = request.joins() || request.is_full() || has != had;
        let answer = HeartbeatAnswer {
            member_id: member_id.clone(),
            member_epoch: member.current.epoch,
            assignment: tells.then_some(has),
        };
        Ok(Outcome { records, answer })
    }

    fn assigned_to(&self, member_id: &MemberId) -> Partitions {
        let member = self.members.get(member_id);
        member
            .map(|member| member.current.assigned.partitions())
            .unwrap_or_default()
    }

    /// Whether the sender may be in the group; gives the member whose place it takes.
    fn check_sender(&self, request: &ConsumerHeartbeat, world: World<'_>) -> Result<Option<MemberId>, GroupError> {
        let known = self.members.get(&request.member_id);
        if request.joins() {
            let place_of = request.instance_id.as_ref().and_then(|id| self.static_members.get(id));
            if let Some(before) = place_of {
                let is_away = self
                    .members
                    .get(before)
                    .is_some_and(|member| member.current.epoch == REJOIN_LATER_EPOCH || member.is_classic());
                return if is_away {
                    Ok(Some(before.clone()))
                } else {
                    Err(GroupError::UnreleasedInstanceId)
                };
            }
            if known.is_none() && self.members.len() >= world.config.members_max {
                return Err(GroupError::GroupMaxSizeReached);
            }
            return Ok(None);
        }
        if let Some(instance_id) = &request.instance_id {
            let named = self
                .static_members
                .get(instance_id)
                .ok_or(GroupError::UnknownMemberId)?;
            if *named != request.member_id {
                return Err(GroupError::FencedInstanceId);
            }
        }
        let member = known.ok_or(GroupError::UnknownMemberId)?;
        member.check_heartbeat_epoch(request.member_epoch, request.owned.as_ref())?;
        Ok(None)
    }

    /// A static member is back, under another id, and gets what it had.
    pub(super) fn replace_member(
        &mut self,
        before: &MemberId,
        member_id: &MemberId,
        world: World<'_>,
        records: &mut Vec<ConsumerRecord>,
    ) {
        let Some(mut member) = self.members.get(before).cloned() else {
            return;
        };
        let target = self.targets.get(before).cloned().unwrap_or_default();
        records.extend(super::group::member_tombstones(before));
        self.drop_member(before);
        // It begins at epoch 0, so that it is told what it has.
        member.current.epoch = JOIN_EPOCH;
        self.set_metadata(member_id, member.metadata.clone(), world);
        self.set_current(member_id, member.current.clone());
        self.targets.insert(member_id.clone(), target.clone());
        records.extend([
            ConsumerRecord::Member(member_id.clone(), Some(member.metadata)),
            ConsumerRecord::Target(member_id.clone(), Some(target)),
            ConsumerRecord::Current(member_id.clone(), Some(member.current)),
        ]);
    }

    /// Takes over what the member says of itself; true when that changes who reads what.
    fn update_member(
        &mut self,
        request: &ConsumerHeartbeat,
        world: World<'_>,
        records: &mut Vec<ConsumerRecord>,
    ) -> bool {
        let before = self.members.get(&request.member_id).map(|member| &member.metadata);
        let mut metadata = before.cloned().unwrap_or_else(|| MemberMetadata {
            rebalance_timeout_ms: -1,
            ..MemberMetadata::default()
        });
        metadata.client_id = Arc::clone(&request.client_id);
        metadata.client_host = Arc::clone(&request.client_host);
        metadata.instance_id = request.instance_id.clone().or(metadata.instance_id);
        metadata.rack_id = request.rack_id.clone().or(metadata.rack_id);
        metadata.server_assignor = request.server_assignor.clone().or(metadata.server_assignor);
        metadata.rebalance_timeout_ms = request.rebalance_timeout_ms.unwrap_or(metadata.rebalance_timeout_ms);
        metadata.topics = request.topics.clone().unwrap_or(metadata.topics);
        if let Some(regex) = &request.regex {
            // The empty expression says that there is none any more.
            metadata.regex = Some(Arc::clone(regex)).filter(|regex| !regex.is_empty());
        }
        metadata.classic = None;
        if before == Some(&metadata) {
            return false;
        }
        let reads_otherwise = before.is_none_or(|before| {
            (&before.topics, &before.regex, &before.server_assignor)
                != (&metadata.topics, &metadata.regex, &metadata.server_assignor)
        });
        records.push(ConsumerRecord::Member(
            request.member_id.clone(),
            Some(metadata.clone()),
        ));
        self.set_metadata(&request.member_id, metadata, world);
        reads_otherwise
    }

    /// Begins an epoch when members read otherwise, or when the topics that they read are not what they were.
    pub(super) fn look_at_topics(&mut self, changed: bool, world: World<'_>, records: &mut Vec<ConsumerRecord>) {
        if !changed && self.looked_at == world.image.applied && self.looked_at.is_some() {
            return;
        }
        self.looked_at = world.image.applied;
        let hash = self.metadata_hash(world.image);
        if changed || hash != self.metadata_hash {
            self.metadata_hash = hash;
            self.begin_epoch(records);
        }
    }
}
