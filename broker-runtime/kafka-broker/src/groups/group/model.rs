//! Random lives of a group, with lost requests, failed writes and coordinators that die. Whatever happens, no partition
//! has two owners in one generation, nobody waits for ever, and nobody is answered twice.

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::{tests::config, *};
use crate::groups::{
    command::{JoinRequest, LeavingMember, Speaker, SyncRequest},
    ids::ReplyId,
};

const CLIENTS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Join(usize),
    Sync(usize),
    Heartbeat(usize),
    Leave(usize),
    /// The client forgets what it knew, as after a restart.
    Restart(usize),
    Write(bool),
    Pass(i64),
    Failover,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        6 => client.clone().prop_map(Step::Join),
        6 => client.clone().prop_map(Step::Sync),
        2 => client.clone().prop_map(Step::Heartbeat),
        1 => client.clone().prop_map(Step::Leave),
        1 => client.prop_map(Step::Restart),
        4 => prop::bool::weighted(0.9).prop_map(Step::Write),
        2 => (0_i64..30_000).prop_map(Step::Pass),
        1 => Just(Step::Failover),
    ]
}

#[derive(Clone, Debug, Default)]
struct Client {
    member_id: String,
    generation: i32,
    /// Members, if it leads.
    led: Vec<MemberId>,
}

#[derive(Debug)]
struct World {
    group: ClassicGroup,
    now_ms: i64,
    replies: u64,
    clients: Vec<Client>,
    /// Which client waits for which reply.
    waiting: HashMap<ReplyId, usize>,
    written: Option<GroupMetadata>,
    writes: Vec<(GroupMetadata, Purpose)>,
    /// Owner of the one partition there is, per generation and epoch of the data.
    owners: HashMap<i32, MemberId>,
    generations: BTreeSet<i32>,
}

impl World {
    fn new() -> Self {
        Self {
            group: ClassicGroup::new(
                GroupId::new("g"),
                Moment {
                    monotonic_ms: 0,
                    wall_ms: 0,
                },
            ),
            now_ms: 0,
            replies: 0,
            clients: vec![Client::default(); CLIENTS],
            waiting: HashMap::new(),
            written: None,
            writes: Vec::new(),
            owners: HashMap::new(),
            generations: BTreeSet::new(),
        }
    }

    fn now(&self) -> Moment {
        Moment {
            monotonic_ms: self.now_ms,
            wall_ms: self.now_ms,
        }
    }

    fn obey(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::AnswerJoin { reply, answer } => {
                    let client = self.waiting.remove(&reply).expect("nobody is answered twice");
                    match answer.result {
                        Ok(joined) => {
                            self.generations.insert(joined.generation);
                            self.clients[client] = Client {
                                member_id: answer.member_id.as_str().to_owned(),
                                generation: joined.generation,
                                led: joined.members.into_iter().map(|member| member.member_id).collect(),
                            };
                        }
                        Err(GroupError::UnknownMemberId) => self.clients[client] = Client::default(),
                        Err(GroupError::MemberIdRequired) => {
                            self.clients[client].member_id = answer.member_id.as_str().to_owned();
                        }
                        Err(_) => {}
                    }
                }
                Command::AnswerSync { reply, result } => {
                    let client = self.waiting.remove(&reply).expect("nobody is answered twice");
                    if let Ok(answer) = result
                        && !answer.assignment.is_empty()
                    {
                        let member_id = MemberId::new(self.clients[client].member_id.as_str());
                        let generation = self.clients[client].generation;
                        let owner = self.owners.entry(generation).or_insert_with(|| member_id.clone());
                        assert_eq!(
                            *owner, member_id,
                            "the partition has two owners in generation {generation}"
                        );
                    }
                }
                Command::Persist { metadata, purpose } => self.writes.push((metadata, purpose)),
            }
        }
    }

    fn speaker(&self, client: usize) -> Speaker {
        let Client {
            member_id, generation, ..
        } = &self.clients[client];
        Speaker {
            member_id: MemberId::new(member_id.as_str()),
            instance_id: None,
            generation: *generation,
        }
    }

    fn expect_reply(&mut self, client: usize) -> ReplyId {
        self.replies += 1;
        let reply = ReplyId(self.replies);
        self.waiting.insert(reply, client);
        reply
    }

    fn join(&mut self, client: usize) {
        let reply = self.expect_reply(client);
        let request = JoinRequest {
            group_id: GroupId::new("g"),
            member_id: MemberId::new(self.clients[client].member_id.as_str()),
            instance_id: None,
            client_id: "c".into(),
            client_host: "/h".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 20_000,
            protocol_type: "consumer".into(),
            protocols: vec![MemberProtocol {
                name: "range".into(),
                metadata: Bytes::new(),
            }],
            requires_known_member_id: client.is_multiple_of(2),
            supports_skipping_assignment: false,
            fresh_member_id: MemberId::new(format!("m{}", self.replies)),
        };
        let config = config();
        let surroundings = Surroundings {
            config: &config,
            now: self.now(),
        };
        let commands = self.group.join(request, reply, surroundings);
        self.obey(commands);
    }

    fn sync(&mut self, client: usize) {
        let reply = self.expect_reply(client);
        let led = &self.clients[client].led;
        let lucky = led.get(self.replies as usize % led.len().max(1)).cloned();
        let request = SyncRequest {
            group_id: GroupId::new("g"),
            speaker: self.speaker(client),
            protocol_type: None,
            protocol_name: None,
            assignments: lucky
                .into_iter()
                .map(|member| (member, Bytes::from_static(b"p")))
                .collect(),
        };
        let config = config();
        let surroundings = Surroundings {
            config: &config,
            now: self.now(),
        };
        let commands = self.group.sync(request, reply, surroundings);
        self.obey(commands);
    }

    /// The oldest write ends. What is on disk stays there even if the group has moved on.
    fn write(&mut self, succeeds: bool) {
        if self.writes.is_empty() {
            return;
        }
        let (metadata, purpose) = self.writes.remove(0);
        let result = if succeeds {
            Ok(())
        } else {
            Err(GroupError::CoordinatorNotAvailable)
        };
        if succeeds {
            self.written = Some(metadata);
        }
        let config = config();
        let surroundings = Surroundings {
            config: &config,
            now: self.now(),
        };
        let commands = self.group.persisted(purpose, result, surroundings);
        self.obey(commands);
    }

    fn failover(&mut self) {
        let mut commands = Vec::new();
        self.group.resign(&mut commands);
        self.obey(commands);
        assert!(self.waiting.is_empty(), "{:?} wait for ever", self.waiting);
        self.writes.clear();
        let group_id = GroupId::new("g");
        self.group = match self.written.clone() {
            Some(written) => ClassicGroup::restore(group_id, written, self.now()),
            None => ClassicGroup::new(group_id, self.now()),
        };
    }

    fn take(&mut self, step: Step) {
        let config = config();
        match step {
            Step::Join(client) => self.join(client),
            Step::Sync(client) => self.sync(client),
            Step::Heartbeat(client) => {
                let surroundings = Surroundings {
                    config: &config,
                    now: self.now(),
                };
                let _ = self.group.heartbeat(&self.speaker(client), surroundings);
            }
            Step::Leave(client) => {
                let surroundings = Surroundings {
                    config: &config,
                    now: self.now(),
                };
                let leaving = LeavingMember {
                    member_id: self.speaker(client).member_id,
                    instance_id: None,
                };
                let (_, commands) = self.group.leave(&[leaving], surroundings);
                self.obey(commands);
            }
            Step::Restart(client) => self.clients[client] = Client::default(),
            Step::Write(succeeds) => self.write(succeeds),
            Step::Pass(delay_ms) => {
                self.now_ms += delay_ms;
                let surroundings = Surroundings {
                    config: &config,
                    now: self.now(),
                };
                let commands = self.group.tick(surroundings);
                self.obey(commands);
            }
            Step::Failover => self.failover(),
        }
    }

    fn check(&self) {
        let group = &self.group;
        assert_eq!(
            group.join_phase.is_some(),
            group.state == GroupState::PreparingRebalance
        );
        match group.state {
            GroupState::Empty => assert!(group.members.is_empty()),
            GroupState::CompletingRebalance | GroupState::Stable => assert!(!group.members.is_empty()),
            // All may have left while an id that was given out is waited for.
            GroupState::PreparingRebalance | GroupState::Dead => {}
        }
        assert_eq!(group.leader.is_none(), group.members.is_empty());
        assert!(group.leader.iter().all(|leader| group.members.contains_key(leader)));
        assert!(
            group
                .pending_sync
                .iter()
                .all(|member| group.members.contains_key(member))
        );
        let owed = group.members.values().filter(|m| m.awaiting_join.is_some()).count()
            + group.members.values().filter(|m| m.awaiting_sync.is_some()).count();
        assert_eq!(
            owed,
            self.waiting.len(),
            "a request is waiting that the group does not know of"
        );
        if let Some(deadline_ms) = group.next_deadline_ms() {
            assert!(deadline_ms > self.now_ms, "time was passed, but something is still due");
        }
    }

    /// With writes that succeed and enough time everybody is answered.
    fn quiesce(&mut self) {
        for _ in 0..10 {
            while !self.writes.is_empty() {
                self.write(true);
            }
            self.take(Step::Pass(400_000));
        }
        assert!(self.waiting.is_empty(), "{:?} wait for ever", self.waiting);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn one_owner_a_generation_and_an_answer_for_everybody(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.check();
        }
        world.quiesce();
    }
}
