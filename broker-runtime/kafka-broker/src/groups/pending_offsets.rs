//! Offsets that are committed with a transaction: they take effect when the transaction is committed, and not at all when it is
//! aborted (KIP-98). Until then the offset of such a partition is unstable (KIP-447).

use std::collections::{BTreeMap, HashMap};

use super::{
    ids::GroupId,
    record_format::{CommittedOffset, TopicPartition},
};

/// An offset in the log whose transaction is open.
#[derive(Clone, Debug)]
pub(crate) struct PendingOffset {
    pub(crate) group_id: GroupId,
    pub(crate) partition: TopicPartition,
    pub(crate) offset: CommittedOffset,
    /// Its place in the log.
    pub(crate) order: u64,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct PendingOffsets {
    by_producer: HashMap<i64, Vec<PendingOffset>>,
    /// How many undecided offsets a partition has, with those on their way to the log.
    unstable: HashMap<GroupId, BTreeMap<TopicPartition, usize>>,
}

impl PendingOffsets {
    /// An offset is on its way to the log.
    pub(crate) fn begin(&mut self, group_id: &GroupId, partition: &TopicPartition) {
        let of_group = self.unstable.entry(group_id.clone()).or_default();
        *of_group.entry(partition.clone()).or_default() += 1;
    }

    /// It did not get there.
    pub(crate) fn give_up(&mut self, group_id: &GroupId, partition: &TopicPartition) {
        let Some(of_group) = self.unstable.get_mut(group_id) else {
            return;
        };
        if let Some(count) = of_group.get_mut(partition) {
            *count -= 1;
            if *count == 0 {
                of_group.remove(partition);
            }
        }
        if of_group.is_empty() {
            self.unstable.remove(group_id);
        }
    }

    /// It is in the log, as part of the producer's transaction.
    pub(crate) fn written(&mut self, producer_id: i64, pending: PendingOffset) {
        self.by_producer.entry(producer_id).or_default().push(pending);
    }

    /// The producer's transaction has ended: what it has left here, in the order of the log.
    pub(crate) fn end(&mut self, producer_id: i64) -> Vec<PendingOffset> {
        let ended = self.by_producer.remove(&producer_id).unwrap_or_default();
        for pending in &ended {
            self.give_up(&pending.group_id, &pending.partition);
        }
        ended
    }

    /// Nobody knows yet whether the offset of the partition will be another one.
    pub(crate) fn is_unstable(&self, group_id: &GroupId, partition: &TopicPartition) -> bool {
        self.unstable
            .get(group_id)
            .is_some_and(|of_group| of_group.contains_key(partition))
    }

    /// The group has offsets that are not decided.
    pub(crate) fn has_any(&self, group_id: &GroupId) -> bool {
        self.unstable.contains_key(group_id)
    }
}
