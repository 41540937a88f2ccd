//! One partition of `__consumer_offsets` as its coordinator knows it: groups, offsets, and who waits for an answer.
//! Nothing here does I/O: records to append leave through [`Shard::take_writes`], and their fate comes back through
//! [`Shard::complete`]. What a record says takes effect only then, when the high watermark has passed it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use kafka_metadata::MetadataImage;
use tokio::sync::oneshot;

use super::{
    ask::{Answer, Ask, Results},
    command::{Command, GroupConfig, JoinAnswer, JoinRequest, Purpose, Surroundings, SyncAnswer},
    consumer::ConsumerGroup,
    error::GroupError,
    group::ClassicGroup,
    ids::{GroupId, ReplyId},
    offsets::Offsets,
    pending_offsets::PendingOffsets,
    record_format::GroupRecord,
    shard_consumer::ConsumerWrite,
};
use crate::{
    coordinator::{Moment, Transactional, WriteFailure},
    partition::TransactionMarker,
};

/// Records to append together, and what follows.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) content: Content,
    then: Then,
}

impl Write {
    /// True when there is nothing to append.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.content, Content::Records(records) if records.is_empty())
    }
}

/// What is appended.
#[derive(Debug)]
pub(crate) enum Content {
    /// Records, which may share a batch with others.
    Records(Vec<GroupRecord>),
    /// Records of a transaction.
    OfTransaction(Transactional, Vec<GroupRecord>),
    /// The end of a transaction.
    Marker(TransactionMarker),
}

impl Content {
    /// The records in it.
    pub(crate) fn records(&self) -> &[GroupRecord] {
        match self {
            Self::Records(records) | Self::OfTransaction(_, records) => records,
            Self::Marker(_) => &[],
        }
    }
}

/// What follows once the fate of a write is known.
#[derive(Debug)]
pub(super) enum Then {
    Nothing,
    /// Tell the group.
    Tell(GroupId, Purpose),
    /// Tell a member of a consumer group.
    TellMember(ConsumerWrite),
    /// Answer with these results.
    Answer(Results, Answer<Results>),
    /// Tell the coordinator of the transaction.
    AnswerMarker(oneshot::Sender<Result<(), WriteFailure>>),
    /// The group is gone, or is opened again.
    Forget(GroupId, Option<Answer<()>>),
}

/// A coordinator's partition. See the head of this file.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(super) config: GroupConfig,
    /// Groups of the classic protocol, and those that only hold offsets. A group is here or in `consumers`.
    pub(super) groups: HashMap<GroupId, ClassicGroup>,
    /// Groups of the consumer protocol.
    pub(super) consumers: HashMap<GroupId, ConsumerGroup>,
    /// The topics there are.
    pub(super) image: Arc<MetadataImage>,
    pub(super) offsets: Offsets,
    pub(super) pending: PendingOffsets,
    joins: HashMap<ReplyId, oneshot::Sender<JoinAnswer>>,
    syncs: HashMap<ReplyId, Answer<SyncAnswer>>,
    next_reply: u64,
    /// Deadlines of groups, the earliest first; `scheduled` says which one a group has.
    timetable: BTreeSet<(i64, GroupId)>,
    scheduled: HashMap<GroupId, i64>,
    /// Writes of a group whose fate is not known yet.
    in_flight: HashMap<GroupId, usize>,
    /// Groups that are to be deleted once nothing of them is in flight.
    pub(super) deletions: HashMap<GroupId, Vec<Answer<()>>>,
    outbox: Vec<Write>,
    /// What could not be removed from the log of groups that have changed their protocol.
    pub(super) leftovers: HashMap<GroupId, Vec<GroupRecord>>,
}

impl Shard {
    pub(crate) fn new(config: GroupConfig) -> Self {
        Self {
            config,
            groups: HashMap::new(),
            consumers: HashMap::new(),
            image: Arc::default(),
            offsets: Offsets::default(),
            pending: PendingOffsets::default(),
            joins: HashMap::new(),
            syncs: HashMap::new(),
            next_reply: 0,
            timetable: BTreeSet::new(),
            scheduled: HashMap::new(),
            in_flight: HashMap::new(),
            deletions: HashMap::new(),
            outbox: Vec::new(),
            leftovers: HashMap::new(),
        }
    }

    /// A group that holds offsets is there.
    pub(super) fn ensure_group(&mut self, group_id: &GroupId, now: Moment) {
        if !self.consumers.contains_key(group_id) {
            self.groups
                .entry(group_id.clone())
                .or_insert_with(|| ClassicGroup::new(group_id.clone(), now));
        }
    }

    /// The metadata has changed.
    pub(crate) fn set_image(&mut self, image: Arc<MetadataImage>) {
        self.image = image;
    }

    /// Number of groups, those that hold offsets only included.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.len() + self.consumers.len()
    }

    /// Answers a question, or notes who asked.
    pub(crate) fn handle(&mut self, ask: Ask, now: Moment) {
        // Whoever asked may have gone; then the answer is dropped.
        match ask {
            Ask::Join(request, answer) => self.join(request, answer, now),
            Ask::Sync(request, answer) if self.is_consumer_group(&request.group_id) => {
                self.sync_consumer_group(&request, answer, now);
            }
            Ask::Sync(request, answer) => {
                let reply = self.next_reply();
                self.syncs.insert(reply, answer);
                let group_id = request.group_id.clone();
                let found = self.with_group(&group_id, now, |group, surroundings| {
                    ((), group.sync(request, reply, surroundings))
                });
                if let Err(error) = found
                    && let Some(answer) = self.syncs.remove(&reply)
                {
                    let _ = answer.send(Err(error));
                }
            }
            Ask::Heartbeat(group_id, speaker, answer) if self.is_consumer_group(&group_id) => {
                let _ = answer.send(self.heartbeat_consumer_group(&group_id, &speaker, now));
            }
            Ask::Heartbeat(group_id, speaker, answer) => {
                let result = self.with_group(&group_id, now, |group, surroundings| {
                    (group.heartbeat(&speaker, surroundings), Vec::new())
                });
                let _ = answer.send(result.and_then(|result| result));
            }
            Ask::Leave(group_id, leaving, answer) if self.is_consumer_group(&group_id) => {
                self.leave_consumer_group(&group_id, &leaving, answer, now);
            }
            Ask::Leave(group_id, leaving, answer) => {
                let result = self.with_group(&group_id, now, |group, surroundings| {
                    group.leave(&leaving, surroundings)
                });
                let result = result.unwrap_or_else(|error| vec![Err(error); leaving.len()]);
                let _ = answer.send(Ok(result));
            }
            Ask::Commit(request, answer) => self.commit(request, None, answer, now),
            Ask::CommitWithTransaction(request, transactional, answer) => {
                self.commit(request, Some(transactional), answer, now);
            }
            Ask::EndTransaction(marker, answer) => self.outbox.push(Write {
                content: Content::Marker(marker),
                then: Then::AnswerMarker(answer),
            }),
            Ask::FetchOffsets(wish, answer) => {
                let _ = answer.send(self.fetch_offsets(wish));
            }
            Ask::Describe(group_id, answer) => {
                let group = self.groups.get(&group_id).map(ClassicGroup::describe);
                let _ = answer.send(group.ok_or(GroupError::GroupIdNotFound));
            }
            Ask::List(answer) => {
                let classic = self.groups.values().map(ClassicGroup::listing);
                let all = classic.chain(self.consumers.values().map(ConsumerGroup::listing));
                let _ = answer.send(Ok(all.collect()));
            }
            Ask::ConsumerHeartbeat(request, answer) => self.hear_heartbeat(&request, answer, now),
            Ask::DescribeConsumer(group_id, answer) => drop(answer.send(self.describe_consumer(&group_id))),
            Ask::Committed(answer) => {
                let _ = answer.send(Ok(self.offsets.all()));
            }
            Ask::DeleteGroup(group_id, answer) => self.delete_group(group_id, answer, now),
            Ask::DeleteOffsets(group_id, partitions, answer) => self.delete_offsets(group_id, partitions, answer),
        }
    }

    fn join(&mut self, request: JoinRequest, answer: oneshot::Sender<JoinAnswer>, now: Moment) {
        let refusal = if request.group_id.is_empty() {
            Some(GroupError::InvalidGroupId)
        } else if !(self.config.session_timeout_ms_min..=self.config.session_timeout_ms_max)
            .contains(&request.session_timeout_ms)
        {
            Some(GroupError::InvalidSessionTimeout)
        } else if self.is_consumer_group(&request.group_id) {
            self.join_consumer_group(&request, answer, now);
            return;
        } else if !request.member_id.is_empty() && !self.groups.contains_key(&request.group_id) {
            Some(GroupError::UnknownMemberId)
        } else {
            None
        };
        if let Some(error) = refusal {
            let _ = answer.send(JoinAnswer {
                member_id: request.member_id,
                result: Err(error),
            });
            return;
        }
        let group_id = request.group_id.clone();
        if let Err(error) = self.make_classic(&group_id, now) {
            let _ = answer.send(JoinAnswer {
                member_id: request.member_id,
                result: Err(error),
            });
            return;
        }
        self.ensure_group(&group_id, now);
        let reply = self.next_reply();
        self.joins.insert(reply, answer);
        // The group is there: it was made just now if it was not.
        let _ = self.with_group(&group_id, now, |group, surroundings| {
            ((), group.join(request, reply, surroundings))
        });
        self.forget_if_unused(&group_id);
    }

    pub(super) fn next_reply(&mut self) -> ReplyId {
        self.next_reply += 1;
        ReplyId(self.next_reply)
    }

    /// Hands the group an event and carries its commands out. A group that does not exist has no members.
    pub(super) fn with_group<T>(
        &mut self,
        group_id: &GroupId,
        now: Moment,
        event: impl FnOnce(&mut ClassicGroup, Surroundings<'_>) -> (T, Vec<Command>),
    ) -> Result<T, GroupError> {
        let group = self.groups.get_mut(group_id).ok_or(GroupError::UnknownMemberId)?;
        let surroundings = Surroundings {
            config: &self.config,
            now,
        };
        let (result, commands) = event(group, surroundings);
        for command in commands {
            self.carry_out(group_id, command);
        }
        self.schedule(group_id);
        Ok(result)
    }

    pub(super) fn carry_out(&mut self, group_id: &GroupId, command: Command) {
        match command {
            Command::AnswerJoin { reply, answer } => {
                if let Some(waiting) = self.joins.remove(&reply) {
                    let _ = waiting.send(answer);
                }
            }
            Command::AnswerSync { reply, result } => {
                if let Some(waiting) = self.syncs.remove(&reply) {
                    let _ = waiting.send(result);
                }
            }
            Command::Persist { metadata, purpose } => {
                let record = GroupRecord::Group {
                    group_id: group_id.clone(),
                    value: Some(metadata),
                };
                self.write(vec![record], Then::Tell(group_id.clone(), purpose));
            }
        }
    }

    pub(super) fn schedule(&mut self, group_id: &GroupId) {
        if let Some(before_ms) = self.scheduled.remove(group_id) {
            self.timetable.remove(&(before_ms, group_id.clone()));
        }
        let classic = self.groups.get(group_id).and_then(ClassicGroup::next_deadline_ms);
        let consumer = || self.consumers.get(group_id).and_then(ConsumerGroup::next_deadline_ms);
        if let Some(deadline_ms) = classic.or_else(consumer) {
            self.timetable.insert((deadline_ms, group_id.clone()));
            self.scheduled.insert(group_id.clone(), deadline_ms);
        }
    }

    /// When [`Self::tick`] has something to do, on the monotonic clock.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        self.timetable.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// Lets time pass for the groups that have something due.
    pub(crate) fn tick(&mut self, now: Moment) {
        let is_due = |(deadline_ms, _): &&(i64, GroupId)| *deadline_ms <= now.monotonic_ms;
        let due: Vec<GroupId> = self
            .timetable
            .iter()
            .take_while(is_due)
            .map(|(_, group_id)| group_id.clone())
            .collect();
        for group_id in due {
            if self.consumers.contains_key(&group_id) {
                self.tick_consumer(&group_id, now);
                continue;
            }
            // Groups in the timetable exist.
            let _ = self.with_group(&group_id, now, |group, surroundings| ((), group.tick(surroundings)));
            self.forget_if_unused(&group_id);
        }
    }

    /// Drops a group that only ever existed in memory, such as one whose first join was refused.
    fn forget_if_unused(&mut self, group_id: &GroupId) {
        let unused = self
            .groups
            .get(group_id)
            .is_some_and(|group| group.is_forgettable() && group.was_never_written());
        let holds = self.offsets.has_any(group_id) || self.pending.has_any(group_id);
        if unused && !holds && !self.in_flight.contains_key(group_id) {
            self.groups.remove(group_id);
            self.schedule(group_id);
        }
    }

    pub(super) fn has_writes_in_flight(&self, group_id: &GroupId) -> bool {
        self.in_flight.contains_key(group_id)
    }

    pub(super) fn write_and_answer(&mut self, records: Vec<GroupRecord>, results: Results, answer: Answer<Results>) {
        if records.is_empty() {
            let _ = answer.send(Ok(results));
            return;
        }
        self.write(records, Then::Answer(results, answer));
    }

    pub(super) fn write_and_forget(
        &mut self,
        records: Vec<GroupRecord>,
        group_id: GroupId,
        answer: Option<Answer<()>>,
    ) {
        self.write(records, Then::Forget(group_id, answer));
    }

    pub(super) fn write(&mut self, records: Vec<GroupRecord>, then: Then) {
        debug_assert!(
            records.windows(2).all(|pair| pair[0].group_id() == pair[1].group_id()),
            "a write belongs to one group"
        );
        self.push(Content::Records(records), then);
    }

    pub(super) fn push(&mut self, mut content: Content, then: Then) {
        if let Content::Records(records) = &mut content
            && let Some(group_id) = records.first().map(GroupRecord::group_id)
            && let Some(left) = self.leftovers.remove(group_id)
        {
            records.splice(0..0, left);
        }
        if let Some(record) = content.records().first() {
            *self.in_flight.entry(record.group_id().clone()).or_default() += 1;
        }
        self.outbox.push(Write { content, then });
    }

    /// What is to be appended, in this order.
    pub(crate) fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.outbox)
    }

    /// The high watermark has passed the write, or it failed.
    pub(crate) fn complete(&mut self, write: Write, result: Result<(), WriteFailure>, now: Moment) {
        let Write { content, then } = write;
        let mut settled = None;
        if let Some(group_id) = content.records().first().map(GroupRecord::group_id)
            && let Some(count) = self.in_flight.get_mut(group_id)
        {
            *count -= 1;
            if *count == 0 {
                settled = self.in_flight.remove_entry(group_id).map(|(group_id, _)| group_id);
            }
        }
        if let Then::TellMember(write) = &then {
            self.note_consumer_write(write, &content, result);
        }
        if result.is_err() {
            self.keep_leftovers(&content);
        }
        self.apply_content(content, result.is_ok(), now);
        let failure = result;
        let result = result.map_err(GroupError::from);
        match then {
            Then::Nothing => {}
            Then::AnswerMarker(answer) => drop(answer.send(failure)),
            Then::Tell(group_id, purpose) => {
                if let Err(error) = result {
                    tracing::warn!(%group_id, %error, "group could not be written");
                }
                // A group that was deleted meanwhile has nobody to tell.
                let _ = self.with_group(&group_id, now, |group, surroundings| {
                    ((), group.persisted(purpose, result, surroundings))
                });
            }
            Then::TellMember(write) => self.tell_member(write, result),
            Then::Answer(results, answer) => {
                let _ = answer.send(result.map(|()| results));
            }
            Then::Forget(group_id, answer) => {
                if result.is_ok() {
                    self.groups.remove(&group_id);
                    self.consumers.remove(&group_id);
                } else if let Some(group) = self.groups.get_mut(&group_id) {
                    group.reopen(now);
                } else if let Some(group) = self.consumers.get_mut(&group_id) {
                    group.reopen();
                }
                self.schedule(&group_id);
                if let Some(answer) = answer {
                    let _ = answer.send(result);
                }
            }
        }
        if let Some(group_id) = settled {
            self.begin_waiting_deletions(&group_id, now);
        }
    }

    pub(super) fn apply(&mut self, record: GroupRecord, now: Moment) {
        // Groups change when they decide, and are written for those who come after; only offsets wait for the log.
        let GroupRecord::Offset {
            group_id,
            topic_partition,
            value,
        } = record
        else {
            return;
        };
        if value.is_some() {
            self.ensure_group(&group_id, now);
        }
        self.offsets.apply(group_id, topic_partition, value);
    }

    /// Answers all that wait: another broker coordinates from now on.
    pub(crate) fn resign(&mut self) {
        for answer in self.deletions.drain().flat_map(|(_, waiting)| waiting) {
            let _ = answer.send(Err(GroupError::NotCoordinator));
        }
        let mut commands = Vec::new();
        for group in self.groups.values_mut() {
            group.resign(&mut commands);
        }
        let nobody = GroupId::new("");
        for command in commands {
            self.carry_out(&nobody, command);
        }
    }
}

#[cfg(test)]
mod consumer_tests;
#[cfg(test)]
mod migration_tests;
#[cfg(test)]
mod tests;
