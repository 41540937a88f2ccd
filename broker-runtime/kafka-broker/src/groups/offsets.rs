//! The offsets groups have committed, as far as the log holds them, and when they may be forgotten.

use std::collections::{BTreeMap, HashMap};

use super::{
    command::GroupConfig,
    consumer::ConsumerGroup,
    group::{ClassicGroup, GroupState},
    ids::GroupId,
    record_format::{CommittedOffset, TopicPartition},
    subscription::Subscription,
};
use crate::coordinator::Moment;

/// Committed offsets of the groups of one partition of the offsets topic.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    by_group: HashMap<GroupId, BTreeMap<TopicPartition, Stored>>,
    /// Counts what was written, in the order of the log.
    written: u64,
}

#[derive(Debug)]
struct Stored {
    offset: CommittedOffset,
    order: u64,
}

impl Offsets {
    /// Applies a record that the high watermark has passed; `None` removes.
    pub(crate) fn apply(&mut self, group_id: GroupId, partition: TopicPartition, value: Option<CommittedOffset>) {
        let order = self.next_order();
        match value {
            Some(offset) => {
                let stored = Stored { offset, order };
                self.by_group.entry(group_id).or_default().insert(partition, stored);
            }
            None => {
                if let Some(offsets) = self.by_group.get_mut(&group_id) {
                    offsets.remove(&partition);
                    if offsets.is_empty() {
                        self.by_group.remove(&group_id);
                    }
                }
            }
        }
    }

    /// The place in the log of what is written next.
    pub(crate) fn next_order(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    /// A transaction was committed: what it has written at `order` takes effect, unless something newer is there.
    pub(crate) fn apply_committed(
        &mut self,
        group_id: GroupId,
        partition: TopicPartition,
        offset: CommittedOffset,
        order: u64,
    ) {
        let of_group = self.by_group.entry(group_id).or_default();
        if of_group.get(&partition).is_none_or(|stored| stored.order < order) {
            of_group.insert(partition, Stored { offset, order });
        }
    }

    pub(crate) fn get(&self, group_id: &GroupId, partition: &TopicPartition) -> Option<&CommittedOffset> {
        self.by_group.get(group_id)?.get(partition).map(|stored| &stored.offset)
    }

    /// All offsets of a group, by topic and partition.
    pub(crate) fn of_group(&self, group_id: &GroupId) -> impl Iterator<Item = (&TopicPartition, &CommittedOffset)> {
        let of_group = self.by_group.get(group_id).into_iter().flatten();
        of_group.map(|(partition, stored)| (partition, &stored.offset))
    }

    /// All offsets of all groups.
    pub(crate) fn all(&self) -> Vec<(GroupId, TopicPartition, i64)> {
        let groups = self.by_group.iter();
        groups
            .flat_map(|(group_id, offsets)| {
                let offsets = offsets.iter();
                offsets.map(|(partition, stored)| (group_id.clone(), partition.clone(), stored.offset.offset))
            })
            .collect()
    }

    pub(crate) fn has_any(&self, group_id: &GroupId) -> bool {
        self.by_group.contains_key(group_id)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &GroupId> {
        self.by_group.keys()
    }

    /// The offsets for which `is_gone` holds, by group.
    pub(crate) fn of_deleted_topics(
        &self,
        is_gone: impl Fn(&TopicPartition, &CommittedOffset) -> bool,
    ) -> Vec<(GroupId, Vec<TopicPartition>)> {
        let gone = |offsets: &BTreeMap<TopicPartition, Stored>| {
            let gone = offsets
                .iter()
                .filter(|(partition, stored)| is_gone(partition, &stored.offset));
            gone.map(|(partition, _)| partition.clone()).collect::<Vec<_>>()
        };
        let by_group = self
            .by_group
            .iter()
            .map(|(group_id, offsets)| (group_id.clone(), gone(offsets)));
        by_group.filter(|(_, partitions)| !partitions.is_empty()).collect()
    }

    /// The offsets of `group_id` that `offsets.retention.minutes` no longer covers (KIP-211). Members keep the offsets of
    /// the topics they read; an empty group keeps all for the retention after its last member left; offsets of consumers
    /// that assign themselves live from their last commit.
    pub(crate) fn expired(
        &self,
        group_id: &GroupId,
        usage: &OffsetUsage,
        config: &GroupConfig,
        now: Moment,
    ) -> Vec<TopicPartition> {
        let OffsetUsage {
            subscription,
            emptied_ms,
        } = usage;
        let is_expired = |partition: &TopicPartition, value: &CommittedOffset| {
            if subscription.contains(&partition.topic) {
                return false;
            }
            if let Some(expire_timestamp_ms) = value.expire_timestamp_ms {
                return expire_timestamp_ms <= now.wall_ms;
            }
            let since_ms = emptied_ms
                .unwrap_or(value.commit_timestamp_ms)
                .max(value.commit_timestamp_ms);
            now.wall_ms.saturating_sub(since_ms) >= config.offsets_retention_ms
        };
        let expired = self
            .of_group(group_id)
            .filter(|(partition, value)| is_expired(partition, value));
        expired.map(|(partition, _)| partition.clone()).collect()
    }
}

/// What a group does with its offsets.
#[derive(Clone, Debug)]
pub(crate) struct OffsetUsage {
    pub(crate) subscription: Subscription,
    /// Since when it has no members, on the wall clock; `None` also where it never had any.
    pub(crate) emptied_ms: Option<i64>,
}

impl OffsetUsage {
    /// Of no group: somebody assigns partitions to itself.
    pub(crate) const NONE: Self = Self {
        subscription: Subscription::Nothing,
        emptied_ms: None,
    };

    pub(crate) fn of_classic(group: &ClassicGroup) -> Self {
        if group.protocol_type().is_none() {
            return Self::NONE;
        }
        let is_empty = group.state() == GroupState::Empty;
        let subscription = match group.subscription() {
            // Members of another protocol: what they use is not known.
            Subscription::Nothing if !is_empty => Subscription::Unknown,
            known => known,
        };
        Self {
            subscription,
            emptied_ms: is_empty.then(|| group.state_since_ms()),
        }
    }

    pub(crate) fn of_consumer(group: &ConsumerGroup) -> Self {
        Self {
            subscription: Subscription::Topics(group.subscribed_topics()),
            emptied_ms: group.emptied_ms(),
        }
    }
}
