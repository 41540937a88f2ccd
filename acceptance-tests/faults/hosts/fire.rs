//! What happens to the hosts, in this order, and what must be true afterwards.
//!
//! The short form is a part of every run of the tests. `cargo xtask faults --hosts` makes the long one: more hosts, so that
//! controllers have processes of their own, and everything several times.

use std::{
    env,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use acceptance_tests::{suite::Suite, tools::Tools, wait};
use anyhow::{Context, Result, ensure};

use super::{
    control_plane::Stage,
    machine::Machine,
    network::{self, Cut},
};

const NAME: &str = "hosts_under_fire_lose_nothing_and_keep_nothing";
/// Set for the run in the network of its own.
const INSIDE: &str = "OPENMSK_HOSTS_INSIDE";
/// How often everything happens in the long form.
const ROUNDS: &str = "OPENMSK_HOSTS_ROUNDS";
/// Set where only the time until the first record is acknowledged is of interest.
const CALM: &str = "OPENMSK_HOSTS_CALM";
/// After how long the rule of the long form declares hosts dead.
const DEAD_AFTER: [&str; 2] = ["--host-dead-after", "90s"];
/// How long that, and making anew what was on such a host, may take.
const RULE_LIMIT: Duration = Duration::from_secs(240);
/// How long a run may take.
const RUN_LIMIT: Duration = Duration::from_secs(4 * 3600);
/// Moments after the beginning of a change at which the control plane is killed, in milliseconds.
const KILLS_MS: [u64; 3] = [1_500, 5_000, 12_000];
/// How long the links of the short form are cut.
const CUT: Duration = Duration::from_secs(7);
/// How long what a dead host ran may take to be ended once it is back.
const FENCE_LIMIT: Duration = Duration::from_secs(30);

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let needed = tools
        .terraform
        .clone()
        .zip(tools.python.clone())
        .filter(|_| tools.java.is_some());
    if env::var_os(INSIDE).is_some() {
        suite.test_with(NAME, "terraform, librdkafka and Java", needed, |(core, python)| {
            run(&core, &python)
        });
        return;
    }
    suite.test_if(NAME, network::possible(), move || {
        needed.context("terraform, librdkafka and Java are missing; run `cargo xtask tools`")?;
        network::run_inside(NAME, INSIDE, RUN_LIMIT)
    });
}

fn run(core: &Path, python: &Path) -> Result<()> {
    let rounds: u32 = env::var(ROUNDS).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let stage = Stage::new(core, python, if rounds == 0 { &[] } else { &DEAD_AFTER })?;
    let mut fire = Fire {
        stage,
        machines: Vec::new(),
        begun: Instant::now(),
    };
    fire.all(rounds).map_err(|error| {
        let kept = fire.stage.keep();
        error.context(format!("logs are kept in {kept:?}"))
    })
}

struct Fire {
    stage: Stage,
    machines: Vec<Machine>,
    begun: Instant,
}

impl Fire {
    fn say(&self, what: &str) {
        eprintln!("{:6.1} s: {what}", self.begun.elapsed().as_secs_f64());
    }

    fn all(&mut self, rounds: u32) -> Result<()> {
        // A cluster that begins on more than three hosts has processes for its controllers alone.
        let brokers = if rounds == 0 { 3 } else { 4 };
        let zones: &[&str] = if rounds == 0 {
            &["a", "b", "c"]
        } else {
            &["a", "b", "c", "a"]
        };
        for zone in zones {
            self.join(zone)?;
        }
        if env::var_os(CALM).is_some() {
            return self.calm();
        }
        self.make(brokers)?;
        self.agent_dies(0)?;
        self.broker_dies(1)?;
        self.leader_of_controllers_dies()?;
        self.links_are_cut()?;
        for round in 0..rounds {
            self.say(&format!("round {round}"));
            self.again(brokers)?;
        }
        self.host_is_lost(2, rounds > 0)?;
        if rounds > 0 {
            self.host_is_removed_while_away(2)?;
        }
        self.say("the machine of the control plane is lost, and what was backed up comes to another one");
        self.stage.lose_and_restore()?;
        let (first, last) = (&self.machines[0].name, &self.machines[self.machines.len() - 1].name);
        self.stage.await_hosts(&[(first, "ACTIVE"), (last, "ACTIVE")])?;
        self.settle()?;
        let operations = self.stage.expect_operations_ended()?;
        let records = self.stage.check()?;
        self.say(&format!("{records} records, {} operations", operations.len()));
        self.gone()
    }

    /// A host joins, and is used.
    fn join(&mut self, zone: &str) -> Result<()> {
        let number = u32::try_from(self.machines.len() + 1)?;
        let machine = Machine::join(&self.stage.workspace.runtime, number, zone)?;
        let name = machine.name.clone();
        self.machines.push(machine);
        self.stage.await_hosts(&[(&name, "ACTIVE")])
    }

    /// A cluster is made while the control plane is killed again and again, and agents are.
    fn make(&mut self, brokers: u32) -> Result<()> {
        self.say("a cluster is made, and the control plane and agents are killed meanwhile");
        self.change(brokers)?;
        self.stage.settled()?;
        self.say("a producer works");
        self.stage.produce()
    }

    /// From nothing to the first acknowledged record, with nobody who does harm.
    /// A cluster on hosts that have never had one, and again on hosts that have the jars and an archive of their classes.
    fn calm(&mut self) -> Result<()> {
        self.until_first_record()?;
        for machine in &self.machines {
            machine.await_archive()?;
        }
        self.say("every host has an archive of classes");
        self.gone()?;
        self.until_first_record()?;
        for machine in &self.machines {
            machine.expect_archive_in_use()?;
        }
        self.gone()
    }

    fn until_first_record(&mut self) -> Result<()> {
        let begun = Instant::now();
        self.stage.begin_apply(3)?.finish()?;
        self.say(&format!(
            "a cluster, a user and a topic after {:.2} s",
            begun.elapsed().as_secs_f64()
        ));
        self.stage.settled()?;
        self.stage.produce()?;
        self.say(&format!(
            "a record is acknowledged after {:.2} s",
            begun.elapsed().as_secs_f64()
        ));
        self.stage.check()?;
        self.stage.forget_records()
    }

    fn change(&mut self, brokers: u32) -> Result<()> {
        let mut applying = self.stage.begin_apply(brokers)?;
        let begun = Instant::now();
        for moment in KILLS_MS.map(Duration::from_millis) {
            thread::sleep(moment.saturating_sub(begun.elapsed()));
            if applying.goes_on() {
                self.stage.kill_serve();
                let agent = usize::try_from(moment.as_millis())? % 3;
                self.machines[agent].kill_agent()?;
                self.machines[agent].run(&self.stage.workspace.runtime)?;
            }
        }
        applying.finish()
    }

    fn agent_dies(&mut self, at: usize) -> Result<()> {
        self.say("an agent dies, and comes back");
        let before = self.machines[at].brokers();
        self.machines[at].kill_agent()?;
        self.stage.expect_progress()?;
        ensure!(
            self.machines[at].brokers() == before,
            "brokers go on without their agent"
        );
        self.machines[at].run(&self.stage.workspace.runtime)?;
        let name = self.machines[at].name.clone();
        self.stage.await_hosts(&[(&name, "ACTIVE")])?;
        ensure!(self.machines[at].brokers() == before, "brokers are adopted");
        Ok(())
    }

    fn broker_dies(&mut self, at: usize) -> Result<()> {
        self.say("a broker dies");
        self.machines[at].kill_broker()?;
        self.settle()
    }

    fn leader_of_controllers_dies(&mut self) -> Result<()> {
        let leader = self.machines.iter().max_by_key(|machine| machine.led());
        let leader = leader.filter(|it| it.led().is_some()).context("no controller leads")?;
        self.say(&format!("the leader of the controllers dies, on {}", leader.name));
        leader.kill_broker()?;
        self.settle()
    }

    /// Everything is as it was: all replicas are in sync, and records are acknowledged.
    fn settle(&mut self) -> Result<()> {
        self.stage.await_sync()?;
        self.stage.expect_progress()
    }

    fn links_are_cut(&mut self) -> Result<()> {
        self.say("a host and the control plane do not hear each other, and the control plane is killed");
        let (one, other) = (&self.machines[0], &self.machines[1]);
        let cut = Cut::between(Stage::end(), one.end())?;
        self.stage.await_hosts(&[(&one.name, "UNREACHABLE")])?;
        self.stage.kill_serve();
        self.stage
            .await_hosts(&[(&one.name, "UNREACHABLE"), (&other.name, "ACTIVE")])?;
        drop(cut);
        self.stage.await_hosts(&[(&one.name, "ACTIVE")])?;
        self.say("two hosts do not hear each other");
        let cut = Cut::between(one.end(), other.end())?;
        thread::sleep(CUT);
        drop(cut);
        self.settle()
    }

    /// A host dies for good, and its brokers come elsewhere. Then it is there all the same.
    fn host_is_lost(&mut self, at: usize, by_rule: bool) -> Result<()> {
        let name = self.machines[at].name.clone();
        self.say(&format!("{name} dies"));
        self.machines[at].die()?;
        self.stage.await_hosts(&[(&name, "UNREACHABLE")])?;
        self.stage.expect_progress()?;
        self.say(&format!("{name} is said to be dead, and another host joins"));
        if by_rule {
            self.stage.await_hosts(&[(&name, "DEAD")])?;
            let audited = self.stage.command(&["audit", "--action", "UpdateHost"])?;
            ensure!(audited.contains("--host-dead-after"), "{audited}");
        } else {
            self.stage.command(&["hosts", "dead", &name])?;
        }
        self.join("c")?;
        self.stage.kill_serve();
        let spare = self.machines.last().context("a spare host")?;
        wait::until("the broker of the dead host to come elsewhere", RULE_LIMIT, || {
            (!spare.brokers().is_empty()).then_some(())
        })?;
        self.settle()?;
        self.say(&format!("{name} is there again"));
        self.machines[at].boot(&self.stage.workspace.runtime)?;
        let back = &self.machines[at];
        wait::until("what a dead host ran to be ended", FENCE_LIMIT, || {
            back.is_fenced().is_ok_and(|it| it).then_some(())
        })
        .with_context(|| format!("{:?}, {:?}", back.units(), back.brokers()))?;
        self.say(&format!("what {name} ran was ended"));
        self.stage.await_hosts(&[(&name, "DEAD")])?;
        self.settle()?;
        self.stage.command(&["hosts", "remove", &name])?;
        self.machines[at].expect_empty()
    }

    /// The spare host dies and is forgotten, what was on it comes back to the first one, and then it joins anew.
    fn host_is_removed_while_away(&mut self, back: usize) -> Result<()> {
        let spare = self.machines.len() - 1;
        let (name, other) = (self.machines[spare].name.clone(), self.machines[back].name.clone());
        self.say(&format!(
            "{other} joins anew; {name} dies, and is removed while it is away"
        ));
        self.machines[back].join_anew(&self.stage.workspace.runtime, "c")?;
        self.stage.await_hosts(&[(&other, "ACTIVE")])?;
        self.machines[spare].die()?;
        self.stage.await_hosts(&[(&name, "UNREACHABLE")])?;
        self.stage.command(&["hosts", "dead", &name])?;
        let heir = &self.machines[back];
        wait::until("the broker of the dead host to come elsewhere", RULE_LIMIT, || {
            (!heir.brokers().is_empty()).then_some(())
        })?;
        self.settle()?;
        self.stage.command(&["hosts", "remove", &name])?;
        self.say(&format!("{name} joins anew, with what it had on its disk"));
        self.machines[spare].join_anew(&self.stage.workspace.runtime, "c")?;
        self.stage.await_hosts(&[(&name, "ACTIVE")])?;
        ensure!(
            self.machines[spare].is_fenced()?,
            "{:?}",
            self.machines[spare].brokers()
        );
        self.settle()
    }

    /// Everything once more, and what takes longer.
    fn again(&mut self, brokers: u32) -> Result<()> {
        for at in 0..3 {
            self.agent_dies(at)?;
            self.broker_dies(at)?;
        }
        self.leader_of_controllers_dies()?;
        self.links_are_cut()?;
        self.say("a host sends slowly");
        let namespace = self.machines[0].namespace();
        network::slow(&namespace, true)?;
        thread::sleep(3 * CUT);
        network::slow(&namespace, false)?;
        self.settle()?;
        self.say("a zone dies, and comes back");
        self.machines[1].die()?;
        self.stage.expect_progress()?;
        self.machines[1].boot(&self.stage.workspace.runtime)?;
        self.settle()?;
        self.say("brokers come, and the control plane is killed meanwhile");
        self.change(brokers + 1)?;
        self.settle()?;
        self.say("brokers go, and the control plane is killed meanwhile");
        self.change(brokers)?;
        self.settle()
    }

    /// Nothing is left on any host.
    fn gone(&mut self) -> Result<()> {
        self.say("everything goes");
        self.stage.workspace.destroy()?;
        for machine in &self.machines {
            machine.expect_empty()?;
        }
        let folder = self.stage.workspace.runtime.data_dir().join("kafka-clusters");
        ensure!(std::fs::read_dir(&folder)?.next().is_none(), "{folder:?} is not empty");
        self.say("nothing is left");
        Ok(())
    }
}
