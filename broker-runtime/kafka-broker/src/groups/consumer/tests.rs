//! A consumer group between its members and the metadata.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kafka_metadata::{
    BrokerId, LeaderEpoch, MetadataImage, MetadataOffset, MetadataRecord, PartitionEpoch, PartitionState, TopicId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{group::ConsumerGroupState, *};
use crate::{
    coordinator::{Moment, Reader},
    groups::{
        command::Speaker,
        error::GroupError,
        ids::{GroupId, InstanceId, MemberId},
    },
};

fn config() -> ConsumerConfig {
    ConsumerConfig {
        members_max: 8,
        ..consumer_config(&BTreeMap::new())
    }
}

fn at(ms: i64) -> Moment {
    Moment {
        monotonic_ms: ms,
        wall_ms: 1_000_000 + ms,
    }
}

fn topic_id(name: &str) -> TopicId {
    TopicId(Uuid::from_bytes(std::array::from_fn(|index| {
        name.as_bytes().get(index).copied().unwrap_or(1)
    })))
}

/// Metadata with these topics and numbers of partitions.
pub(in crate::groups) fn image(offset: i64, topics: &[(&str, i32)]) -> MetadataImage {
    let mut image = MetadataImage::default();
    let mut records = Vec::new();
    let state = PartitionState {
        replicas: vec![BrokerId(1)],
        isr: vec![BrokerId(1)],
        leader: Some(BrokerId(1)),
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        adding: Vec::new(),
        removing: Vec::new(),
        elr: Vec::new(),
    };
    for (name, partitions) in topics {
        records.push(MetadataRecord::TopicCreated {
            topic_id: topic_id(name),
            name: (*name).to_owned(),
        });
        records.extend((0..*partitions).map(|partition| MetadataRecord::Partition {
            topic_id: topic_id(name),
            partition,
            state: state.clone(),
        }));
    }
    for record in &records {
        image.apply(MetadataOffset(image.applied.map_or(0, |applied| applied.0 + 1)), record);
    }
    image.applied = Some(MetadataOffset(offset));
    image
}

pub(in crate::groups) fn heartbeat(member: &str, epoch: i32) -> ConsumerHeartbeat {
    ConsumerHeartbeat {
        group_id: GroupId::new("g"),
        member_id: MemberId::new(member),
        member_epoch: epoch,
        instance_id: None,
        rack_id: None,
        rebalance_timeout_ms: None,
        topics: None,
        regex: None,
        server_assignor: None,
        owned: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        may_see: TopicFilter(Arc::new(|topic| !topic.starts_with("secret"))),
    }
}

pub(in crate::groups) fn join(member: &str, topics: &[&str]) -> ConsumerHeartbeat {
    ConsumerHeartbeat {
        rebalance_timeout_ms: Some(30_000),
        topics: Some(topics.iter().map(|topic| Arc::from(*topic)).collect()),
        owned: Some(Partitions::default()),
        ..heartbeat(member, 0)
    }
}

fn owning(member: &str, epoch: i32, owned: &Partitions) -> ConsumerHeartbeat {
    ConsumerHeartbeat {
        owned: Some(owned.clone()),
        ..heartbeat(member, epoch)
    }
}

/// A group and its world; what it writes is read back into a second one, which has to be like it.
struct Bench {
    group: ConsumerGroup,
    read_back: ConsumerGroup,
    image: MetadataImage,
    now: Moment,
}

impl Bench {
    fn new(topics: &[(&str, i32)]) -> Self {
        let group = ConsumerGroup::new(GroupId::new("g"), at(0));
        Self {
            read_back: group.clone(),
            group,
            image: image(10, topics),
            now: at(0),
        }
    }

    fn keep(&mut self, records: Vec<ConsumerRecord>) {
        let config = config();
        for record in records {
            let (key, value) = encode(&GroupId::new("g"), &record);
            let mut key = Reader::new(&key);
            let kind = key.i16().unwrap();
            let (group_id, read) = decode(kind, key, value.as_deref()).unwrap().unwrap();
            assert_eq!((group_id.as_str(), &read), ("g", &record));
            let world = World {
                config: &config,
                image: &self.image,
                now: self.now,
            };
            self.read_back.replay(read, world);
        }
        let (written, kept) = (self.group.describe(&config), self.read_back.describe(&config));
        assert_eq!(written, kept, "what is written is what there is");
    }

    /// The group goes on as the log has it.
    fn move_to_another_coordinator(&mut self) {
        let config = config();
        self.read_back.loaded(World {
            config: &config,
            image: &self.image,
            now: self.now,
        });
        self.group = self.read_back.clone();
    }

    fn send(&mut self, request: &ConsumerHeartbeat) -> Result<HeartbeatAnswer, GroupError> {
        let config = config();
        let world = World {
            config: &config,
            image: &self.image,
            now: self.now,
        };
        let outcome = if request.leaves() {
            self.group.leave(request, world)
        } else {
            self.group.heartbeat(request, world)
        };
        let outcome = outcome?;
        self.keep(outcome.records);
        Ok(outcome.answer)
    }

    fn pass(&mut self, ms: i64) {
        self.now = at(self.now.monotonic_ms + ms);
        let config = config();
        let world = World {
            config: &config,
            image: &self.image,
            now: self.now,
        };
        let records = self.group.tick(world);
        self.keep(records);
    }
}

fn partitions_of(topic: &str, partitions: &[i32]) -> Partitions {
    partitions
        .iter()
        .map(|partition| (topic_id(topic).0, *partition))
        .collect()
}

#[test]
fn the_first_member_gets_everything_at_once() {
    let mut bench = Bench::new(&[("t", 2)]);
    let answer = bench.send(&join("a", &["t"])).unwrap();
    assert_eq!(answer.member_epoch, 2);
    assert_eq!(answer.assignment, Some(partitions_of("t", &[0, 1])));
    assert_eq!(bench.group.state(), ConsumerGroupState::Stable);
    let answer = bench.send(&heartbeat("a", 2)).unwrap();
    assert_eq!((answer.member_epoch, answer.assignment), (2, None), "nothing is new");
}

#[test]
fn a_partition_changes_hands_only_when_it_was_given_up() {
    let mut bench = Bench::new(&[("t", 2)]);
    bench.send(&join("a", &["t"])).unwrap();
    let b = bench.send(&join("b", &["t"])).unwrap();
    assert_eq!(b.assignment, Some(Partitions::default()), "the other one still has all");
    assert_eq!(bench.group.state(), ConsumerGroupState::Reconciling);
    let a = bench.send(&heartbeat("a", 2)).unwrap();
    let kept = a.assignment.unwrap();
    assert_eq!(
        (a.member_epoch, kept.count()),
        (2, 1),
        "it is to give one up, in its epoch"
    );
    let b = bench.send(&heartbeat("b", 3)).unwrap();
    assert_eq!(b.assignment, None);
    let a = bench.send(&owning("a", 2, &kept)).unwrap();
    assert_eq!(
        (a.member_epoch, a.assignment),
        (3, None),
        "it has said so, and gets to the epoch of the target"
    );
    let b = bench.send(&heartbeat("b", 3)).unwrap();
    assert_eq!(b.assignment.unwrap().count(), 1);
    assert_eq!(bench.group.state(), ConsumerGroupState::Stable);
}

#[test]
fn who_does_not_give_up_in_time_is_fenced() {
    let mut bench = Bench::new(&[("t", 2)]);
    bench.send(&join("a", &["t"])).unwrap();
    bench.send(&join("b", &["t"])).unwrap();
    bench.send(&heartbeat("a", 2)).unwrap();
    bench.pass(29_999);
    bench.send(&heartbeat("a", 2)).unwrap();
    bench.pass(1);
    assert_eq!(bench.send(&heartbeat("a", 2)), Err(GroupError::UnknownMemberId));
    let b = bench.send(&heartbeat("b", 3)).unwrap();
    assert_eq!(b.assignment, Some(partitions_of("t", &[0, 1])));
}

#[test]
fn who_does_not_give_up_in_time_is_fenced_by_the_next_coordinator_too() {
    let mut bench = Bench::new(&[("t", 2)]);
    bench.send(&join("a", &["t"])).unwrap();
    bench.send(&join("b", &["t"])).unwrap();
    bench.send(&heartbeat("a", 2)).unwrap();
    bench.pass(10_000);
    bench.move_to_another_coordinator();
    bench.pass(29_999);
    bench.send(&heartbeat("a", 2)).unwrap();
    bench.pass(1);
    assert_eq!(bench.send(&heartbeat("a", 2)), Err(GroupError::UnknownMemberId));
}

#[test]
fn who_is_silent_is_removed_and_others_get_its_share() {
    let mut bench = Bench::new(&[("t", 2)]);
    bench.send(&join("a", &["t"])).unwrap();
    bench.pass(44_999);
    assert_eq!(bench.group.state(), ConsumerGroupState::Stable);
    bench.pass(1);
    assert_eq!(bench.group.state(), ConsumerGroupState::Empty);
    assert_eq!(bench.send(&heartbeat("a", 2)), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_group_has_the_session_timeout_that_it_chose() {
    let mut bench = Bench::new(&[("a", 1)]);
    let chosen = BTreeMap::from([("consumer.session.timeout.ms".to_owned(), "60000".to_owned())]);
    let resource = kafka_metadata::ConfigResource::Group(bench.group.group_id().as_str().to_owned());
    bench.image.configs.insert_mut(resource, chosen);
    bench.send(&join("one", &["a"])).unwrap();
    bench.pass(59_999);
    assert_eq!(bench.group.state(), ConsumerGroupState::Stable);
    bench.pass(1);
    assert_eq!(bench.group.state(), ConsumerGroupState::Empty);
}

#[test]
fn epochs_fence_who_is_late_but_not_who_missed_an_answer() {
    let mut bench = Bench::new(&[("t", 2)]);
    bench.send(&join("a", &["t"])).unwrap();
    let mut more = heartbeat("a", 2);
    more.topics = Some(BTreeSet::from(["t".into(), "u".into()]));
    assert_eq!(bench.send(&more).unwrap().member_epoch, 3);
    // The answer was lost: it says what it owns, and that is still its own.
    let again = owning("a", 2, &partitions_of("t", &[0, 1]));
    assert_eq!(bench.send(&again).unwrap().member_epoch, 3);
    assert_eq!(bench.send(&heartbeat("a", 2)), Err(GroupError::FencedMemberEpoch));
    assert_eq!(bench.send(&heartbeat("a", 4)), Err(GroupError::FencedMemberEpoch));
    let foreign = owning("a", 2, &partitions_of("t", &[7]));
    assert_eq!(bench.send(&foreign), Err(GroupError::FencedMemberEpoch));
}

#[test]
fn static_members_come_back_to_what_they_had() {
    let mut bench = Bench::new(&[("t", 4)]);
    let named = |mut request: ConsumerHeartbeat, name: &str| {
        request.instance_id = Some(InstanceId::new(name));
        request
    };
    let before = bench.send(&named(join("a", &["t"]), "one")).unwrap();
    bench.send(&named(join("b", &["t"]), "two")).unwrap();
    let clash = named(join("c", &["t"]), "one");
    assert_eq!(bench.send(&clash), Err(GroupError::UnreleasedInstanceId));
    bench.send(&named(heartbeat("a", REJOIN_LATER_EPOCH), "one")).unwrap();
    let back = bench.send(&clash).unwrap();
    assert_eq!(
        back.member_epoch, 3,
        "it comes with nothing, so it has nothing to give up"
    );
    assert!(
        back.assignment.unwrap().iter().all(|(id, partition)| before
            .assignment
            .as_ref()
            .unwrap()
            .contains(id, partition))
    );
    assert_eq!(
        bench.send(&named(heartbeat("a", 2), "one")),
        Err(GroupError::FencedInstanceId)
    );
    let gone = named(heartbeat("c", LEAVE_EPOCH), "one");
    assert_eq!(bench.send(&gone).unwrap().member_epoch, LEAVE_EPOCH);
    assert_eq!(bench.send(&gone), Err(GroupError::UnknownMemberId));
}

#[test]
fn expressions_follow_the_topics_that_there_are() {
    let mut bench = Bench::new(&[("orders", 1), ("other", 1)]);
    let mut request = join("a", &[]);
    request.regex = Some("orders.*|secret.*".into());
    assert_eq!(
        bench.send(&request).unwrap().assignment,
        Some(partitions_of("orders", &[0]))
    );
    bench.image = image(20, &[("orders", 1), ("orders-2", 2), ("other", 1), ("secret", 1)]);
    let answer = bench.send(&heartbeat("a", 2)).unwrap();
    let both: Partitions = partitions_of("orders", &[0])
        .iter()
        .chain(partitions_of("orders-2", &[0, 1]).iter())
        .collect();
    assert_eq!(
        (answer.member_epoch, answer.assignment),
        (3, Some(both)),
        "what it may not see is not there"
    );
    let mut by_name = heartbeat("a", 3);
    by_name.regex = Some("".into());
    by_name.topics = Some(BTreeSet::from(["other".into()]));
    let answer = bench.send(&by_name).unwrap();
    assert_eq!(
        answer.assignment,
        Some(Partitions::default()),
        "first it is to give up what it had"
    );
    let answer = bench
        .send(&owning("a", answer.member_epoch, &Partitions::default()))
        .unwrap();
    assert_eq!(answer.assignment, Some(partitions_of("other", &[0])));
    let mut bad = heartbeat("a", answer.member_epoch);
    bad.regex = Some("(".into());
    assert_eq!(bench.send(&bad), Err(GroupError::InvalidRegularExpression));
}

#[test]
fn expressions_are_looked_up_whoever_comes_first() {
    let mut bench = Bench::new(&[("orders", 1), ("other", 1)]);
    let mut request = join("a", &[]);
    request.regex = Some("orders.*".into());
    bench.send(&request).unwrap();
    bench.send(&join("b", &["other"])).unwrap();
    bench.send(&heartbeat("a", 2)).unwrap();
    bench.image = image(20, &[("orders", 1), ("orders-2", 1), ("other", 1)]);
    bench.send(&heartbeat("b", 3)).unwrap();
    let answer = bench.send(&heartbeat("a", 3)).unwrap();
    let both: Partitions = partitions_of("orders", &[0])
        .iter()
        .chain(partitions_of("orders-2", &[0]).iter())
        .collect();
    assert_eq!((answer.member_epoch, answer.assignment), (4, Some(both)));
}

#[test]
fn more_partitions_are_handed_out() {
    let mut bench = Bench::new(&[("t", 1)]);
    bench.send(&join("a", &["t"])).unwrap();
    bench.image = image(20, &[("t", 3)]);
    let answer = bench.send(&heartbeat("a", 2)).unwrap();
    assert_eq!(answer.assignment, Some(partitions_of("t", &[0, 1, 2])));
    bench.image = image(30, &[("t", 3), ("unrelated", 1)]);
    assert_eq!(
        bench.send(&heartbeat("a", 3)).unwrap().member_epoch,
        3,
        "that is of no interest"
    );
}

#[test]
fn commits_need_an_epoch_that_is_not_too_old() {
    let mut bench = Bench::new(&[("t", 2), ("u", 1)]);
    bench.send(&join("a", &["t"])).unwrap();
    let mut more = heartbeat("a", 2);
    more.topics = Some(BTreeSet::from(["t".into(), "u".into()]));
    bench.send(&more).unwrap();
    let commit = |member: &str, epoch: i32, topic: &str| {
        let speaker = Speaker {
            member_id: MemberId::new(member),
            instance_id: None,
            generation: epoch,
        };
        bench.group.check_commit(&speaker, partitions_of(topic, &[0]).iter())
    };
    assert_eq!(commit("a", 3, "u"), Ok(()));
    assert_eq!(commit("a", 2, "t"), Ok(()), "it has had the partition since");
    assert_eq!(
        commit("a", 2, "u"),
        Err(GroupError::StaleMemberEpoch),
        "it got that one later"
    );
    assert_eq!(commit("a", 4, "t"), Err(GroupError::StaleMemberEpoch));
    assert_eq!(commit("x", 3, "t"), Err(GroupError::UnknownMemberId));
    assert_eq!(
        commit("", -1, "t"),
        Err(GroupError::UnknownMemberId),
        "the group has members"
    );
}

#[test]
fn a_write_that_failed_is_made_good_with_all_of_the_group() {
    let mut bench = Bench::new(&[("t", 2)]);
    bench.send(&join("a", &["t"])).unwrap();
    bench.send(&join("b", &["t"])).unwrap();
    let config = config();
    let world = World {
        config: &config,
        image: &bench.image,
        now: bench.now,
    };
    let lost = bench.group.leave(&heartbeat("b", LEAVE_EPOCH), world).unwrap();
    bench.group.write_failed(lost.records.iter());
    assert!(bench.group.is_unsaved());
    bench.keep(bench.group.all_records());
    bench.group.all_written();
    assert!(!bench.group.is_unsaved());
}

/// A member as a client has it: it reads what it was told, and stops reading before it says so.
#[derive(Clone, Debug, Default)]
struct Client {
    epoch: i32,
    owned: Partitions,
    joined: bool,
    /// It does not know whether it was heard, and tells everything.
    unsure: bool,
}

#[derive(Clone, Debug)]
enum Event {
    Heartbeat(usize),
    /// The answer does not arrive.
    LostAnswer(usize),
    Leave(usize),
    /// Too long for who is silent.
    Silence(i64),
    Partitions(i32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0usize..4).prop_map(Event::Heartbeat),
        2 => (0usize..4).prop_map(Event::LostAnswer),
        1 => (0usize..4).prop_map(Event::Leave),
        1 => (0i64..40_000).prop_map(Event::Silence),
        1 => (1i32..7).prop_map(Event::Partitions),
    ]
}

fn beat(bench: &mut Bench, clients: &mut BTreeMap<String, Client>, index: usize, answered: bool) {
    let name = format!("m{index}");
    let client = clients.entry(name.clone()).or_default();
    let request = if client.joined {
        let everything = ConsumerHeartbeat {
            member_epoch: client.epoch,
            owned: Some(client.owned.clone()),
            ..join(&name, &["t", "u"])
        };
        if client.unsure {
            everything
        } else {
            owning(&name, client.epoch, &client.owned)
        }
    } else {
        client.owned = Partitions::default();
        join(&name, &["t", "u"])
    };
    match bench.send(&request) {
        Ok(answer) if answered => {
            client.joined = true;
            client.unsure = false;
            client.epoch = answer.member_epoch;
            client.owned = answer.assignment.unwrap_or_else(|| client.owned.clone());
        }
        Ok(_) => client.unsure = true,
        // It abandons everything and begins anew.
        Err(_) => *client = Client::default(),
    }
}

fn nothing_is_read_twice(clients: &BTreeMap<String, Client>) {
    let mut read = BTreeMap::new();
    for (name, client) in clients {
        for partition in client.owned.iter() {
            if let Some(other) = read.insert(partition, name) {
                panic!("{name} and {other} read {partition:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever happens, no partition is read by two members, what is written is what there is, and once there is peace
    /// everything is read.
    #[test]
    fn members_never_share_a_partition(events in proptest::collection::vec(event(), 1..60)) {
        let mut bench = Bench::new(&[("t", 5), ("u", 3)]);
        let mut clients: BTreeMap<String, Client> = BTreeMap::new();
        let mut offset = 10;
        let mut partitions = 5;
        for event in events {
            match event {
                Event::Heartbeat(index) => beat(&mut bench, &mut clients, index, true),
                Event::LostAnswer(index) => beat(&mut bench, &mut clients, index, false),
                Event::Leave(index) => {
                    let name = format!("m{index}");
                    // Whoever leaves has stopped reading.
                    clients.remove(&name);
                    let _ = bench.send(&heartbeat(&name, LEAVE_EPOCH));
                }
                Event::Silence(ms) => {
                    bench.pass(ms);
                    // A client notices as fast as its coordinator.
                    for (name, client) in &mut clients {
                        if bench.group.check_fetch(&MemberId::new(name.as_str()), client.epoch) == Err(GroupError::UnknownMemberId) {
                            *client = Client::default();
                        }
                    }
                }
                Event::Partitions(more) => {
                    partitions = partitions.max(more);
                    offset += 1;
                    bench.image = image(offset, &[("t", partitions), ("u", 3)]);
                }
            }
            nothing_is_read_twice(&clients);
        }
        for _ in 0..12 {
            for index in 0..4 {
                beat(&mut bench, &mut clients, index, true);
                nothing_is_read_twice(&clients);
            }
        }
        prop_assert_eq!(bench.group.state(), ConsumerGroupState::Stable);
        let read: usize = clients.values().map(|client| client.owned.count()).sum();
        prop_assert_eq!(read, usize::try_from(partitions).unwrap() + 3);
        prop_assert!(clients.values().all(|client| (2..=3).contains(&client.owned.count())));
    }
}
