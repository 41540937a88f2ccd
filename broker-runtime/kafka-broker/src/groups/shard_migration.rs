//! The part of a shard that is about groups of both protocols: requests of the classic protocol to consumer groups, and
//! groups that change their protocol while they have members.

use tokio::sync::oneshot;

use super::{
    ask::{Answer, Results},
    command::{JoinAnswer, JoinRequest, LeavingMember, Speaker, SyncAnswer, SyncRequest},
    consumer::{ConsumerGroup, ConsumerRecord, World},
    error::GroupError,
    ids::GroupId,
    record_format::GroupRecord,
    shard::{Content, Shard, Then},
    shard_consumer::Reply,
};
use crate::coordinator::Moment;

impl Shard {
    /// True for a consumer group that has members, or is being deleted.
    pub(super) fn is_consumer_group(&self, group_id: &GroupId) -> bool {
        let group = self.consumers.get(group_id);
        group.is_some_and(|group| !group.is_empty() || group.is_closed())
    }

    /// Hands a consumer group that is there an event.
    fn with_consumer_group<T>(
        &mut self,
        group_id: &GroupId,
        now: Moment,
        event: impl FnOnce(&mut ConsumerGroup, World<'_>) -> Result<T, GroupError>,
    ) -> Result<T, GroupError> {
        let Some(mut group) = self.consumers.remove(group_id) else {
            return Err(GroupError::UnknownMemberId);
        };
        let result = if group.is_closed() {
            Err(GroupError::CoordinatorNotAvailable)
        } else {
            event(&mut group, self.world(now))
        };
        self.consumers.insert(group_id.clone(), group);
        self.schedule(group_id);
        result
    }

    pub(super) fn join_consumer_group(
        &mut self,
        request: &JoinRequest,
        answer: oneshot::Sender<JoinAnswer>,
        now: Moment,
    ) {
        let group_id = &request.group_id;
        let joined = self.with_consumer_group(group_id, now, |group, world| group.join_classic(request, world));
        match joined {
            Ok(outcome) => {
                let records = self.records_of(group_id, outcome.records);
                self.write_consumer(group_id, records, Some(Reply::Join(outcome.answer, answer)));
                if outcome.replaced {
                    self.downgrade_if_due(group_id, now);
                }
            }
            Err(error) => {
                let _ = answer.send(JoinAnswer {
                    member_id: request.member_id.clone(),
                    result: Err(error),
                });
            }
        }
    }

    pub(super) fn sync_consumer_group(&mut self, request: &SyncRequest, answer: Answer<SyncAnswer>, now: Moment) {
        let group_id = &request.group_id;
        let synced = self.with_consumer_group(group_id, now, |group, world| group.sync_classic(request, world));
        match synced {
            // What it is told may be on its way to the log.
            Ok(reply) => self.write_consumer(group_id, Vec::new(), Some(Reply::Sync(reply, answer))),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    pub(super) fn heartbeat_consumer_group(
        &mut self,
        group_id: &GroupId,
        speaker: &Speaker,
        now: Moment,
    ) -> Result<(), GroupError> {
        self.with_consumer_group(group_id, now, |group, world| group.heartbeat_classic(speaker, world))
    }

    pub(super) fn leave_consumer_group(
        &mut self,
        group_id: &GroupId,
        leaving: &[LeavingMember],
        answer: Answer<Results>,
        now: Moment,
    ) {
        let left = self.with_consumer_group(group_id, now, |group, world| Ok(group.leave_classic(leaving, world)));
        match left {
            Ok((results, records)) => {
                let records = self.records_of(group_id, records);
                self.write_consumer(group_id, records, Some(Reply::Leave(results, answer)));
                self.downgrade_if_due(group_id, now);
            }
            Err(error) => drop(answer.send(Ok(vec![Err(error); leaving.len()]))),
        }
    }

    /// A classic group with members has become the consumer group that is there now: who waits is told to join again.
    pub(super) fn dismiss_classic(&mut self, group_id: &GroupId) {
        let Some(mut group) = self.groups.remove(group_id) else {
            return;
        };
        let mut commands = Vec::new();
        group.dismiss(GroupError::RebalanceInProgress, &mut commands);
        if group.members().next().is_some() {
            tracing::info!(%group_id, "the classic group is a consumer group now");
        }
        for command in commands {
            self.carry_out(group_id, command);
        }
    }

    /// Makes a consumer group that only members of the classic protocol are left in a classic group, if it may be one.
    pub(super) fn downgrade_if_due(&mut self, group_id: &GroupId, now: Moment) {
        let members_max = self.config.members_max;
        let group = self.consumers.get(group_id);
        let Some(group) = group.filter(|group| group.is_to_be_classic(members_max, self.world(now))) else {
            return;
        };
        tracing::info!(%group_id, "the consumer group is a classic group now");
        let classic = group.to_classic(self.world(now));
        let mut records = self.records_of(group_id, group.all_tombstones());
        records.push(GroupRecord::Group {
            group_id: group_id.clone(),
            value: Some(classic.metadata_with(None)),
        });
        self.consumers.remove(group_id);
        self.groups.insert(group_id.clone(), classic);
        self.push(Content::Records(records), Then::Nothing);
        // The group is there: it was made just now.
        let _ = self.with_group(group_id, now, |group, surroundings| ((), group.call_all(surroundings)));
    }

    /// A write failed: what would have removed parts of a consumer group from the log, which is not there any more, goes with
    /// the next write of the group. Until then they are of no account: the newest record says of which protocol a group is.
    pub(super) fn keep_leftovers(&mut self, content: &Content) {
        let Some(group_id) = content.records().first().map(GroupRecord::group_id) else {
            return;
        };
        if self.consumers.contains_key(group_id) {
            return;
        }
        let is_tombstone = |record: &&GroupRecord| {
            use ConsumerRecord::{Current, Group, Member, Regex, Target, TargetEpoch};
            matches!(
                record,
                GroupRecord::Consumer {
                    record: Current(_, None)
                        | Group(None)
                        | Member(_, None)
                        | Regex(_, None)
                        | Target(_, None)
                        | TargetEpoch(None),
                    ..
                }
            )
        };
        let lost: Vec<GroupRecord> = content.records().iter().filter(is_tombstone).cloned().collect();
        if !lost.is_empty() {
            self.leftovers.entry(group_id.clone()).or_default().extend(lost);
        }
    }
}
