//! The part of a shard that is about offsets: committing, fetching, deleting, forgetting.

use super::{
    ask::{Answer, CommitRequest, OffsetList, OffsetsWish, Results},
    consumer::ConsumerGroup,
    error::GroupError,
    group::{ClassicGroup, GroupState},
    ids::GroupId,
    offsets::OffsetUsage,
    record_format::{CommittedOffset, GroupRecord, TopicPartition},
    shard::{Shard, Then},
};
use crate::coordinator::{Moment, Transactional};

impl Shard {
    pub(super) fn commit(
        &mut self,
        request: CommitRequest,
        transactional: Option<Transactional>,
        answer: Answer<Results>,
        now: Moment,
    ) {
        if let Err(error) = self.check_commit(&request, transactional.is_some(), now) {
            let _ = answer.send(Err(error));
            return;
        }
        let mut records = Vec::with_capacity(request.offsets.len());
        let mut results = Vec::with_capacity(request.offsets.len());
        for offset in request.offsets {
            if offset.metadata.len() > self.config.offset_metadata_bytes_max {
                results.push(Err(GroupError::OffsetMetadataTooLarge));
                continue;
            }
            results.push(Ok(()));
            records.push(GroupRecord::Offset {
                group_id: request.group_id.clone(),
                topic_partition: offset.partition,
                value: Some(CommittedOffset {
                    offset: offset.offset,
                    leader_epoch: offset.leader_epoch,
                    metadata: offset.metadata,
                    commit_timestamp_ms: now.wall_ms,
                    expire_timestamp_ms: request
                        .retention_ms
                        .map(|retention| now.wall_ms.saturating_add(retention)),
                    topic_id: offset.topic_id,
                }),
            });
        }
        match transactional {
            Some(transactional) => self.write_with_transaction(transactional, records, results, answer),
            None => self.write_and_answer(records, results, answer),
        }
    }

    fn check_commit(&mut self, request: &CommitRequest, with_transaction: bool, now: Moment) -> Result<(), GroupError> {
        // Kafka admits the empty group id here, for clients as old as version 2.
        if let Some(group) = self.consumers.get(&request.group_id) {
            let speaker = &request.speaker;
            if !request.knows_epochs && group.has_consumer_member(&speaker.member_id) {
                return Err(GroupError::UnsupportedVersion);
            }
            if with_transaction && speaker.generation < 0 && speaker.member_id.is_empty() {
                return Ok(());
            }
            let partitions = request.offsets.iter();
            let partitions = partitions.map(|offset| (offset.topic_id, offset.partition.partition));
            return group.check_commit(speaker, partitions);
        }
        if !self.groups.contains_key(&request.group_id) {
            // A consumer that assigns itself; a member of a group would be known.
            return if request.speaker.generation < 0 {
                Ok(())
            } else {
                Err(GroupError::IllegalGeneration)
            };
        }
        self.with_group(&request.group_id, now, |group, surroundings| {
            let checked = group.check_offset_commit(&request.speaker, with_transaction, surroundings);
            (checked, Vec::new())
        })?
    }

    pub(super) fn fetch_offsets(&self, wish: OffsetsWish) -> Result<OffsetList, GroupError> {
        let OffsetsWish {
            group_id,
            partitions,
            require_stable,
            member: (member_id, epoch),
        } = wish;
        if let Some(group) = self.consumers.get(&group_id) {
            group.check_fetch(&member_id, epoch)?;
        }
        let find = |partition: TopicPartition| {
            let found = if require_stable && self.pending.is_unstable(&group_id, &partition) {
                Err(GroupError::UnstableOffsetCommit)
            } else {
                Ok(self.offsets.get(&group_id, &partition).cloned())
            };
            (partition, found)
        };
        Ok(match partitions {
            Some(partitions) => partitions.into_iter().map(find).collect(),
            None => {
                let all = self.offsets.of_group(&group_id);
                all.map(|(partition, _)| find(partition.clone())).collect()
            }
        })
    }

    pub(super) fn delete_group(&mut self, group_id: GroupId, answer: Answer<()>, now: Moment) {
        if self.has_writes_in_flight(&group_id) && self.is_empty_group(&group_id) {
            // What is on its way to the log would outlive the group.
            self.deletions.entry(group_id).or_default().push(answer);
            return;
        }
        if let Err(error) = self.begin_deletion(&group_id, now) {
            let _ = answer.send(Err(error));
            return;
        }
        let records = self.deletion_of(&group_id);
        self.write_and_forget(records, group_id, Some(answer));
    }

    /// Nothing of the group is on its way to the log any more: who wants it deleted gets an answer.
    pub(super) fn begin_waiting_deletions(&mut self, group_id: &GroupId, now: Moment) {
        let waiting = self.deletions.remove(group_id).unwrap_or_default();
        for answer in waiting {
            self.delete_group(group_id.clone(), answer, now);
        }
    }

    /// It is there, and nobody is in it.
    fn is_empty_group(&self, group_id: &GroupId) -> bool {
        let classic = self.groups.get(group_id);
        classic.is_some_and(|group| group.state() == GroupState::Empty)
            || self.consumers.get(group_id).is_some_and(ConsumerGroup::is_empty)
    }

    fn begin_deletion(&mut self, group_id: &GroupId, now: Moment) -> Result<(), GroupError> {
        // An offset of an open transaction would outlive the group; the client comes again.
        if self.pending.has_any(group_id) && self.is_empty_group(group_id) {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        if let Some(group) = self.groups.get_mut(group_id) {
            return group.close(now);
        }
        let group = self.consumers.get_mut(group_id).ok_or(GroupError::GroupIdNotFound)?;
        group.close()
    }

    fn deletion_of(&self, group_id: &GroupId) -> Vec<GroupRecord> {
        let partitions = self
            .offsets
            .of_group(group_id)
            .map(|(partition, _)| partition.clone())
            .collect();
        let mut records = tombstones(group_id, partitions);
        match self.consumers.get(group_id) {
            Some(group) => records.extend(self.records_of(group_id, group.tombstones())),
            None => records.push(GroupRecord::Group {
                group_id: group_id.clone(),
                value: None,
            }),
        }
        records
    }

    pub(super) fn write_tombstones(&mut self, group_id: &GroupId, partitions: Vec<TopicPartition>) {
        if !partitions.is_empty() {
            self.write(tombstones(group_id, partitions), Then::Nothing);
        }
    }

    pub(super) fn delete_offsets(
        &mut self,
        group_id: GroupId,
        partitions: Vec<TopicPartition>,
        answer: Answer<Results>,
    ) {
        let classic = self.groups.get(&group_id);
        if classic.is_some_and(|group| group.members().next().is_some() && !group.uses_consumer_protocol()) {
            let _ = answer.send(Err(GroupError::NonEmptyGroup));
            return;
        }
        let Some(OffsetUsage { subscription, .. }) = self.usage_of(&group_id) else {
            let _ = answer.send(Err(GroupError::GroupIdNotFound));
            return;
        };
        let check = |partition: &TopicPartition| {
            if subscription.contains(&partition.topic) {
                Err(GroupError::GroupSubscribedToTopic)
            } else {
                Ok(())
            }
        };
        let results: Results = partitions.iter().map(check).collect();
        let allowed = partitions
            .into_iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok());
        let existing = allowed.map(|(partition, _)| partition);
        let existing = existing
            .filter(|partition| self.offsets.get(&group_id, partition).is_some())
            .collect();
        let records = tombstones(&group_id, existing);
        self.write_and_answer(records, results, answer);
    }

    /// Forgets what `offsets.retention.minutes` no longer covers, and groups that hold nothing any more.
    pub(crate) fn expire(&mut self, now: Moment) {
        let groups = self.groups.keys().chain(self.consumers.keys());
        for group_id in groups.cloned().collect::<Vec<_>>() {
            if self.has_writes_in_flight(&group_id) || self.pending.has_any(&group_id) {
                continue;
            }
            let usage = self.usage_of(&group_id).unwrap_or(OffsetUsage::NONE);
            let expired = self.offsets.expired(&group_id, &usage, &self.config, now);
            let rest = self.offsets.of_group(&group_id).count() - expired.len();
            let is_forgettable = self.groups.get(&group_id).is_some_and(ClassicGroup::is_forgettable)
                || self.consumers.get(&group_id).is_some_and(ConsumerGroup::is_empty);
            if rest > 0 || !is_forgettable {
                self.write_tombstones(&group_id, expired);
            } else if self.begin_deletion(&group_id, now).is_ok() {
                let records = self.deletion_of(&group_id);
                self.write_and_forget(records, group_id, None);
            }
        }
    }

    fn usage_of(&self, group_id: &GroupId) -> Option<OffsetUsage> {
        let classic = self.groups.get(group_id).map(OffsetUsage::of_classic);
        classic.or_else(|| self.consumers.get(group_id).map(OffsetUsage::of_consumer))
    }

    /// Forgets offsets of partitions for which `is_gone` holds: their topic was deleted.
    pub(crate) fn topics_deleted(&mut self, is_gone: impl Fn(&TopicPartition, &CommittedOffset) -> bool) {
        for (group_id, partitions) in self.offsets.of_deleted_topics(is_gone) {
            self.write_tombstones(&group_id, partitions);
        }
    }
}

/// Records that remove these offsets.
fn tombstones(group_id: &GroupId, partitions: Vec<TopicPartition>) -> Vec<GroupRecord> {
    let tombstone = |topic_partition| GroupRecord::Offset {
        group_id: group_id.clone(),
        topic_partition,
        value: None,
    };
    partitions.into_iter().map(tombstone).collect()
}
