//! A group whose members use both protocols, between them and the log: whatever happens, nobody reads what another reads.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

use super::{
    tests::{Bench, at, group_id},
    *,
};
use crate::{
    coordinator::{WriteFailure, put_string},
    groups::{
        command::{Joined, LeavingMember, Speaker, SyncRequest},
        consumer::{
            HeartbeatAnswer, LEAVE_EPOCH, MigrationPolicy,
            tests::{heartbeat, image, join},
        },
        describe::GroupKind,
        embedded_protocol::{EmbeddedSubscription, NamedPartitions, read_assignment, write_assignment},
        ids::MemberId,
        member::MemberProtocol,
    },
};

const PARTITIONS: i32 = 5;

type Owned = BTreeSet<i32>;

fn names(owned: &Owned) -> NamedPartitions {
    owned.iter().map(|partition| ("t".into(), *partition)).collect()
}

fn subscription(owned: &Owned) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(1);
    out.put_i32(1);
    put_string(&mut out, "t");
    out.put_i32(-1);
    out.put_i32(1);
    put_string(&mut out, "t");
    out.put_i32(i32::try_from(owned.len()).unwrap());
    owned.iter().for_each(|partition| out.put_i32(*partition));
    assert_eq!(EmbeddedSubscription::read(&out).unwrap().owned, names(owned));
    out.freeze()
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.shard.set_image(Arc::new(image(10, &[("t", PARTITIONS)])));
    bench
}

fn failover(bench: &mut Bench, now_ms: i64) {
    bench.shard.resign();
    *bench = bench.failover(now_ms);
    bench.shard.set_image(Arc::new(image(10, &[("t", PARTITIONS)])));
}

fn kind_of(bench: &mut Bench) -> Option<GroupKind> {
    let listed = bench.ask(0, Ask::List).try_recv().unwrap().unwrap();
    listed.first().map(|group| group.kind)
}

fn join_request(member_id: MemberId, fresh: &str) -> JoinRequest {
    JoinRequest {
        group_id: group_id(),
        member_id,
        instance_id: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: Vec::new(),
        requires_known_member_id: true,
        supports_skipping_assignment: true,
        fresh_member_id: MemberId::new(fresh),
    }
}

/// What a consumer of the classic protocol waits for.
enum Stage {
    ToJoin,
    Joining(Receiver<JoinAnswer>),
    Syncing(Receiver<Result<SyncAnswer, GroupError>>),
    Stable,
}

/// A consumer of the classic protocol, by the rules of Java's.
struct Classic {
    /// It keeps what it reads while it joins.
    cooperative: bool,
    member_id: MemberId,
    generation: i32,
    owned: Owned,
    stage: Stage,
}

impl Classic {
    fn new(cooperative: bool) -> Self {
        Self {
            cooperative,
            member_id: MemberId::new(""),
            generation: -1,
            owned: Owned::new(),
            stage: Stage::ToJoin,
        }
    }

    fn speaker(&self) -> Speaker {
        Speaker {
            member_id: self.member_id.clone(),
            instance_id: None,
            generation: self.generation,
        }
    }

    fn failed(&mut self, error: GroupError) {
        match error {
            GroupError::UnknownMemberId => {
                self.member_id = MemberId::new("");
                self.owned.clear();
            }
            GroupError::IllegalGeneration => self.owned.clear(),
            _ => {}
        }
        self.stage = Stage::ToJoin;
    }

    fn turn(&mut self, bench: &mut Bench, now_ms: i64, fresh: &str) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::ToJoin) {
            Stage::ToJoin => self.join(bench, now_ms, fresh),
            Stage::Joining(mut answer) => match answer.try_recv() {
                Err(TryRecvError::Empty) => Stage::Joining(answer),
                Err(TryRecvError::Closed) => Stage::ToJoin,
                Ok(answer) => {
                    self.member_id = answer.member_id;
                    match answer.result {
                        Ok(joined) => self.sync(bench, now_ms, &joined),
                        Err(error) => return self.failed(error),
                    }
                }
            },
            Stage::Syncing(mut answer) => match answer.try_recv() {
                Err(TryRecvError::Empty) => Stage::Syncing(answer),
                Err(TryRecvError::Closed) => Stage::ToJoin,
                Ok(Ok(answer)) => self.take(&answer.assignment),
                Ok(Err(error)) => return self.failed(error),
            },
            Stage::Stable => {
                let mut beat = bench.ask(now_ms, |answer| Ask::Heartbeat(group_id(), self.speaker(), answer));
                match beat.try_recv().unwrap() {
                    Ok(()) => Stage::Stable,
                    Err(error) => return self.failed(error),
                }
            }
        };
    }

    fn join(&mut self, bench: &mut Bench, now_ms: i64, fresh: &str) -> Stage {
        if !self.cooperative {
            self.owned.clear();
        }
        let request = JoinRequest {
            protocols: vec![MemberProtocol {
                name: "p".into(),
                metadata: subscription(&self.owned),
            }],
            ..join_request(self.member_id.clone(), fresh)
        };
        Stage::Joining(bench.ask(now_ms, |answer| Ask::Join(request, answer)))
    }

    fn sync(&mut self, bench: &mut Bench, now_ms: i64, joined: &Joined) -> Stage {
        self.generation = joined.generation;
        let assignments = if joined.leader == self.member_id {
            assign(joined, self.cooperative)
        } else {
            BTreeMap::new()
        };
        let request = SyncRequest {
            group_id: group_id(),
            speaker: self.speaker(),
            protocol_type: joined.protocol_type.clone(),
            protocol_name: joined.protocol_name.clone(),
            assignments,
        };
        Stage::Syncing(bench.ask(now_ms, |answer| Ask::Sync(request, answer)))
    }

    fn take(&mut self, assignment: &[u8]) -> Stage {
        let assigned: Owned = read_assignment(assignment)
            .unwrap()
            .into_iter()
            .map(|(_, it)| it)
            .collect();
        let gives_up = !self.owned.is_subset(&assigned);
        self.owned = assigned;
        if gives_up { Stage::ToJoin } else { Stage::Stable }
    }
}

/// What a leader makes of its members: equal shares; a cooperative one gives nobody what another still has.
fn assign(joined: &Joined, cooperative: bool) -> BTreeMap<MemberId, Bytes> {
    let owned = |metadata: &Bytes| EmbeddedSubscription::read(metadata).unwrap().owned;
    let members: Vec<(&MemberId, Owned)> = joined
        .members
        .iter()
        .map(|member| {
            (
                &member.member_id,
                owned(&member.metadata).into_iter().map(|(_, it)| it).collect(),
            )
        })
        .collect();
    let mut shares = vec![Owned::new(); members.len()];
    for partition in 0..PARTITIONS {
        let index = usize::try_from(partition).unwrap() % members.len();
        let other_has = |(at, (_, owned)): (usize, &(&MemberId, Owned))| at != index && owned.contains(&partition);
        if !(cooperative && members.iter().enumerate().any(other_has)) {
            shares[index].insert(partition);
        }
    }
    let with_share = members.iter().zip(&shares).map(|((member_id, _), share)| {
        let topics = [("t", share)];
        ((*member_id).clone(), write_assignment(1, topics.into_iter()))
    });
    with_share.collect()
}

/// A consumer of the consumer protocol.
#[derive(Default)]
struct Modern {
    epoch: i32,
    owned: Owned,
    waits: Option<Receiver<Result<HeartbeatAnswer, GroupError>>>,
}

impl Modern {
    fn turn(&mut self, bench: &mut Bench, now_ms: i64, name: &str) {
        if let Some(mut waits) = self.waits.take() {
            match waits.try_recv() {
                Err(TryRecvError::Empty) => self.waits = Some(waits),
                Ok(Ok(answer)) => {
                    self.epoch = answer.member_epoch;
                    if let Some(assigned) = answer.assignment {
                        self.owned = assigned.iter().map(|(_, partition)| partition).collect();
                    }
                }
                Ok(Err(GroupError::UnknownMemberId | GroupError::FencedMemberEpoch)) => *self = Self::default(),
                Ok(Err(_)) | Err(TryRecvError::Closed) => {}
            }
            return;
        }
        let topic_id = bench.shard.image.topics["t"].topic_id.0;
        let mut request = join(name, &["t"]);
        request.member_epoch = self.epoch;
        request.owned = Some(self.owned.iter().map(|partition| (topic_id, *partition)).collect());
        self.waits = Some(bench.ask(now_ms, |answer| Ask::ConsumerHeartbeat(Box::new(request), answer)));
    }
}

/// Everybody, by a number.
#[derive(Default)]
struct Members {
    classic: BTreeMap<usize, Classic>,
    modern: BTreeMap<usize, Modern>,
    ids: usize,
    now_ms: i64,
}

impl Members {
    fn turn(&mut self, bench: &mut Bench, index: usize) {
        self.ids += 1;
        let fresh = format!("c{index}-{}", self.ids);
        if let Some(classic) = self.classic.get_mut(&index) {
            classic.turn(bench, self.now_ms, &fresh);
        }
        if let Some(modern) = self.modern.get_mut(&index) {
            modern.turn(bench, self.now_ms, &format!("m{index}"));
        }
    }

    /// Leaves and comes back with the other protocol.
    fn change(&mut self, bench: &mut Bench, index: usize, cooperative: bool) {
        if let Some(gone) = self.classic.remove(&index) {
            let leaving = LeavingMember {
                member_id: gone.member_id,
                instance_id: None,
            };
            drop(bench.ask(self.now_ms, |answer| Ask::Leave(group_id(), vec![leaving], answer)));
            self.modern.insert(index, Modern::default());
        } else {
            if self.modern.remove(&index).is_some() {
                let request = Box::new(heartbeat(&format!("m{index}"), LEAVE_EPOCH));
                drop(bench.ask(self.now_ms, |answer| Ask::ConsumerHeartbeat(request, answer)));
            }
            self.classic.insert(index, Classic::new(cooperative));
        }
    }

    fn owned(&self) -> impl Iterator<Item = &Owned> {
        let classic = self.classic.values().map(|member| &member.owned);
        classic.chain(self.modern.values().map(|member| &member.owned))
    }

    fn assert_nothing_is_read_twice(&self) {
        let mut read = Owned::new();
        for partition in self.owned().flatten() {
            assert!(read.insert(*partition), "{partition} is read by two");
        }
    }

    /// Two minutes of peace: who is here sends heartbeats, and who went without the log knowing it is given up.
    fn settle(&mut self, bench: &mut Bench) {
        for _ in 0..120 {
            for index in 0..4 {
                self.turn(bench, index);
                bench.write(self.now_ms);
                self.assert_nothing_is_read_twice();
            }
            self.now_ms += 1_000;
            bench.shard.tick(at(self.now_ms));
            bench.write(self.now_ms);
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Turn(usize),
    Change(usize),
    Write,
    FailWrites,
    Failover,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (0usize..4).prop_map(Event::Turn),
        2 => (0usize..4).prop_map(Event::Change),
        8 => Just(Event::Write),
        1 => Just(Event::FailWrites),
        1 => Just(Event::Failover),
    ]
}

/// No partition is read by two members, and once there is peace everything is read.
fn play(cooperative: bool, events: Vec<Event>) {
    let mut bench = bench();
    let mut members = Members::default();
    for index in 0..4 {
        members.classic.insert(index, Classic::new(cooperative));
    }
    members.settle(&mut bench);
    for event in events {
        match event {
            Event::Turn(index) => members.turn(&mut bench, index),
            Event::Change(index) => members.change(&mut bench, index, cooperative),
            Event::Write => bench.write(members.now_ms),
            Event::FailWrites => bench.fail_writes(members.now_ms, WriteFailure::NotAvailable),
            Event::Failover => failover(&mut bench, members.now_ms),
        }
        members.assert_nothing_is_read_twice();
    }
    members.settle(&mut bench);
    let read: usize = members.owned().map(BTreeSet::len).sum();
    assert_eq!(read, usize::try_from(PARTITIONS).unwrap(), "everything is read");
    assert!(members.owned().all(|owned| (1..=2).contains(&owned.len())));
    let is_classic = kind_of(&mut bench).map(|kind| kind == GroupKind::Classic);
    assert_eq!(is_classic, Some(members.modern.is_empty()));
    let before: Vec<Owned> = members.owned().cloned().collect();
    failover(&mut bench, members.now_ms);
    members.settle(&mut bench);
    assert!(members.owned().eq(before.iter()), "the next coordinator knows it all");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn members_of_both_protocols_never_share_a_partition(
        cooperative: bool,
        events in proptest::collection::vec(event(), 1..80),
    ) {
        play(cooperative, events);
    }
}

#[test]
fn members_settle_after_a_write_that_failed_while_they_changed() {
    use Event::{Change, FailWrites, Turn};
    let turns = |turns: [usize; 7]| turns.into_iter().map(Turn);
    let before = std::iter::once(Change(2)).chain(turns([3, 0, 1, 0, 3, 1, 0]));
    play(true, before.chain([FailWrites, Turn(1), Turn(0)]).collect());
}

/// A stable group of two classic members.
fn classic_pair() -> (Bench, Members) {
    let (mut bench, mut members) = (bench(), Members::default());
    for index in 0..2 {
        members.classic.insert(index, Classic::new(true));
    }
    members.settle(&mut bench);
    (bench, members)
}

#[test]
fn a_group_goes_to_the_consumer_protocol_and_back() {
    let (mut bench, mut members) = classic_pair();
    assert_eq!(kind_of(&mut bench), Some(GroupKind::Classic));
    members.modern.insert(2, Modern::default());
    members.settle(&mut bench);
    assert_eq!(kind_of(&mut bench), Some(GroupKind::Consumer));
    members.modern.clear();
    let request = Box::new(heartbeat("m2", LEAVE_EPOCH));
    drop(bench.ask(members.now_ms, |answer| Ask::ConsumerHeartbeat(request, answer)));
    assert_eq!(kind_of(&mut bench), Some(GroupKind::Classic));
    let before: Vec<Owned> = members.owned().cloned().collect();
    assert!(before.iter().all(|owned| !owned.is_empty()));
    bench.write(members.now_ms);
    members.turn(&mut bench, 0);
    members.turn(&mut bench, 1);
    assert!(members.owned().eq(before.iter()), "nobody loses what it has");
    members.settle(&mut bench);
    assert_eq!(members.owned().map(BTreeSet::len).sum::<usize>(), 5);
}

#[test]
fn members_have_to_share_a_protocol_with_the_others_of_their_kind() {
    let (mut bench, mut members) = classic_pair();
    members.modern.insert(2, Modern::default());
    members.settle(&mut bench);
    let mut ask = |names: &[&str]| {
        let offered = names.iter().map(|name| MemberProtocol {
            name: (*name).into(),
            metadata: subscription(&Owned::new()),
        });
        let request = JoinRequest {
            protocols: offered.collect(),
            ..join_request(MemberId::new("n"), "n")
        };
        let mut joined = bench.ask(members.now_ms, |answer| Ask::Join(request, answer));
        bench.write(members.now_ms);
        joined.try_recv().unwrap().result.map(drop)
    };
    assert_eq!(ask(&["q"]), Err(GroupError::InconsistentGroupProtocol));
    assert_eq!(ask(&["q", "r"]), Err(GroupError::InconsistentGroupProtocol));
    assert_eq!(ask(&["q", "p"]), Ok(()));
}

#[test]
fn the_policy_keeps_groups_as_they_are() {
    let (mut bench, mut members) = classic_pair();
    bench.shard.config.consumer.migration_policy = MigrationPolicy::Downgrade;
    let mut refused = bench.ask(0, |answer| Ask::ConsumerHeartbeat(Box::new(join("m2", &["t"])), answer));
    assert_eq!(refused.try_recv().unwrap(), Err(GroupError::GroupIdNotFound));
    bench.shard.config.consumer.migration_policy = MigrationPolicy::Upgrade;
    members.modern.insert(2, Modern::default());
    members.settle(&mut bench);
    let request = Box::new(heartbeat("m2", LEAVE_EPOCH));
    drop(bench.ask(members.now_ms, |answer| Ask::ConsumerHeartbeat(request, answer)));
    bench.write(members.now_ms);
    assert_eq!(kind_of(&mut bench), Some(GroupKind::Consumer));
}

#[test]
fn a_classic_member_that_does_not_join_when_it_is_called_is_given_up() {
    let (mut bench, mut members) = classic_pair();
    members.modern.insert(2, Modern::default());
    members.turn(&mut bench, 2);
    bench.write(members.now_ms);
    members.turn(&mut bench, 2);
    let (begun_ms, speaker) = (members.now_ms, members.classic[&0].speaker());
    let mut beat = |after_ms: i64| {
        members.now_ms = begun_ms + after_ms;
        bench.shard.tick(at(members.now_ms));
        for _ in 0..2 {
            members.turn(&mut bench, 2);
            bench.write(members.now_ms);
        }
        let mut beat = bench.ask(members.now_ms, |answer| {
            Ask::Heartbeat(group_id(), speaker.clone(), answer)
        });
        beat.try_recv().unwrap()
    };
    assert_eq!(beat(0), Err(GroupError::RebalanceInProgress));
    assert_eq!(beat(40_000), Err(GroupError::RebalanceInProgress));
    assert_eq!(
        beat(59_999),
        Err(GroupError::RebalanceInProgress),
        "it lives, and has a minute to join"
    );
    assert_eq!(beat(60_000), Err(GroupError::UnknownMemberId));
}
