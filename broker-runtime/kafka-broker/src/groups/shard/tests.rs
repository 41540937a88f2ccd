//! A shard between its questions and its log.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::sync::oneshot::{self, Receiver};

use super::*;
use crate::groups::{
    ask::{CommitRequest, OffsetList, OffsetToCommit, OffsetsWish},
    command::{Speaker, SyncRequest},
    group::GroupState,
    ids::{InstanceId, MemberId},
    member::MemberProtocol,
    record_format::TopicPartition,
};
use crate::{
    coordinator::{CoordinatorRecord, Loaded},
    partition::ProducerIdentity,
};

const HOUR_MS: i64 = 3_600_000;

fn config() -> GroupConfig {
    GroupConfig {
        initial_rebalance_delay_ms: 0,
        session_timeout_ms_min: 6_000,
        session_timeout_ms_max: 60_000,
        members_max: 10,
        consumer: crate::groups::consumer::consumer_config(&BTreeMap::new()),
        offset_metadata_bytes_max: 8,
        offsets_retention_ms: HOUR_MS,
        offsets_retention_check_interval_ms: 600_000,
    }
}

pub(super) fn at(ms: i64) -> Moment {
    Moment {
        monotonic_ms: ms,
        wall_ms: 1_000_000 + ms,
    }
}

pub(super) fn group_id() -> GroupId {
    GroupId::new("g")
}

fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: topic.into(),
        partition,
    }
}

fn speaker(member: &str, generation: i32) -> Speaker {
    Speaker {
        member_id: MemberId::new(member),
        instance_id: None,
        generation,
    }
}

fn commit_request(speaker: Speaker, topic: &str, offset: i64) -> CommitRequest {
    let offset = OffsetToCommit {
        partition: partition(topic, 0),
        topic_id: uuid::Uuid::nil(),
        offset,
        leader_epoch: 3,
        metadata: "m".into(),
    };
    CommitRequest {
        group_id: group_id(),
        speaker,
        knows_epochs: true,
        retention_ms: None,
        offsets: vec![offset],
    }
}

/// A shard and the log it writes to.
pub(super) struct Bench {
    pub(super) shard: Shard,
    log: Vec<Logged>,
}

/// What the log holds.
#[derive(Clone, Debug)]
enum Logged {
    Record(GroupRecord, Option<ProducerIdentity>),
    Marker(ProducerIdentity, bool),
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            shard: Shard::new(config()),
            log: Vec::new(),
        }
    }

    pub(super) fn ask<T>(&mut self, now_ms: i64, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Receiver<T> {
        let (answer, answered) = oneshot::channel();
        self.shard.handle(ask(answer), at(now_ms));
        answered
    }

    /// Appends and commits what the shard wants written.
    pub(super) fn write(&mut self, now_ms: i64) {
        for write in self.shard.take_writes() {
            let producer = match &write.content {
                Content::Records(_) => None,
                Content::OfTransaction(transactional, _) => Some(transactional.producer),
                Content::Marker(marker) => {
                    self.log.push(Logged::Marker(marker.producer, marker.committed));
                    None
                }
            };
            let records = write.content.records().iter().cloned();
            self.log.extend(records.map(|record| Logged::Record(record, producer)));
            self.shard.complete(write, Ok(()), at(now_ms));
        }
    }

    pub(super) fn fail_writes(&mut self, now_ms: i64, error: WriteFailure) {
        for write in self.shard.take_writes() {
            self.shard.complete(write, Err(error), at(now_ms));
        }
    }

    /// The shard of another broker, loaded from the same log.
    pub(super) fn failover(&self, now_ms: i64) -> Self {
        let mut shard = Shard::new(config());
        for logged in &self.log {
            let loaded = match logged {
                Logged::Marker(producer, committed) => Loaded::Marker(*producer, *committed),
                Logged::Record(record, producer) => {
                    let (key, value) = record.encode();
                    let record = GroupRecord::decode(Some(&key), value.as_deref()).unwrap().unwrap();
                    Loaded::Record(record, *producer)
                }
            };
            shard.take_in(loaded, at(now_ms));
        }
        shard.loaded(at(now_ms));
        Self {
            shard,
            log: self.log.clone(),
        }
    }

    fn commit(
        &mut self,
        now_ms: i64,
        speaker: Speaker,
        topic: &str,
        offset: i64,
    ) -> Receiver<Result<Results, GroupError>> {
        let request = commit_request(speaker, topic, offset);
        self.ask(now_ms, |answer| Ask::Commit(request, answer))
    }

    fn offset(&mut self, topic: &str) -> Option<i64> {
        let mut found: Receiver<Result<OffsetList, GroupError>> = self.ask(0, |answer| {
            let wish = OffsetsWish {
                group_id: group_id(),
                partitions: Some(vec![partition(topic, 0)]),
                require_stable: false,
                member: (MemberId::new(""), -1),
            };
            Ask::FetchOffsets(wish, answer)
        });
        let (_, found) = found.try_recv().unwrap().unwrap().remove(0);
        found.unwrap().map(|committed| committed.offset)
    }

    /// The offset, if no transaction can make another of it.
    fn stable_offset(&mut self, topic: &str) -> Result<Option<i64>, GroupError> {
        let wish = OffsetsWish {
            group_id: group_id(),
            partitions: Some(vec![partition(topic, 0)]),
            require_stable: true,
            member: (MemberId::new(""), -1),
        };
        let mut found = self.ask(0, |answer| Ask::FetchOffsets(wish, answer));
        let (_, found) = found.try_recv().unwrap().unwrap().remove(0);
        found.map(|committed| committed.map(|committed| committed.offset))
    }

    fn commit_with(&mut self, producer_id: i64, topic: &str, offset: i64) -> Receiver<Result<Results, GroupError>> {
        self.commit_as(speaker("", -1), producer_id, topic, offset)
    }

    fn commit_as(
        &mut self,
        speaker: Speaker,
        producer_id: i64,
        topic: &str,
        offset: i64,
    ) -> Receiver<Result<Results, GroupError>> {
        let request = commit_request(speaker, topic, offset);
        let transactional = Transactional {
            producer: ProducerIdentity {
                id: producer_id,
                epoch: 0,
            },
            guard: None,
        };
        self.ask(0, |answer| Ask::CommitWithTransaction(request, transactional, answer))
    }

    fn end(&mut self, producer_id: i64, committed: bool) -> oneshot::Receiver<Result<(), WriteFailure>> {
        let marker = TransactionMarker {
            producer: ProducerIdentity {
                id: producer_id,
                epoch: 0,
            },
            committed,
            coordinator_epoch: 0,
            bumps_epoch: false,
        };
        self.ask(0, |answer| Ask::EndTransaction(marker, answer))
    }

    fn state(&mut self) -> Result<GroupState, GroupError> {
        let mut described = self.ask(0, |answer| Ask::Describe(group_id(), answer));
        described.try_recv().unwrap().map(|description| description.state)
    }

    pub(super) fn join(&mut self, now_ms: i64, member: &str, fresh: &str) -> Receiver<JoinAnswer> {
        // Reads topic "t".
        let metadata = Bytes::from_static(b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0");
        let request = JoinRequest {
            group_id: group_id(),
            member_id: MemberId::new(member),
            instance_id: None::<InstanceId>,
            client_id: "c".into(),
            client_host: "/h".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 30_000,
            protocol_type: "consumer".into(),
            protocols: vec![MemberProtocol {
                name: "range".into(),
                metadata,
            }],
            requires_known_member_id: false,
            supports_skipping_assignment: false,
            fresh_member_id: MemberId::new(fresh),
        };
        self.ask(now_ms, |answer| Ask::Join(request, answer))
    }

    fn sync(&mut self, now_ms: i64, member: &str, generation: i32) -> Receiver<Result<SyncAnswer, GroupError>> {
        let assignments = BTreeMap::from([(MemberId::new(member), Bytes::from_static(b"all"))]);
        let request = SyncRequest {
            group_id: group_id(),
            speaker: speaker(member, generation),
            protocol_type: None,
            protocol_name: None,
            assignments,
        };
        self.ask(now_ms, |answer| Ask::Sync(request, answer))
    }

    /// A stable group of `a` in generation 1.
    fn stable() -> Self {
        let mut bench = Self::new();
        bench.join(0, "", "a").try_recv().unwrap().result.unwrap();
        let mut synced = bench.sync(0, "a", 1);
        assert!(synced.try_recv().is_err(), "the assignment is not on disk yet");
        bench.write(0);
        synced.try_recv().unwrap().unwrap();
        bench
    }
}

#[test]
fn an_offset_is_seen_once_it_is_on_disk_and_survives_a_failover() {
    let mut bench = Bench::new();
    let mut committed = bench.commit(0, speaker("", -1), "t", 5);
    assert_eq!(bench.offset("t"), None);
    assert!(committed.try_recv().is_err());
    bench.write(0);
    assert_eq!(committed.try_recv().unwrap(), Ok(vec![Ok(())]));
    assert_eq!(bench.offset("t"), Some(5));
    let mut next = bench.failover(10);
    assert_eq!(next.offset("t"), Some(5));
    assert_eq!(next.state(), Ok(GroupState::Empty));
}

#[test]
fn an_offset_that_cannot_be_written_is_an_error_and_not_seen() {
    let mut bench = Bench::new();
    let mut committed = bench.commit(0, speaker("", -1), "t", 5);
    bench.fail_writes(0, WriteFailure::NotCoordinator);
    assert_eq!(committed.try_recv().unwrap(), Err(GroupError::NotCoordinator));
    assert_eq!(bench.offset("t"), None);
}

#[test]
fn metadata_that_is_too_long_is_refused_for_its_partition_only() {
    let mut bench = Bench::new();
    let entry = |topic: &str, metadata: &str| OffsetToCommit {
        partition: partition(topic, 0),
        topic_id: uuid::Uuid::nil(),
        offset: 1,
        leader_epoch: -1,
        metadata: metadata.into(),
    };
    let offsets = vec![entry("long", "123456789"), entry("short", "12345678")];
    let request = CommitRequest {
        group_id: group_id(),
        speaker: speaker("", -1),
        knows_epochs: true,
        retention_ms: None,
        offsets,
    };
    let mut committed = bench.ask(0, |answer| Ask::Commit(request, answer));
    bench.write(0);
    assert_eq!(
        committed.try_recv().unwrap(),
        Ok(vec![Err(GroupError::OffsetMetadataTooLarge), Ok(())])
    );
    assert_eq!((bench.offset("long"), bench.offset("short")), (None, Some(1)));
}

#[test]
fn members_and_generation_survive_a_failover() {
    let mut next = Bench::stable().failover(5_000);
    let mut beat = next.ask(5_000, |answer| Ask::Heartbeat(group_id(), speaker("a", 1), answer));
    assert_eq!(beat.try_recv().unwrap(), Ok(()));
    let mut synced = next.sync(5_000, "a", 1);
    assert_eq!(synced.try_recv().unwrap().unwrap().assignment, "all");
    assert_eq!(next.shard.next_deadline_ms(), Some(15_000));
    next.shard.tick(at(15_000));
    assert_eq!(next.state(), Ok(GroupState::Empty), "its session is over");
}

#[test]
fn strangers_to_a_group_are_turned_away() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.join(0, "x", "y").try_recv().unwrap().result,
        Err(GroupError::UnknownMemberId)
    );
    let mut beat = bench.ask(0, |answer| Ask::Heartbeat(group_id(), speaker("a", 1), answer));
    assert_eq!(beat.try_recv().unwrap(), Err(GroupError::UnknownMemberId));
    assert_eq!(
        bench.commit(0, speaker("a", 1), "t", 1).try_recv().unwrap(),
        Err(GroupError::IllegalGeneration)
    );
    assert_eq!(
        bench.sync(0, "a", 1).try_recv().unwrap(),
        Err(GroupError::UnknownMemberId)
    );
    assert_eq!(bench.shard.group_count(), 0, "none of them made a group");
}

#[test]
fn who_waits_is_sent_away_when_the_coordinator_moves() {
    let mut bench = Bench::stable();
    let mut waiting = bench.join(0, "", "b");
    assert!(waiting.try_recv().is_err());
    bench.shard.resign();
    assert_eq!(waiting.try_recv().unwrap().result, Err(GroupError::NotCoordinator));
}

#[test]
fn who_wants_a_group_deleted_is_sent_away_when_the_coordinator_moves() {
    let mut bench = Bench::stable();
    bench.shard.tick(at(10_000));
    let mut deleted = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    bench.shard.resign();
    assert_eq!(deleted.try_recv().unwrap(), Err(GroupError::NotCoordinator));
}

#[test]
fn only_an_empty_group_is_deleted_and_its_offsets_go_with_it() {
    let mut bench = Bench::stable();
    bench.commit(0, speaker("a", 1), "t", 7);
    bench.write(0);
    let mut deleted = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    assert_eq!(deleted.try_recv().unwrap(), Err(GroupError::NonEmptyGroup));
    bench.shard.tick(at(10_000));
    let mut deleted = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    let mut second = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    assert!(deleted.try_recv().is_err(), "its last state is on its way");
    bench.write(0);
    assert!(deleted.try_recv().is_err(), "the deletion is on its way");
    assert_eq!(second.try_recv().unwrap(), Err(GroupError::GroupIdNotFound));
    bench.write(0);
    assert_eq!(deleted.try_recv().unwrap(), Ok(()));
    assert_eq!(
        (bench.state(), bench.offset("t")),
        (Err(GroupError::GroupIdNotFound), None)
    );
    assert_eq!(bench.failover(0).shard.group_count(), 0);
    let mut again = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    assert_eq!(again.try_recv().unwrap(), Err(GroupError::GroupIdNotFound));
}

#[test]
fn a_deletion_that_cannot_be_written_leaves_the_group() {
    let mut bench = Bench::new();
    bench.commit(0, speaker("", -1), "t", 7);
    bench.write(0);
    let mut deleted = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    bench.fail_writes(0, WriteFailure::NotAvailable);
    assert_eq!(deleted.try_recv().unwrap(), Err(GroupError::CoordinatorNotAvailable));
    assert_eq!((bench.state(), bench.offset("t")), (Ok(GroupState::Empty), Some(7)));
}

#[test]
fn offsets_of_topics_the_group_reads_are_not_deleted() {
    let mut bench = Bench::stable();
    bench.commit(0, speaker("a", 1), "t", 7);
    bench.commit(0, speaker("a", 1), "other", 8);
    bench.write(0);
    let partitions = vec![partition("t", 0), partition("other", 0), partition("none", 0)];
    let mut deleted = bench.ask(0, |answer| Ask::DeleteOffsets(group_id(), partitions, answer));
    bench.write(0);
    let expected = vec![Err(GroupError::GroupSubscribedToTopic), Ok(()), Ok(())];
    assert_eq!(deleted.try_recv().unwrap(), Ok(expected));
    assert_eq!((bench.offset("t"), bench.offset("other")), (Some(7), None));
}

#[test]
fn offsets_expire_after_the_group_is_empty_and_the_group_with_them() {
    let mut bench = Bench::stable();
    bench.commit(0, speaker("a", 1), "t", 7);
    bench.write(0);
    bench.shard.expire(at(2 * HOUR_MS));
    bench.write(0);
    assert_eq!(bench.offset("t"), Some(7), "a member reads the topic");
    bench.shard.tick(at(2 * HOUR_MS));
    bench.write(2 * HOUR_MS);
    bench.shard.expire(at(3 * HOUR_MS - 1));
    bench.write(0);
    assert_eq!(bench.offset("t"), Some(7));
    bench.shard.expire(at(3 * HOUR_MS));
    bench.write(0);
    assert_eq!(
        (bench.state(), bench.offset("t")),
        (Err(GroupError::GroupIdNotFound), None)
    );
    assert_eq!(bench.failover(0).shard.group_count(), 0);
}

#[test]
fn offsets_of_consumers_that_assign_themselves_expire_after_their_commit() {
    let mut bench = Bench::new();
    bench.commit(0, speaker("", -1), "t", 7);
    bench.commit(HOUR_MS, speaker("", -1), "u", 8);
    bench.write(0);
    bench.shard.expire(at(HOUR_MS));
    bench.write(0);
    assert_eq!((bench.offset("t"), bench.offset("u")), (None, Some(8)));
    bench.shard.expire(at(2 * HOUR_MS));
    bench.write(0);
    assert_eq!(bench.shard.group_count(), 0);
}

#[test]
fn offsets_of_deleted_topics_are_forgotten() {
    let mut bench = Bench::new();
    bench.commit(0, speaker("", -1), "t", 7);
    bench.commit(0, speaker("", -1), "u", 8);
    bench.write(0);
    bench.shard.topics_deleted(|partition, _| &*partition.topic == "t");
    bench.write(0);
    assert_eq!((bench.offset("t"), bench.offset("u")), (None, Some(8)));
    assert_eq!(bench.failover(0).offset("t"), None);
}

#[test]
fn offsets_of_a_transaction_take_effect_with_it() {
    for committed in [true, false] {
        for dies in [true, false] {
            let mut bench = Bench::new();
            drop(bench.commit(0, speaker("", -1), "t", 3));
            bench.write(0);
            let mut answer = bench.commit_with(7, "t", 9);
            assert_eq!(bench.stable_offset("t"), Err(GroupError::UnstableOffsetCommit));
            bench.write(0);
            assert_eq!(answer.try_recv().unwrap().unwrap(), [Ok(())]);
            if dies {
                bench = bench.failover(0);
            }
            assert_eq!(bench.offset("t"), Some(3));
            assert_eq!(bench.stable_offset("t"), Err(GroupError::UnstableOffsetCommit));
            let mut ended = bench.end(7, committed);
            bench.write(0);
            assert_eq!(ended.try_recv().unwrap(), Ok(()));
            let expected = if committed { Some(9) } else { Some(3) };
            assert_eq!(bench.stable_offset("t"), Ok(expected));
            assert_eq!(bench.failover(0).stable_offset("t"), Ok(expected));
        }
    }
}

/// Kafka makes the group with the first offset that waits for a transaction, and it stays when that is aborted.
#[test]
fn a_group_is_there_while_its_only_offsets_wait() {
    for dies in [true, false] {
        let mut bench = Bench::new();
        let mut answer = bench.commit_as(speaker("m", 3), 7, "t", 9);
        assert_eq!(
            answer.try_recv().unwrap(),
            Err(GroupError::IllegalGeneration),
            "there is no group"
        );
        drop(bench.commit_with(7, "t", 9));
        bench.write(0);
        if dies {
            bench = bench.failover(0);
        }
        let mut answer = bench.commit_as(speaker("m", 3), 7, "t", 9);
        assert_eq!(answer.try_recv().unwrap(), Err(GroupError::UnknownMemberId));
        assert_eq!(bench.state(), Ok(GroupState::Empty));
        drop(bench.end(7, false));
        bench.write(0);
        assert_eq!(bench.state(), Ok(GroupState::Empty));
    }
}

#[test]
fn what_was_committed_later_wins() {
    let mut bench = Bench::new();
    drop(bench.commit_with(7, "t", 9));
    bench.write(0);
    drop(bench.commit(0, speaker("", -1), "t", 12));
    bench.write(0);
    drop(bench.end(7, true));
    bench.write(0);
    assert_eq!(bench.offset("t"), Some(12));
    assert_eq!(bench.failover(0).offset("t"), Some(12));
}

#[test]
fn refused_offsets_of_a_transaction_leave_nothing_behind() {
    let mut bench = Bench::new();
    let mut answer = bench.commit_with(7, "t", 9);
    bench.fail_writes(0, WriteFailure::NotInTransaction);
    assert_eq!(answer.try_recv().unwrap(), Err(GroupError::InvalidTxnState));
    assert_eq!(bench.stable_offset("t"), Ok(None));
    drop(bench.end(7, true));
    bench.write(0);
    assert_eq!(bench.offset("t"), None);
}

#[test]
fn a_group_with_undecided_offsets_is_not_deleted() {
    let mut bench = Bench::new();
    drop(bench.commit_with(7, "t", 9));
    bench.write(0);
    drop(bench.commit(0, speaker("", -1), "u", 1));
    bench.write(0);
    let mut deleted = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    assert_eq!(deleted.try_recv().unwrap(), Err(GroupError::CoordinatorNotAvailable));
    drop(bench.end(7, true));
    bench.write(0);
    let mut deleted = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    bench.write(0);
    assert_eq!(deleted.try_recv().unwrap(), Ok(()));
}
