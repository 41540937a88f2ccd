//! Faults of all kinds in an order that a seed decides, against producers, a pipeline of transactions and groups that write down
//! what they were told; and a checker of all that they have written.
//!
//! The run has a network and a mount namespace of its own where it may have them. In there, links are cut by rules of routing
//! (packets to an address and a port are dropped, also of connections that there are) and made slow by classes of traffic with a
//! rate of their own (`htb`), the data directory lies on a small file system in memory, which a fault fills, and the wall clock of
//! brokers and control plane jumps. Without the namespaces, or where the kernel does not have them, those faults are left out, and the run
//! says so.
//!
//! `cargo xtask faults --faults 1000 --seed 7` makes a long run of it.

use std::{
    env, fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use acceptance_tests::{
    binaries,
    cluster::{CONFIGURATION, Cluster, PASSWORD, USER},
    copies::{CopyAnomaly, Outcome, Seen, Transaction, check_copies, check_group},
    history::{Read, Sent, check},
    load::lines,
    processes::{Process, kill},
    program,
    schedule::{Fault, Means, Strike, draw},
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{links, rerun, wall_clock::WallClock};

const NAME: &str = "nemesis_finds_nothing_lost_doubled_or_stuck";
/// Set for the run inside of the namespaces.
const INSIDE: &str = "OPENMSK_FAULTS_INSIDE";
/// How many faults; the seed of the schedule.
const COUNT: &str = "OPENMSK_FAULTS";
const SEED: &str = "OPENMSK_FAULTS_SEED";
/// What a run that says nothing of it has: all brokers are killed, a broker is cut off and two are from each other, a link is slow, the
/// disk is full, the control plane dies, a broker stands still, the clock is set back by an hour, and more brokers join.
const USUAL_COUNT: usize = 9;
const USUAL_SEED: u64 = 492_747;
/// Size of the file system.
const DISK: &str = "1500m";
/// After a strike, every client must get on within this.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a client may take to end once it is told to.
const END_LIMIT: Duration = Duration::from_secs(220);
/// How long a change of the number of brokers may take.
const SCALE_LIMIT: Duration = Duration::from_secs(240);
/// How long a long run may take.
const RUN_LIMIT: Duration = Duration::from_secs(4 * 3600);

/// Copies are compacted and their small segments merged all the time; each has a key of its own, so none may go.
const COPIES: &str = r#"
resource "msk_topic" "copies" {
  cluster_arn        = msk_cluster.this.arn
  name               = "copies"
  partition_count    = 3
  replication_factor = 3
  configs = {
    "cleanup.policy"            = "compact"
    "min.cleanable.dirty.ratio" = "0.01"
    "segment.ms"                = "3000"
  }
}
"#;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let both = tools.terraform.clone().zip(tools.python.clone());
    suite.test_with(NAME, "terraform and librdkafka", both, |(core, python)| {
        if env::var_os(INSIDE).is_some() {
            let rates = links::ready_for_rates().inspect_err(|error| eprintln!("no links are made slow: {error:#}"));
            let clock = WallClock::install().inspect_err(|error| eprintln!("no clock jumps: {error:#}"));
            let means = Means {
                links: true,
                rates: rates.is_ok(),
                disk: true,
                clock: clock.is_ok(),
            };
            return run(&core, &python, means, clock.ok());
        }
        match namespaces() {
            Ok(()) => run_inside(),
            Err(error) => {
                eprintln!("no links are cut or made slow, no disk is filled, and no clock jumps: {error:#}");
                let means = Means {
                    links: false,
                    rates: false,
                    disk: false,
                    clock: false,
                };
                run(&core, &python, means, None)
            }
        }
    });
}

/// What a run needs before it begins, in a shell.
const PREPARATION: &str = "ip link set lo up && ip rule add pref 100 table local && ip rule del pref 0";

fn shell(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-rnm", "sh", "-c", script]);
    command
}

/// A small file system in memory at `folder`.
fn mount(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut command = Command::new("mount");
    command
        .args(["-t", "tmpfs", "-o", &format!("size={DISK}"), "tmpfs"])
        .arg(folder);
    program::succeed(&mut command, Duration::from_secs(10)).map(drop)
}

/// Whether this kernel lets us have namespaces of our own, with rules of routing and file systems.
fn namespaces() -> Result<()> {
    let cut = "ip rule add pref 10 to 127.1.2.3/32 ipproto tcp dport 9093 blackhole";
    let disk = format!("mount -t tmpfs -o size={DISK} tmpfs /mnt");
    let mut command = shell(&format!("{PREPARATION} && {cut} && {disk}"));
    program::succeed(&mut command, Duration::from_secs(10))
        .map(drop)
        .context("no network and mount namespaces for this user")
}

/// The same test once more, in namespaces of its own.
fn run_inside() -> Result<()> {
    let command = shell(&format!("{PREPARATION} && exec \"$TEST\" --exact {NAME} --nocapture"));
    rerun::run(command, INSIDE, RUN_LIMIT)
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    env::var(variable).ok()?.parse().ok()
}

fn run(core: &Path, python: &Path, means: Means, clock: Option<WallClock>) -> Result<()> {
    // Among the other tests it is the same run each time; whoever says how many faults gets others, unless they say which.
    let count = number(COUNT);
    let seed = number(SEED).unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        count.map_or(USUAL_SEED, |_| u64::from(now.subsec_nanos()))
    });
    let count = count.unwrap_or(USUAL_COUNT);
    let strikes = draw(seed, count, means);
    eprintln!("seed {seed}; again with: cargo xtask faults --faults {count} --seed {seed}");
    for (at, strike) in strikes.iter().enumerate() {
        eprintln!("  strike {at}: {strike}");
    }
    let workspace = Workspace::new(core)?;
    if means.disk {
        mount(&workspace.runtime.data_dir())?;
    }
    let mut nemesis = Nemesis::begin(workspace, python, seed, clock)?;
    let result = strikes
        .iter()
        .enumerate()
        .try_for_each(|(at, strike)| nemesis.strike(strike).with_context(|| format!("strike {at}: {strike}")))
        .and_then(|()| nemesis.finish());
    result.map_err(|error| {
        let kept = nemesis.keep();
        error.context(format!("seed {seed}, {count} faults; logs are kept in {kept:?}"))
    })
}

/// A client at work.
struct Client {
    name: &'static str,
    child: Child,
}

struct Nemesis {
    cluster: Cluster,
    python: PathBuf,
    clients: Vec<Client>,
    brokers: usize,
    begun: Instant,
    /// How many links have been made slow.
    slowed: u16,
    /// That of brokers and control plane.
    clock: Option<WallClock>,
}

impl Nemesis {
    fn begin(workspace: Workspace, python: &Path, seed: u64, clock: Option<WallClock>) -> Result<Self> {
        let property = "num.partitions = 3";
        let busy = CONFIGURATION.replace(property, &format!("{property}\n    log.cleaner.backoff.ms = 500"));
        let cluster = Cluster::start_in(workspace, &format!("{busy}{COPIES}"))?;
        let mut nemesis = Self {
            cluster,
            python: python.to_owned(),
            clients: Vec::new(),
            brokers: 3,
            begun: Instant::now(),
            slowed: 0,
            clock,
        };
        if let Some(clock) = &nemesis.clock {
            clock.expect_in(&nemesis.cluster.workspace.runtime.processes(""))?;
        }
        let seed = seed.to_string();
        nemesis.start("produce", &["produce"], &[])?;
        nemesis.start("pipeline", &["pipeline"], &[&seed])?;
        nemesis.start("group-classic", &["group"], &[&seed, "classic"])?;
        nemesis.start("group-consumer", &["group"], &[&seed, "consumer"])?;
        nemesis.expect_progress()?;
        Ok(nemesis)
    }

    fn folder(&self) -> &Path {
        self.cluster.workspace.path()
    }

    fn script(&self, name: &str, role: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command
            .arg(binaries::repository().join("acceptance-tests/programs").join(name))
            .args(role)
            .arg(&self.cluster.bootstrap)
            .arg(&self.cluster.authority)
            .arg(USER)
            .env("KAFKA_PASSWORD", PASSWORD);
        command
    }

    fn start(&mut self, name: &'static str, role: &[&str], rest: &[&str]) -> Result<()> {
        let errors = fs::File::create(self.folder().join(format!("{name}.err")))?;
        let mut command = self.script("nemesis.py", role);
        let child = command
            .arg(self.folder())
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()?;
        self.clients.push(Client { name, child });
        Ok(())
    }

    fn progress(&self, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.folder().join(format!("{name}.progress"))).ok()?;
        text.trim().parse().ok()
    }

    /// Every client gets on.
    fn expect_progress(&mut self) -> Result<()> {
        let names: Vec<&'static str> = self.clients.iter().map(|client| client.name).collect();
        let before: Vec<u64> = names.iter().map(|name| self.progress(name).unwrap_or(0)).collect();
        for (name, before) in names.iter().zip(before) {
            let mut ended = None;
            wait::until(&format!("{name} to get on"), PATIENCE, || {
                ended = self.ended();
                let gets_on = self.progress(name).is_some_and(|now| now > before);
                (ended.is_some() || gets_on).then_some(())
            })
            .with_context(|| format!("what {name} said last: {}", self.errors(name)))?;
            if let Some(name) = ended {
                bail!("{name} has ended: {}", self.errors(name));
            }
        }
        Ok(())
    }

    /// A client that does not work any more.
    fn ended(&mut self) -> Option<&'static str> {
        let mut clients = self.clients.iter_mut();
        clients.find_map(|client| (!matches!(client.child.try_wait(), Ok(None))).then_some(client.name))
    }

    fn strike(&mut self, strike: &Strike) -> Result<()> {
        thread::sleep(Duration::from_millis(strike.rest_ms));
        eprintln!("{:8.1} s: {strike}", self.begun.elapsed().as_secs_f64());
        let scaling = if strike.faults.contains(&Fault::Scale) {
            Some(self.scale())
        } else {
            None
        };
        let mut remedies = Vec::new();
        for fault in &strike.faults {
            remedies.extend(self.hit(*fault)?);
        }
        thread::sleep(Duration::from_millis(strike.lasts_ms));
        // What is started needs room on the disk.
        remedies.sort_by_key(|remedy| matches!(remedy, Remedy::Start));
        remedies.into_iter().try_for_each(|remedy| self.mend(remedy))?;
        if let Some(scaling) = scaling {
            let ended = scaling.join().map_err(|_| anyhow!("terraform's thread panicked"))?;
            if let Err(error) = ended {
                // What was in the way is gone now: it goes on where it was.
                eprintln!("           scaling was cut off: {error:#}");
                program::succeed(&mut self.apply(), SCALE_LIMIT).context("scaling once more")?;
            }
        }
        self.expect_progress()
    }

    /// Brokers that run, by id.
    fn running(&self) -> Vec<Process> {
        let mut brokers = self.cluster.workspace.runtime.processes("broker");
        brokers.sort_by_key(|it| it.arguments.clone());
        brokers
    }

    fn hit(&mut self, fault: Fault) -> Result<Option<Remedy>> {
        let runtime = &self.cluster.workspace.runtime;
        match fault {
            Fault::KillBroker(at) => self.nth(at).into_iter().for_each(|broker| kill(broker.pid)),
            Fault::KillAllBrokers => runtime.kill("broker"),
            Fault::KillServe => runtime.kill("serve"),
            Fault::KillEverything => {
                for kind in ["guard", "serve", "broker"] {
                    runtime.kill(kind);
                }
                // Whoever uses the runtime next starts it.
                return Ok(Some(Remedy::Start));
            }
            Fault::PauseBroker(at) => return Ok(self.nth(at).and_then(|broker| pause(broker.pid))),
            Fault::PauseServe => return Ok(runtime.processes("serve").first().and_then(|serve| pause(serve.pid))),
            Fault::Cut(at, link) => return Ok(Some(Remedy::Join(links::Cut::begin(self.host(at)?, link)?))),
            Fault::CutBetween(at, further) => {
                let cut = links::Cut::between(self.host(at)?, self.host(at + further)?)?;
                return Ok(Some(Remedy::Join(cut)));
            }
            Fault::Slow(at, link, rate) => {
                // Two may be slow at once, each in its way.
                self.slowed += 1;
                let slow = links::Slow::begin(self.slowed, self.host(at)?, link, rate)?;
                return Ok(Some(Remedy::Hasten(slow)));
            }
            Fault::FillDisk => return fill(&runtime.data_dir()).map(Some),
            Fault::SetClock(offset_s) => return self.set_clock(offset_s).map(|()| Some(Remedy::SetClockRight)),
            // It has begun before everything else.
            Fault::Scale => {}
        }
        Ok(None)
    }

    fn set_clock(&self, offset_s: i64) -> Result<()> {
        self.clock.as_ref().context("a clock that can be set")?.set(offset_s)
    }

    fn nth(&self, at: usize) -> Option<Process> {
        let brokers = self.running();
        brokers.get(at % brokers.len().max(1)).cloned()
    }

    /// The address of a broker.
    fn host(&self, at: usize) -> Result<Ipv4Addr> {
        let servers: Vec<&str> = self.cluster.bootstrap.split(',').collect();
        let (host, _) = servers[at % servers.len()]
            .rsplit_once(':')
            .context("a bootstrap server")?;
        Ok(host.parse()?)
    }

    fn mend(&self, remedy: Remedy) -> Result<()> {
        match remedy {
            Remedy::Continue(pid) => {
                // It may have been killed while it stood still.
                if let Some(pid) = Pid::from_raw(pid) {
                    let _ = kill_process(pid, Signal::CONT);
                }
                Ok(())
            }
            Remedy::Join(cut) => cut.end(),
            Remedy::Hasten(slow) => slow.end(),
            Remedy::Remove(file) => Ok(fs::remove_file(file)?),
            Remedy::SetClockRight => self.set_clock(0),
            Remedy::Start => self.cluster.workspace.runtime.start(),
        }
    }

    /// Begins to change the number of brokers.
    fn scale(&mut self) -> thread::JoinHandle<Result<()>> {
        self.brokers = if self.brokers == 3 { 4 } else { 3 };
        let mut apply = self.apply();
        thread::spawn(move || program::succeed(&mut apply, SCALE_LIMIT).map(drop))
    }

    fn apply(&self) -> Command {
        let brokers = format!("-var=brokers={}", self.brokers);
        let arguments = ["apply", "-auto-approve", "-no-color", "-input=false", &brokers];
        self.cluster.workspace.prepare(&arguments)
    }

    /// Lets everybody come to an end, and checks what they have written down.
    fn finish(&mut self) -> Result<()> {
        fs::write(self.folder().join("stop"), "")?;
        for name in ["produce", "pipeline", "group-classic", "group-consumer"] {
            let client = self.clients.iter_mut().find(|client| client.name == name);
            let child = &mut client.context("a client")?.child;
            let status = wait::until(&format!("{name} to end"), END_LIMIT, || child.try_wait().ok().flatten())?;
            ensure!(status.success(), "{name} ended with {status}: {}", self.errors(name));
            if name == "produce" {
                fs::write(self.folder().join("drain"), "")?;
            }
        }
        self.check()
    }

    fn errors(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder().join(format!("{name}.err"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn read(&self, topic: &str, isolation: &str) -> Result<Vec<Read>> {
        let file = self.folder().join(format!("{topic}-{isolation}.jsonl"));
        let mut command = self.script("history.py", &["read"]);
        program::succeed(command.arg(topic).arg(&file).arg(isolation), END_LIMIT)?;
        lines(&file)
    }

    fn check(&self) -> Result<()> {
        let orders = self.read("orders", "read_uncommitted")?;
        let copies = self.read("copies", "read_committed")?;
        let all_copies = self.read("copies", "read_uncommitted")?;
        let sent: Vec<Sent> = lines(&self.folder().join("produce.jsonl"))?;
        let transactions: Vec<Transaction> = lines(&self.folder().join("pipeline.jsonl"))?;
        let count = |outcome| transactions.iter().filter(|it| it.outcome == outcome).count();
        eprintln!(
            "{:8.1} s: {} records, {} transactions committed, {} aborted, {} unknown, {} records of them written and {} seen",
            self.begun.elapsed().as_secs_f64(),
            sent.len(),
            count(Outcome::Committed),
            count(Outcome::Aborted),
            count(Outcome::Unknown),
            all_copies.len(),
            copies.len()
        );
        let anomalies = check(&sent, &orders);
        ensure!(
            anomalies.is_empty(),
            "{} anomalies of the producer: {:?}",
            anomalies.len(),
            first(&anomalies)
        );
        expect_none("the pipeline", &check_copies(&orders, &transactions, &copies))?;
        for group in ["group-classic", "group-consumer"] {
            let seen: Vec<Seen> = lines(&self.folder().join(format!("{group}.jsonl")))?;
            expect_none(group, &check_group(&orders, &seen))?;
        }
        // The checkers are worth nothing unless they see planted faults in this very history.
        let mut planted = copies;
        planted.remove(planted.len() / 2);
        ensure!(
            !check_copies(&orders, &transactions, &planted).is_empty(),
            "a planted loss was missed"
        );
        let mut planted = orders;
        planted.remove(planted.len() / 2);
        ensure!(!check(&sent, &planted).is_empty(), "a planted loss was missed");
        Ok(())
    }

    /// Copies what explains a failure to where it stays.
    fn keep(&self) -> Result<PathBuf> {
        let folder = binaries::repository().join("target/faults");
        fs::create_dir_all(&folder)?;
        let mut command = Command::new("sh");
        let script = "cp \"$FROM\"/*.err \"$FROM\"/*.jsonl \"$FROM\"/*.progress \"$TO\"; cd \"$DATA\" && \
                      tar cf \"$TO/data.tar\" --exclude '*.timeindex' --exclude '*.index' logs clusters state.db* 2>/dev/null";
        command
            .args(["-c", script])
            .env("FROM", self.folder())
            .env("DATA", self.cluster.workspace.runtime.data_dir())
            .env("TO", &folder);
        program::run(&mut command, Duration::from_secs(60))?;
        Ok(folder)
    }
}

impl Drop for Nemesis {
    fn drop(&mut self) {
        for client in &mut self.clients {
            // It may have ended by itself.
            let _ = client.child.kill();
            let _ = client.child.wait();
        }
    }
}

/// What ends a fault.
enum Remedy {
    Continue(i32),
    Join(links::Cut),
    Hasten(links::Slow),
    Remove(PathBuf),
    SetClockRight,
    Start,
}

fn pause(pid: i32) -> Option<Remedy> {
    kill_process(Pid::from_raw(pid)?, Signal::STOP).ok()?;
    Some(Remedy::Continue(pid))
}

/// Takes all the room on the file system of a folder.
fn fill(folder: &Path) -> Result<Remedy> {
    let file = folder.join("ballast");
    let mut command = Command::new("dd");
    command
        .args(["if=/dev/zero", "bs=1M"])
        .arg(format!("of={}", file.display()));
    // It ends with an error: there is no room for more.
    let finished = program::run(&mut command, Duration::from_secs(60))?;
    ensure!(finished.code == Some(1), "the disk is not full: {}", finished.text());
    Ok(Remedy::Remove(file))
}

fn first<T>(anomalies: &[T]) -> &[T] {
    &anomalies[..anomalies.len().min(5)]
}

fn expect_none(what: &str, anomalies: &[CopyAnomaly]) -> Result<()> {
    if anomalies.is_empty() {
        return Ok(());
    }
    Err(anyhow!(
        "{} anomalies of {what}: {:?}",
        anomalies.len(),
        first(anomalies)
    ))
}
