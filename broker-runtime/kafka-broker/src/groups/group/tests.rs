//! The life of a group, event by event.

use super::*;
use crate::groups::{
    command::{GroupConfig, JoinRequest, Joined, LeavingMember, Speaker, SyncAnswer, SyncRequest},
    ids::ReplyId,
};

pub(super) fn config() -> GroupConfig {
    GroupConfig {
        initial_rebalance_delay_ms: 0,
        session_timeout_ms_min: 6_000,
        session_timeout_ms_max: 1_800_000,
        consumer: crate::groups::consumer::consumer_config(&BTreeMap::new()),
        members_max: usize::MAX,
        offset_metadata_bytes_max: 4096,
        offsets_retention_ms: 1_000_000,
        offsets_retention_check_interval_ms: 600_000,
    }
}

/// A group with a clock and what it has answered.
struct Bench {
    group: ClassicGroup,
    config: GroupConfig,
    now_ms: i64,
    next_reply: u64,
    joins: BTreeMap<ReplyId, JoinAnswer>,
    syncs: BTreeMap<ReplyId, Result<SyncAnswer, GroupError>>,
    writes: Vec<(GroupMetadata, Purpose)>,
}

impl Bench {
    fn new() -> Self {
        let now = Moment {
            monotonic_ms: 1_000,
            wall_ms: 5_001_000,
        };
        Self {
            group: ClassicGroup::new(GroupId::new("g"), now),
            config: config(),
            now_ms: now.monotonic_ms,
            next_reply: 0,
            joins: BTreeMap::new(),
            syncs: BTreeMap::new(),
            writes: Vec::new(),
        }
    }

    fn now(&self) -> Moment {
        Moment {
            monotonic_ms: self.now_ms,
            wall_ms: 5_000_000 + self.now_ms,
        }
    }

    fn with<T>(&mut self, event: impl FnOnce(&mut ClassicGroup, Surroundings<'_>) -> (T, Vec<Command>)) -> T {
        let config = self.config.clone();
        let surroundings = Surroundings {
            config: &config,
            now: self.now(),
        };
        let (result, commands) = event(&mut self.group, surroundings);
        for command in commands {
            match command {
                Command::AnswerJoin { reply, answer } => assert!(self.joins.insert(reply, answer).is_none()),
                Command::AnswerSync { reply, result } => assert!(self.syncs.insert(reply, result).is_none()),
                Command::Persist { metadata, purpose } => self.writes.push((metadata, purpose)),
            }
        }
        result
    }

    fn reply(&mut self) -> ReplyId {
        self.next_reply += 1;
        ReplyId(self.next_reply)
    }

    fn join(&mut self, request: JoinRequest) -> ReplyId {
        let reply = self.reply();
        self.with(|group, surroundings| ((), group.join(request, reply, surroundings)));
        reply
    }

    fn sync(&mut self, member: &str, generation: i32, assignments: &[(&str, &'static str)]) -> ReplyId {
        let reply = self.reply();
        let assignments = assignments
            .iter()
            .map(|(id, text)| (MemberId::new(*id), Bytes::from_static(text.as_bytes())));
        let request = SyncRequest {
            group_id: GroupId::new("g"),
            speaker: speaker(member, generation),
            protocol_type: Some("consumer".into()),
            protocol_name: None,
            assignments: assignments.collect(),
        };
        self.with(|group, surroundings| ((), group.sync(request, reply, surroundings)));
        reply
    }

    fn heartbeat(&mut self, member: &str, generation: i32) -> Result<(), GroupError> {
        self.with(|group, surroundings| (group.heartbeat(&speaker(member, generation), surroundings), Vec::new()))
    }

    fn leave(&mut self, member: &str, instance: Option<&str>) -> Result<(), GroupError> {
        let leaving = LeavingMember {
            member_id: MemberId::new(member),
            instance_id: instance.map(InstanceId::new),
        };
        self.with(|group, surroundings| group.leave(&[leaving], surroundings))[0]
    }

    fn pass(&mut self, delay_ms: i64) {
        self.now_ms += delay_ms;
        self.with(|group, surroundings| ((), group.tick(surroundings)));
    }

    fn persist(&mut self, result: Result<(), GroupError>) {
        for (_, purpose) in std::mem::take(&mut self.writes) {
            self.with(|group, surroundings| ((), group.persisted(purpose, result, surroundings)));
        }
    }

    fn joined(&self, reply: ReplyId) -> &Joined {
        self.joins[&reply].result.as_ref().unwrap()
    }

    fn join_error(&self, reply: ReplyId) -> GroupError {
        *self.joins[&reply].result.as_ref().unwrap_err()
    }

    fn assignment(&self, reply: ReplyId) -> &[u8] {
        &self.syncs[&reply].as_ref().unwrap().assignment
    }

    /// A group of `a` and `b` in generation 2, `a` leads; each has its own name for an assignment.
    fn stable() -> Self {
        let mut bench = Self::new();
        bench.join(newcomer("a"));
        bench.join(newcomer("b"));
        bench.join(known("a"));
        bench.sync("a", 2, &[("a", "a"), ("b", "b")]);
        bench.sync("b", 2, &[]);
        bench.persist(Ok(()));
        assert_eq!(bench.group.state, GroupState::Stable);
        bench
    }
}

fn speaker(member: &str, generation: i32) -> Speaker {
    Speaker {
        member_id: MemberId::new(member),
        instance_id: None,
        generation,
    }
}

/// JoinGroup 3 and before: the id is given with the first join.
fn newcomer(fresh: &str) -> JoinRequest {
    JoinRequest {
        group_id: GroupId::new("g"),
        member_id: MemberId::new(""),
        instance_id: None,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![MemberProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(b"range"),
        }],
        requires_known_member_id: false,
        supports_skipping_assignment: false,
        fresh_member_id: MemberId::new(fresh),
    }
}

fn known(member: &str) -> JoinRequest {
    JoinRequest {
        member_id: MemberId::new(member),
        ..newcomer("unused")
    }
}

fn with_instance(instance: &str, request: JoinRequest) -> JoinRequest {
    JoinRequest {
        instance_id: Some(InstanceId::new(instance)),
        ..request
    }
}

fn with_protocols(names: &[&str], request: JoinRequest) -> JoinRequest {
    let protocols = names.iter().map(|name| MemberProtocol {
        name: (*name).into(),
        metadata: Bytes::new(),
    });
    JoinRequest {
        protocols: protocols.collect(),
        ..request
    }
}

#[test]
fn a_lone_member_leads_and_gets_its_assignment_once_it_is_on_disk() {
    let mut bench = Bench::new();
    let join = bench.join(newcomer("a"));
    assert_eq!(bench.joined(join).generation, 1);
    assert_eq!(bench.joined(join).leader, MemberId::new("a"));
    assert_eq!(bench.joined(join).members.len(), 1);
    let sync = bench.sync("a", 1, &[("a", "all")]);
    assert!(!bench.syncs.contains_key(&sync), "the assignment is not on disk yet");
    assert_eq!(bench.writes[0].0.members[0].assignment, "all");
    bench.persist(Ok(()));
    assert_eq!(bench.assignment(sync), b"all");
    assert_eq!(bench.group.state, GroupState::Stable);
}

#[test]
fn a_second_member_waits_until_the_first_has_joined_again() {
    let mut bench = Bench::new();
    bench.join(newcomer("a"));
    let second = bench.join(newcomer("b"));
    assert!(!bench.joins.contains_key(&second));
    assert_eq!(bench.heartbeat("a", 1), Err(GroupError::RebalanceInProgress));
    let again = bench.join(known("a"));
    assert_eq!(
        (bench.joined(again).generation, bench.joined(second).generation),
        (2, 2)
    );
    assert_eq!(bench.joined(again).members.len(), 2, "the leader sees all");
    assert!(bench.joined(second).members.is_empty(), "the others do not");
}

#[test]
fn a_dynamic_member_is_first_given_an_id() {
    let mut bench = Bench::new();
    let first = bench.join(JoinRequest {
        requires_known_member_id: true,
        ..newcomer("a")
    });
    assert_eq!(bench.join_error(first), GroupError::MemberIdRequired);
    assert_eq!(bench.joins[&first].member_id, MemberId::new("a"));
    let second = bench.join(JoinRequest {
        requires_known_member_id: true,
        ..known("a")
    });
    assert_eq!(bench.joined(second).generation, 1);
}

#[test]
fn an_id_that_is_not_used_expires_and_holds_no_rebalance_up() {
    let mut bench = Bench::stable();
    bench.join(JoinRequest {
        requires_known_member_id: true,
        ..newcomer("c")
    });
    bench.join(with_protocols(&["range", "sticky"], known("b")));
    let leader = bench.join(known("a"));
    assert!(
        !bench.joins.contains_key(&leader),
        "the id that was given out may still come"
    );
    bench.pass(10_000);
    assert_eq!(bench.joined(leader).generation, 3);
    let late = bench.join(known("c"));
    assert_eq!(bench.join_error(late), GroupError::UnknownMemberId);
}

#[test]
fn members_that_do_not_come_back_are_dropped_at_the_rebalance_timeout() {
    let mut bench = Bench::stable();
    let leader = bench.join(known("a"));
    bench.pass(9_999);
    assert_eq!(
        bench.heartbeat("b", 2),
        Err(GroupError::RebalanceInProgress),
        "it lives, but does not join"
    );
    for _ in 0..6 {
        bench.pass(9_000);
        let _ = bench.heartbeat("b", 2);
    }
    assert_eq!(bench.joined(leader).generation, 3);
    assert_eq!(bench.joined(leader).members.len(), 1);
}

#[test]
fn a_silent_member_is_given_up_and_the_group_rebalances() {
    let mut bench = Bench::stable();
    bench.pass(6_000);
    assert_eq!(bench.heartbeat("a", 2), Ok(()));
    assert_eq!(bench.group.next_deadline_ms(), Some(11_000));
    bench.pass(4_000);
    assert_eq!(bench.group.state, GroupState::PreparingRebalance);
    assert_eq!(bench.heartbeat("b", 2), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.heartbeat("a", 2), Err(GroupError::RebalanceInProgress));
}

#[test]
fn the_last_member_that_goes_leaves_an_empty_generation() {
    let mut bench = Bench::stable();
    assert_eq!(bench.leave("a", None), Ok(()));
    assert_eq!(bench.leave("b", None), Ok(()));
    assert_eq!((bench.group.state, bench.group.generation), (GroupState::Empty, 3));
    let (written, purpose) = &bench.writes[0];
    assert_eq!(
        (purpose, written.generation, written.members.len()),
        (&Purpose::Empty, 3, 0)
    );
    assert_eq!(bench.leave("a", None), Err(GroupError::UnknownMemberId));
}

#[test]
fn members_that_do_not_synchronise_are_dropped() {
    let mut bench = Bench::new();
    bench.join(newcomer("a"));
    let second = bench.join(newcomer("b"));
    bench.join(known("a"));
    let sync = bench.sync("b", 2, &[]);
    assert_eq!(bench.joined(second).generation, 2);
    for _ in 0..6 {
        bench.pass(9_000);
        let _ = bench.heartbeat("a", 2);
    }
    bench.pass(6_000);
    assert_eq!(bench.syncs[&sync], Err(GroupError::RebalanceInProgress));
    assert_eq!(bench.heartbeat("a", 2), Err(GroupError::UnknownMemberId));
}

#[test]
fn an_assignment_that_cannot_be_written_is_not_told() {
    let mut bench = Bench::new();
    bench.join(newcomer("a"));
    let sync = bench.sync("a", 1, &[("a", "all")]);
    bench.persist(Err(GroupError::CoordinatorNotAvailable));
    assert_eq!(bench.syncs[&sync], Err(GroupError::CoordinatorNotAvailable));
    assert_eq!(bench.group.state, GroupState::PreparingRebalance);
}

#[test]
fn an_assignment_of_an_older_generation_is_not_told() {
    let mut bench = Bench::new();
    bench.join(newcomer("a"));
    let sync = bench.sync("a", 1, &[("a", "all")]);
    bench.join(newcomer("b"));
    assert_eq!(bench.syncs[&sync], Err(GroupError::RebalanceInProgress));
    bench.join(known("a"));
    bench.persist(Ok(()));
    assert_eq!(
        bench.group.state,
        GroupState::CompletingRebalance,
        "generation 2 has no assignment yet"
    );
}

#[test]
fn wrong_generations_members_and_protocols_are_refused() {
    let mut bench = Bench::stable();
    assert_eq!(bench.heartbeat("a", 1), Err(GroupError::IllegalGeneration));
    assert_eq!(bench.heartbeat("x", 2), Err(GroupError::UnknownMemberId));
    let stranger = bench.join(with_protocols(&["sticky"], newcomer("c")));
    assert_eq!(bench.join_error(stranger), GroupError::InconsistentGroupProtocol);
    let other = bench.join(JoinRequest {
        protocol_type: "connect".into(),
        ..newcomer("c")
    });
    assert_eq!(bench.join_error(other), GroupError::InconsistentGroupProtocol);
    let sync = bench.sync("a", 1, &[]);
    assert_eq!(bench.syncs[&sync], Err(GroupError::IllegalGeneration));
    assert_eq!(bench.group.state, GroupState::Stable, "none of this disturbs the group");
}

#[test]
fn the_protocol_most_members_prefer_is_chosen() {
    let mut bench = Bench::new();
    bench.join(with_protocols(&["range", "sticky"], newcomer("a")));
    bench.join(with_protocols(&["sticky", "range"], newcomer("b")));
    bench.join(with_protocols(&["other", "sticky", "range"], newcomer("c")));
    let again = bench.join(with_protocols(&["range", "sticky"], known("a")));
    assert_eq!(bench.joined(again).protocol_name.as_deref(), Some("sticky"));
}

#[test]
fn a_lost_join_answer_is_given_again() {
    let mut bench = Bench::stable();
    let follower = bench.join(known("b"));
    assert_eq!(bench.joined(follower).generation, 2);
    assert_eq!(bench.group.state, GroupState::Stable);
    let leader = bench.join(known("a"));
    assert!(
        !bench.joins.contains_key(&leader),
        "a leader that joins again wants a rebalance"
    );
    assert_eq!(bench.group.state, GroupState::PreparingRebalance);
}

#[test]
fn a_lost_sync_answer_is_given_again() {
    let mut bench = Bench::stable();
    let sync = bench.sync("b", 2, &[]);
    assert_eq!(bench.assignment(sync), b"b");
}

#[test]
fn a_request_that_is_repeated_frees_the_one_before() {
    let mut bench = Bench::stable();
    let first = bench.join(known("a"));
    let second = bench.join(known("a"));
    assert_eq!(bench.join_error(first), GroupError::RebalanceInProgress);
    assert!(!bench.joins.contains_key(&second));
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let mut bench = Bench::new();
    bench.join(with_instance("i", newcomer("old")));
    bench.sync("old", 1, &[("old", "all")]);
    bench.persist(Ok(()));
    let back = bench.join(with_instance(
        "i",
        JoinRequest {
            supports_skipping_assignment: true,
            ..newcomer("new")
        },
    ));
    assert!(!bench.joins.contains_key(&back), "its new id is not on disk yet");
    bench.persist(Ok(()));
    let joined = bench.joined(back);
    assert_eq!((joined.generation, joined.skip_assignment), (1, true));
    assert_eq!(joined.leader, MemberId::new("new"));
    assert_eq!(bench.group.state, GroupState::Stable);
    let sync = bench.sync("new", 1, &[]);
    assert_eq!(bench.assignment(sync), b"all");
    let fenced = bench.join(with_instance("i", known("old")));
    assert_eq!(bench.join_error(fenced), GroupError::FencedInstanceId);
}

#[test]
fn an_old_client_that_comes_back_is_not_told_that_it_leads() {
    let mut bench = Bench::new();
    bench.join(with_instance("i", newcomer("old")));
    bench.sync("old", 1, &[("old", "all")]);
    bench.persist(Ok(()));
    let back = bench.join(with_instance("i", newcomer("new")));
    bench.persist(Ok(()));
    assert_eq!(bench.joined(back).leader, MemberId::new("old"));
    assert!(bench.joined(back).members.is_empty());
}

#[test]
fn a_static_member_that_waits_is_fenced_by_its_successor() {
    let mut bench = Bench::stable();
    let first = bench.join(with_instance("i", newcomer("c")));
    let second = bench.join(with_instance("i", newcomer("d")));
    assert_eq!(bench.join_error(first), GroupError::FencedInstanceId);
    bench.join(known("a"));
    bench.join(known("b"));
    assert_eq!(bench.joined(second).generation, 3);
}

#[test]
fn an_operator_removes_a_static_member_by_its_instance() {
    let mut bench = Bench::stable();
    bench.join(with_instance("i", newcomer("c")));
    assert_eq!(bench.leave("", Some("i")), Ok(()));
    assert_eq!(bench.leave("", Some("i")), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_full_group_turns_newcomers_away() {
    let mut bench = Bench::stable();
    bench.config.members_max = 2;
    let third = bench.join(newcomer("c"));
    assert_eq!(bench.join_error(third), GroupError::GroupMaxSizeReached);
    assert_eq!(bench.group.state, GroupState::Stable);
}

#[test]
fn the_first_join_phase_lasts_its_delay_and_longer_while_members_come() {
    let mut bench = Bench::new();
    bench.config.initial_rebalance_delay_ms = 3_000;
    let first = bench.join(newcomer("a"));
    bench.pass(2_000);
    bench.join(newcomer("b"));
    bench.pass(1_000);
    assert!(
        !bench.joins.contains_key(&first),
        "a member came, so it waits once more"
    );
    bench.pass(3_000);
    assert_eq!(bench.joined(first).members.len(), 2);
}

#[test]
fn a_group_comes_back_from_disk_with_ids_and_generation() {
    let mut bench = Bench::new();
    bench.join(newcomer("a"));
    bench.sync("a", 1, &[("a", "all")]);
    let written = bench.writes[0].0.clone();
    bench.group = ClassicGroup::restore(GroupId::new("g"), written, bench.now());
    assert_eq!(bench.heartbeat("a", 1), Ok(()));
    let sync = bench.sync("a", 1, &[]);
    assert_eq!(bench.assignment(sync), b"all");
    bench.pass(10_000);
    assert_eq!(
        bench.heartbeat("a", 1),
        Err(GroupError::UnknownMemberId),
        "its session began at the restore"
    );
}

#[test]
fn those_that_wait_learn_that_the_coordinator_moved() {
    let mut bench = Bench::stable();
    let join = bench.join(known("a"));
    bench.with(|group, _| {
        let mut commands = Vec::new();
        group.resign(&mut commands);
        ((), commands)
    });
    assert_eq!(bench.join_error(join), GroupError::NotCoordinator);
}

#[test]
fn only_an_empty_group_is_closed() {
    let mut bench = Bench::stable();
    let now = bench.now();
    assert_eq!(bench.group.close(now), Err(GroupError::NonEmptyGroup));
    bench.leave("a", None).unwrap();
    bench.leave("b", None).unwrap();
    assert_eq!(bench.group.close(now), Ok(()));
    let join = bench.join(newcomer("c"));
    assert_eq!(bench.join_error(join), GroupError::CoordinatorNotAvailable);
    bench.group.reopen(now);
    let join = bench.join(newcomer("c"));
    assert_eq!(bench.joined(join).generation, 4);
}

#[test]
fn offsets_are_committed_by_members_of_the_generation_or_into_an_empty_group() {
    let mut bench = Bench::stable();
    let mut commit = |member: &str, generation| {
        bench.with(|group, surroundings| {
            (
                group.check_offset_commit(&speaker(member, generation), false, surroundings),
                Vec::new(),
            )
        })
    };
    assert_eq!(commit("a", 2), Ok(()));
    assert_eq!(commit("a", 1), Err(GroupError::IllegalGeneration));
    assert_eq!(commit("x", 2), Err(GroupError::UnknownMemberId));
    assert_eq!(
        commit("", -1),
        Err(GroupError::UnknownMemberId),
        "somebody else consumes"
    );
    let mut empty = Bench::new();
    assert_eq!(
        empty.with(|group, surroundings| (
            group.check_offset_commit(&speaker("", -1), false, surroundings),
            Vec::new()
        )),
        Ok(())
    );
}
