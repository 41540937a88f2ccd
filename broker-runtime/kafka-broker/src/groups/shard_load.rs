//! The part of a shard that is about loading: what the log holds becomes groups and offsets.

use super::{group::ClassicGroup, record_format::GroupRecord, shard::Shard};
use crate::coordinator::{Loaded, Moment};

impl Shard {
    /// Takes in what the log holds, at load.
    pub(crate) fn take_in(&mut self, loaded: Loaded<GroupRecord>, now: Moment) {
        match loaded {
            Loaded::Record(record, None) => self.replay(record, now),
            Loaded::Record(
                GroupRecord::Offset {
                    group_id,
                    topic_partition,
                    value: Some(offset),
                },
                Some(producer),
            ) => {
                self.pending.begin(&group_id, &topic_partition);
                self.hold_back(producer.id, group_id, topic_partition, offset, now);
            }
            // Nothing else is written in a transaction.
            Loaded::Record(..) => {}
            Loaded::Marker(producer, committed) => self.end_transaction(producer.id, committed, now),
        }
    }

    fn replay(&mut self, record: GroupRecord, now: Moment) {
        match record {
            GroupRecord::Group {
                group_id,
                value: Some(metadata),
            } => {
                let group = ClassicGroup::restore(group_id.clone(), metadata, now);
                self.consumers.remove(&group_id);
                self.groups.insert(group_id, group);
            }
            GroupRecord::Group { group_id, value: None } => drop(self.groups.remove(&group_id)),
            GroupRecord::Offset {
                group_id,
                topic_partition,
                value,
            } => {
                self.offsets.apply(group_id, topic_partition, value);
            }
            GroupRecord::Consumer { group_id, record } => self.replay_consumer(group_id, record, now),
        }
    }

    /// All records are in: groups that hold offsets only get a value too, and deadlines begin to count.
    pub(crate) fn loaded(&mut self, now: Moment) {
        self.consumers_loaded(now);
        for group_id in self.offsets.groups().cloned().collect::<Vec<_>>() {
            self.ensure_group(&group_id, now);
        }
        let groups = self.groups.keys().chain(self.consumers.keys());
        for group_id in groups.cloned().collect::<Vec<_>>() {
            self.schedule(&group_id);
        }
    }
}
