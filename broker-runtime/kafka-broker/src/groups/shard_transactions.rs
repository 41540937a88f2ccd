//! The part of a shard that is about transactions: offsets that wait for the end of one, and markers that end them.

use super::{
    ask::{Answer, Results},
    ids::GroupId,
    pending_offsets::PendingOffset,
    record_format::{CommittedOffset, GroupRecord, TopicPartition},
    shard::{Content, Shard, Then},
};
use crate::coordinator::{Moment, Transactional};

impl Shard {
    /// Writes offsets of a transaction, then answers with these results.
    pub(super) fn write_with_transaction(
        &mut self,
        transactional: Transactional,
        records: Vec<GroupRecord>,
        results: Results,
        answer: Answer<Results>,
    ) {
        if records.is_empty() {
            let _ = answer.send(Ok(results));
            return;
        }
        for record in &records {
            if let GroupRecord::Offset {
                group_id,
                topic_partition,
                ..
            } = record
            {
                self.pending.begin(group_id, topic_partition);
            }
        }
        self.push(
            Content::OfTransaction(transactional, records),
            Then::Answer(results, answer),
        );
    }

    /// A write has become part of the log, or not.
    pub(super) fn apply_content(&mut self, content: Content, is_written: bool, now: Moment) {
        match content {
            Content::Records(records) if is_written => {
                for record in records {
                    self.apply(record, now);
                }
            }
            Content::OfTransaction(Transactional { producer, .. }, records) => {
                for record in records {
                    let GroupRecord::Offset {
                        group_id,
                        topic_partition,
                        value: Some(offset),
                    } = record
                    else {
                        continue;
                    };
                    if is_written {
                        self.hold_back(producer.id, group_id, topic_partition, offset, now);
                    } else {
                        self.pending.give_up(&group_id, &topic_partition);
                    }
                }
            }
            Content::Marker(marker) if is_written => self.end_transaction(marker.producer.id, marker.committed, now),
            Content::Records(_) | Content::Marker(_) => {}
        }
    }

    /// An offset is in the log, and waits for the end of its transaction. Its group is there from now on, as in Kafka, whatever
    /// becomes of the transaction.
    pub(super) fn hold_back(
        &mut self,
        producer_id: i64,
        group_id: GroupId,
        partition: TopicPartition,
        offset: CommittedOffset,
        now: Moment,
    ) {
        self.ensure_group(&group_id, now);
        let pending = PendingOffset {
            group_id,
            partition,
            offset,
            order: self.offsets.next_order(),
        };
        self.pending.written(producer_id, pending);
    }

    /// What a producer has committed with its transaction takes effect, or never will.
    pub(super) fn end_transaction(&mut self, producer_id: i64, committed: bool, now: Moment) {
        for pending in self.pending.end(producer_id) {
            if committed {
                let group_id = pending.group_id;
                self.ensure_group(&group_id, now);
                self.offsets
                    .apply_committed(group_id, pending.partition, pending.offset, pending.order);
            }
        }
    }
}
