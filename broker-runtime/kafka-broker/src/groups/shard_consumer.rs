//! The part of a shard that is about groups of the consumer protocol. A group of theirs changes at once, and whoever sent the
//! heartbeat hears of it when the records are on disk: answers go in the order of the writes, also those that write nothing.

use tokio::sync::oneshot;

use super::{
    ask::{Answer, Results},
    command::{JoinAnswer, SyncAnswer},
    consumer::{
        ConsumerGroup, ConsumerGroupDescription, ConsumerHeartbeat, ConsumerRecord, HeartbeatAnswer, Outcome, World,
    },
    error::GroupError,
    group::ClassicGroup,
    ids::GroupId,
    record_format::GroupRecord,
    shard::{Content, Shard, Then},
};
use crate::coordinator::{Moment, WriteFailure};

/// A write of a consumer group, and who waits for it.
#[derive(Debug)]
pub(crate) struct ConsumerWrite {
    group_id: GroupId,
    /// It has all of the group: what could not be written before is made good.
    has_all: bool,
    reply: Option<Reply>,
}

/// What is to be told, and to whom.
#[derive(Debug)]
pub(crate) enum Reply {
    Heartbeat(HeartbeatAnswer, Answer<HeartbeatAnswer>),
    Join(JoinAnswer, oneshot::Sender<JoinAnswer>),
    Sync(SyncAnswer, Answer<SyncAnswer>),
    Leave(Results, Answer<Results>),
}

impl Reply {
    /// Tells it, or why it does not hold. Whoever asked may have gone.
    fn send(self, result: Result<(), GroupError>) {
        match self {
            Self::Heartbeat(reply, answer) => drop(answer.send(result.map(|()| reply))),
            Self::Sync(reply, answer) => drop(answer.send(result.map(|()| reply))),
            Self::Leave(reply, answer) => drop(answer.send(result.map(|()| reply))),
            Self::Join(mut reply, answer) => {
                if let Err(error) = result {
                    reply.result = Err(error);
                }
                let _ = answer.send(reply);
            }
        }
    }
}

impl Shard {
    pub(super) fn world(&self, now: Moment) -> World<'_> {
        World {
            config: &self.config.consumer,
            image: &self.image,
            now,
        }
    }

    /// Takes in a record of the log, at load. The newest record of either protocol says of which a group is.
    pub(super) fn replay_consumer(&mut self, group_id: GroupId, record: ConsumerRecord, now: Moment) {
        if matches!(record, ConsumerRecord::Group(None)) {
            self.consumers.remove(&group_id);
            return;
        }
        if matches!(record, ConsumerRecord::Group(Some(_))) {
            self.groups.remove(&group_id);
        }
        let known = self.consumers.remove(&group_id);
        let mut group = known.unwrap_or_else(|| ConsumerGroup::new(group_id.clone(), now));
        group.replay(record, self.world(now));
        self.consumers.insert(group_id, group);
    }

    /// All of the log was read. A group of which it has nothing but leftovers is none.
    pub(super) fn consumers_loaded(&mut self, now: Moment) {
        self.consumers.retain(|_, group| !group.was_never_written());
        let world = World {
            config: &self.config.consumer,
            image: &self.image,
            now,
        };
        self.consumers.values_mut().for_each(|group| group.loaded(world));
    }

    pub(super) fn hear_heartbeat(&mut self, request: &ConsumerHeartbeat, answer: Answer<HeartbeatAnswer>, now: Moment) {
        let known = self.consumers.remove(&request.group_id);
        let was_known = known.is_some();
        let group = match known {
            Some(group) => Ok((group, Vec::new())),
            None => self.new_consumer_group(request, now),
        };
        let heard = group.and_then(|(mut group, records)| {
            let outcome = if group.is_closed() {
                Err(GroupError::CoordinatorNotAvailable)
            } else if request.leaves() {
                group.leave(request, self.world(now))
            } else {
                group.heartbeat(request, self.world(now))
            };
            if was_known || outcome.is_ok() {
                self.consumers.insert(request.group_id.clone(), group);
            }
            Ok((outcome?, records))
        });
        match heard {
            Ok((Outcome { records, answer: reply }, mut before)) => {
                if !was_known {
                    self.dismiss_classic(&request.group_id);
                }
                before.extend(self.records_of(&request.group_id, records));
                self.write_consumer(&request.group_id, before, Some(Reply::Heartbeat(reply, answer)));
                if request.leaves() {
                    self.downgrade_if_due(&request.group_id, now);
                }
            }
            Err(error) => drop(answer.send(Err(error))),
        }
        self.schedule(&request.group_id);
    }

    /// A group that a member joins which is not there yet, or which was one of the classic protocol: then the records that end
    /// that, and those of its members.
    fn new_consumer_group(
        &self,
        request: &ConsumerHeartbeat,
        now: Moment,
    ) -> Result<(ConsumerGroup, Vec<GroupRecord>), GroupError> {
        if !request.joins() {
            return Err(GroupError::GroupIdNotFound);
        }
        let classic = self.groups.get(&request.group_id);
        let ended = |_: &ClassicGroup| GroupRecord::Group {
            group_id: request.group_id.clone(),
            value: None,
        };
        if let Some(classic) = classic.filter(|group| !group.is_forgettable()) {
            let group = ConsumerGroup::from_classic(classic, self.world(now))?;
            let mut records = vec![ended(classic)];
            records.extend(self.records_of(&request.group_id, group.all_records()));
            return Ok((group, records));
        }
        let ended = classic.filter(|group| !group.was_never_written()).map(ended);
        let group = ConsumerGroup::new(request.group_id.clone(), now);
        Ok((group, ended.into_iter().collect()))
    }

    /// An empty consumer group becomes one of the classic protocol, when somebody joins that way.
    pub(super) fn make_classic(&mut self, group_id: &GroupId, now: Moment) -> Result<(), GroupError> {
        let Some(group) = self.consumers.get(group_id) else {
            return Ok(());
        };
        if !group.is_empty() || group.is_closed() {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        let records = self.records_of(group_id, group.tombstones());
        self.consumers.remove(group_id);
        self.groups
            .insert(group_id.clone(), ClassicGroup::new(group_id.clone(), now));
        // Should this be lost, the classic group's own record says the same.
        self.push(Content::Records(records), Then::Nothing);
        Ok(())
    }

    pub(super) fn tick_consumer(&mut self, group_id: &GroupId, now: Moment) {
        let Some(mut group) = self.consumers.remove(group_id) else {
            return;
        };
        let records = group.tick(self.world(now));
        self.consumers.insert(group_id.clone(), group);
        if !records.is_empty() {
            let records = self.records_of(group_id, records);
            self.write_consumer(group_id, records, None);
            self.downgrade_if_due(group_id, now);
        }
        self.schedule(group_id);
    }

    pub(super) fn describe_consumer(&self, group_id: &GroupId) -> Result<ConsumerGroupDescription, GroupError> {
        let group = self.consumers.get(group_id).ok_or(GroupError::GroupIdNotFound)?;
        Ok(group.describe(&self.config.consumer))
    }

    pub(super) fn records_of(&self, group_id: &GroupId, records: Vec<ConsumerRecord>) -> Vec<GroupRecord> {
        let records = records.into_iter().map(|record| GroupRecord::Consumer {
            group_id: group_id.clone(),
            record,
        });
        records.collect()
    }

    pub(super) fn write_consumer(&mut self, group_id: &GroupId, mut records: Vec<GroupRecord>, reply: Option<Reply>) {
        let group = self.consumers.get_mut(group_id);
        let unsaved = group.filter(|group| group.is_unsaved());
        let has_all = unsaved.is_some();
        if let Some(group) = unsaved {
            // Whom these remove may be in the log by a write of all that is on its way.
            group.write_failed(consumer_records(&records));
            let all = group.all_records();
            records = self.records_of(group_id, all);
        }
        if records.is_empty() && !self.has_writes_in_flight(group_id) {
            if let Some(reply) = reply {
                reply.send(Ok(()));
            }
            return;
        }
        let write = ConsumerWrite {
            group_id: group_id.clone(),
            has_all,
            reply,
        };
        self.push(Content::Records(records), Then::TellMember(write));
    }

    /// The group learns the fate of a write.
    pub(super) fn note_consumer_write(
        &mut self,
        write: &ConsumerWrite,
        content: &Content,
        result: Result<(), WriteFailure>,
    ) {
        let Some(group) = self.consumers.get_mut(&write.group_id) else {
            return;
        };
        match result {
            Ok(()) if write.has_all => group.all_written(),
            Ok(()) => {}
            Err(_) => {
                group.write_failed(consumer_records(content.records()));
            }
        }
    }

    /// The member hears what the log has; when the log does not have all of it, it is to come again.
    pub(super) fn tell_member(&self, write: ConsumerWrite, result: Result<(), GroupError>) {
        let Some(reply) = write.reply else {
            return;
        };
        let group = self.consumers.get(&write.group_id);
        let result = if group.is_some_and(ConsumerGroup::is_unsaved) {
            Err(result.err().unwrap_or(GroupError::CoordinatorNotAvailable))
        } else {
            result
        };
        reply.send(result);
    }
}

fn consumer_records(records: &[GroupRecord]) -> impl Iterator<Item = &ConsumerRecord> {
    records.iter().filter_map(|record| match record {
        GroupRecord::Consumer { record, .. } => Some(record),
        _ => None,
    })
}
