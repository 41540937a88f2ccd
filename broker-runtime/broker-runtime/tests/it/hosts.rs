//! A control plane and agents, each in a data directory and on an address of its own, as on several machines: they join, are
//! killed and come back, are drained and removed.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clock::SystemClock;
use host_link::{HostEntry, RemoteFleet, Standing};
use hosts::{Capacity, Fleet, Host, HostError, HostFacts, HostState, UnitName, UnitPhase, UnitProcess};
use serde_json::Value;

use crate::promises;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(30);
/// What an idle agent may hold: a good deal less where it is built for release.
const AGENT_BYTES_MAX: u64 = 40 << 20;

/// A control plane that other machines could reach, and a folder for agents.
struct Stage {
    folder: tempfile::TempDir,
    /// Third octet of the addresses: tests in other processes have others.
    net: u32,
}

/// An agent that runs.
struct Agent {
    process: Child,
    data_dir: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let stage = Self::without_tls();
        let listen = format!("127.201.{}.1:0", stage.net);
        let started = stage.run(&["serve", "--background", "--listen", &listen, "--tls", "auto"]);
        assert!(started.status.success(), "{}", text(&started));
        stage
    }

    fn without_tls() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            net: std::process::id() % 250,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    fn command(&self, data_dir: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_broker-runtime"));
        command.args(arguments).arg("--data-dir").arg(self.path(data_dir));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command("control-plane", arguments).output().unwrap()
    }

    /// What it says, with success.
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says, without.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Address of the control plane and a token for it.
    fn token(&self, arguments: &[&str]) -> (String, String) {
        let said = self.said(&[&["token", "create", "--json"], arguments].concat());
        let made: Value = serde_json::from_str(&said).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["joinAddress"]), text(&made["token"]))
    }

    fn hosts(&self) -> Vec<Value> {
        let said = self.said(&["hosts", "--json"]);
        serde_json::from_str::<Value>(&said)
            .unwrap()
            .as_array()
            .unwrap()
            .clone()
    }

    fn state(&self, name: &str) -> Option<String> {
        let hosts = self.hosts();
        let found = hosts.iter().find(|host| host["name"] == name);
        found.map(|host| host["state"].as_str().unwrap().to_owned())
    }

    fn await_state(&self, name: &str, state: &str) {
        let begun = Instant::now();
        while self.state(name).as_deref() != Some(state) {
            assert!(begun.elapsed() < LIMIT, "{name} is not {state}: {:?}", self.hosts());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets host number `number` join, under the name of its data directory when `more` has no other, and does not run its
    /// agent.
    fn join(&self, number: u32, data_dir: &str, more: &[&str], token: &(String, String)) -> Output {
        let (address, listen) = (self.address(number), format!("{}:0", self.address(number)));
        let own = ["--address", &address, "--listen", &listen, "--only"];
        let named: &[&str] = if more.contains(&"--name") {
            &[]
        } else {
            &["--name", data_dir]
        };
        let begin = ["host-agent", "join", &token.0, "--token", &token.1];
        let arguments = [&begin, &own[..], named, more].concat();
        self.command(data_dir, &arguments).output().unwrap()
    }

    fn address(&self, number: u32) -> String {
        format!("127.201.{}.{}", self.net, number + 1)
    }

    /// Runs the agent of a host that has joined.
    fn agent(&self, name: &str) -> Agent {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path(&format!("{name}.log")))
            .unwrap();
        let mut command = self.command(name, &["host-agent", "run"]);
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Agent {
            process,
            data_dir: self.path(name),
        }
    }

    /// The fleet as the control plane has it, for orders: it shows a certificate of the same authority.
    fn fleet(&self) -> Arc<RemoteFleet> {
        let directory = self.path("control-plane").join("fleet");
        let fleet = Arc::new(RemoteFleet::new(directory, Arc::new(SystemClock)));
        fleet.set(self.hosts().iter().map(entry).collect());
        fleet
    }

    fn metrics(&self) -> String {
        let info: Value =
            serde_json::from_slice(&fs::read(self.path("control-plane").join("runtime.json")).unwrap()).unwrap();
        let address = info["endpoint"].as_str().unwrap().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET /openmsk/v1/metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    fn processes(&self) -> Vec<u32> {
        supervisor::running_with_argument(&self.marker())
            .unwrap()
            .into_iter()
            .map(|it| it.pid)
            .collect()
    }

    fn marker(&self) -> String {
        format!("unit-of-{}", self.folder.path().display())
    }

    fn process(&self) -> UnitProcess {
        promises::shell("while :; do sleep 0.1; done", &self.marker())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.run(&["stop"]);
        for pid in self.processes() {
            kill(pid);
        }
    }
}

impl Agent {
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        assert!(self.data_dir.exists() || thread::panicking());
    }
}

fn entry(host: &Value) -> HostEntry {
    let text = |name: &str| host[name].as_str().unwrap().to_owned();
    let facts = HostFacts {
        host_id: text("hostId").parse().unwrap(),
        name: text("name"),
        zone: text("zone"),
        address: text("address").parse().unwrap(),
        state: HostState::Active,
        capacity: Capacity::default(),
        agent_version: text("agentVersion"),
        clock_ahead_ms: 0,
        data_directory: PathBuf::new(),
    };
    HostEntry {
        host_id: facts.host_id,
        name: facts.name.clone(),
        zone: facts.zone.clone(),
        agent_address: text("agentAddress").parse().unwrap(),
        standing: Standing::Active,
        facts,
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn unit(name: &str) -> UnitName {
    UnitName::new(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_join_work_survive_and_leave() {
    let stage = Stage::new();
    let (first, second) = (stage.token(&["--zone", "a"]), stage.token(&[]));
    let joined = stage.join(1, "one", &[], &first);
    assert!(
        text(&joined).contains("host one has joined zone a"),
        "{}",
        text(&joined)
    );
    let joined = stage.join(2, "two", &["--zone", "b"], &second);
    assert!(joined.status.success(), "{}", text(&joined));
    assert_eq!(
        stage.state("one").as_deref(),
        Some("UNREACHABLE"),
        "its agent does not run yet"
    );
    let (one, _two) = (stage.agent("one"), stage.agent("two"));
    stage.await_state("one", "ACTIVE");
    stage.await_state("two", "ACTIVE");
    let table = stage.said(&["hosts"]);
    assert!(table.contains("HOST") && table.contains(&stage.address(2)), "{table}");
    let page = stage.metrics();
    assert!(
        page.contains("openmsk_host_state{host=\"two\",zone=\"b\",state=\"ACTIVE\"} 1"),
        "{page}"
    );
    let tokens = stage.said(&["token", "list", "--json"]);
    assert_eq!(tokens.matches("\"USED\"").count(), 2, "{tokens}");

    let fleet = stage.fleet();
    let host = fleet.named("one").unwrap();
    // The agent knows where it is; the control plane has heard it, and this fleet has not yet.
    fleet.ask_all().await;
    promises::are_kept(&*host, &stage.marker(), &stage.path("")).await;
    host.start(&unit("u"), &stage.process()).await.unwrap();
    let pid = until("it runs", async || host.status(&unit("u")).await.ok()??.pid).await;
    print_memory(one.process.id());

    let one = agent_is_killed_and_comes_back(&stage, &*host, one, pid).await;
    control_plane_is_killed_and_comes_back(&stage, pid).await;
    host_is_drained_and_removed(&stage, &*host).await;
    drop(one);
}

/// Its process goes on, and is adopted.
async fn agent_is_killed_and_comes_back(stage: &Stage, host: &dyn Host, mut one: Agent, pid: u32) -> Agent {
    one.kill();
    stage.await_state("one", "UNREACHABLE");
    assert!(
        stage.said(&["hosts"]).contains("one: its agent at"),
        "the table says why"
    );
    assert!(
        supervisor::identify(pid).is_some(),
        "the process goes on without its agent"
    );
    let error = host.stop(&unit("u"), false).await.unwrap_err();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error}");
    let one = stage.agent("one");
    stage.await_state("one", "ACTIVE");
    let status = host.status(&unit("u")).await.unwrap().unwrap();
    assert_eq!(
        (status.phase, status.pid),
        (UnitPhase::Running, Some(pid)),
        "it was adopted"
    );
    one
}

/// Processes go on, and hosts are there again.
async fn control_plane_is_killed_and_comes_back(stage: &Stage, pid: u32) {
    let info = stage.path("control-plane").join("runtime.json");
    let serving = || serde_json::from_slice::<Value>(&fs::read(&info).unwrap()).unwrap()["pid"].as_u64();
    let before = serving().unwrap();
    kill(u32::try_from(before).unwrap());
    until("another control plane serves", async || {
        serving().filter(|pid| *pid != before)
    })
    .await;
    assert!(
        supervisor::identify(pid).is_some(),
        "nothing happens to a process when the control plane is away"
    );
    stage.await_state("one", "ACTIVE");
}

/// Only an empty host can be removed.
async fn host_is_drained_and_removed(stage: &Stage, host: &dyn Host) {
    stage.said(&["hosts", "drain", "one"]);
    assert_eq!(stage.state("one").as_deref(), Some("DRAINING"));
    let why = stage.refused(&["hosts", "remove", "one"]);
    assert!(why.contains("on host \"one\" there is u: drain it first"), "{why}");
    let why = stage.refused(&["hosts", "dead", "one"]);
    assert!(why.contains("answers, so it is not dead"), "{why}");
    stage.said(&["hosts", "undrain", "one"]);
    assert_eq!(stage.state("one").as_deref(), Some("ACTIVE"));
    host.remove(&unit("u")).await.unwrap();
    assert!(stage.processes().is_empty());
    stage.said(&["hosts", "remove", "one"]);
    assert_eq!(stage.state("one"), None);
}

fn print_memory(pid: u32) {
    let bytes = supervisor::resident_bytes(pid).unwrap();
    eprintln!("an agent holds {:.1} MiB", bytes as f64 / f64::from(1 << 20));
    assert!(bytes < AGENT_BYTES_MAX, "{bytes}");
}

#[test]
fn whoever_may_not_join_is_told_why_and_nothing_is_half_made() {
    let stage = Stage::new();
    let token = stage.token(&["--zone", "a"]);
    let refusal = |number, name: &str, more: &[&str], token: &(String, String)| {
        let output = stage.join(number, name, more, token);
        assert!(!output.status.success(), "{}", text(&output));
        assert!(!stage.path(name).join("agent/host.json").exists());
        text(&output)
    };
    // Another certificate than the token names: nobody is given the token.
    let mut forged = token.clone();
    let last = if forged.1.pop() == Some('0') { '1' } else { '0' };
    forged.1.push(last);
    let said = refusal(1, "one", &[], &forged);
    assert!(
        said.contains("does not show the certificate that the token names"),
        "{said}"
    );
    let said = refusal(1, "one", &["--zone", "b"], &token);
    assert!(said.contains("the token is for zone \"a\""), "{said}");
    let said = refusal(1, ".one", &[], &token);
    assert!(said.contains("\".one\" will not do"), "{said}");
    assert!(stage.said(&["token", "list"]).contains("UNUSED"), "it was not used up");
    assert!(stage.join(1, "one", &[], &token).status.success());
    let said = refusal(2, "two", &[], &token);
    assert!(said.contains("the token was used by host \"one\" at 20"), "{said}");
    let other = stage.token(&[]);
    let said = refusal(2, "three", &["--name", "one", "--zone", "a"], &other);
    assert!(said.contains("there is a host \"one\" already, at 127.201."), "{said}");
    let said = refusal(2, "two", &[], &other);
    assert!(said.contains("name one with --zone"), "{said}");
    let id = other.1.split('.').nth(1).unwrap();
    stage.said(&["token", "revoke", id]);
    let said = refusal(2, "two", &["--zone", "a"], &other);
    assert!(said.contains("the token is not known here"), "{said}");
    let brief = stage.token(&["--ttl", "1s"]);
    let begun = Instant::now();
    while !stage.said(&["token", "list"]).contains("EXPIRED") {
        assert!(begun.elapsed() < LIMIT);
        thread::sleep(Duration::from_millis(20));
    }
    let said = refusal(2, "two", &["--zone", "a"], &brief);
    assert!(said.contains("the token has expired at 20"), "{said}");
    let said = stage.join(1, "one", &[], &brief);
    assert!(
        text(&said).contains("this host has joined already, as \"one\""),
        "{}",
        text(&said)
    );
    assert_eq!(stage.hosts().len(), 1);
    // Its agent has never run, so it can only be given up.
    let why = stage.refused(&["hosts", "remove", "one"]);
    assert!(why.contains("hosts dead one"), "{why}");
    stage.said(&["hosts", "dead", "one"]);
    assert_eq!(stage.state("one").as_deref(), Some("DEAD"));
    assert!(
        stage
            .refused(&["hosts", "undrain", "one"])
            .contains("was declared dead")
    );
    stage.said(&["hosts", "remove", "one"]);
    assert!(stage.hosts().is_empty());
    assert!(stage.said(&["hosts"]).contains("no hosts"));
    assert!(
        stage
            .refused(&["hosts", "drain", "one"])
            .contains("there is no host \"one\"")
    );
}

#[test]
fn control_plane_that_others_cannot_reach_makes_no_tokens() {
    let stage = Stage::without_tls();
    assert!(stage.run(&["serve", "--background"]).status.success());
    let why = stage.refused(&["token", "create"]);
    assert!(why.contains("--tls auto"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_obey_their_own_control_plane_only_and_get_new_certificates() {
    let stage = Stage::new();
    assert!(
        stage
            .join(1, "one", &["--zone", "a"], &stage.token(&[]))
            .status
            .success()
    );
    let _one = stage.agent("one");
    stage.await_state("one", "ACTIVE");
    let fleet = stage.fleet();
    let host = fleet.named("one").unwrap();
    // Another fleet's authority, and the certificate of a host, which is of the right one.
    let strangers = Arc::new(RemoteFleet::new(stage.path("strangers"), Arc::new(SystemClock)));
    strangers.set(stage.hosts().iter().map(entry).collect());
    let error = strangers.hosts()[0].units().await.unwrap_err();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error}");
    let identity = fs::read_to_string(stage.path("one/agent/identity.pem")).unwrap();
    let authority = fs::read_to_string(stage.path("one/agent/authority.pem")).unwrap();
    let answered = ask_with(
        &host.entry().clone(),
        host_link::client_tls(&identity, &authority).unwrap(),
    )
    .await;
    assert!(answered.is_err(), "hosts do not obey hosts");

    let before = HostEntry::clone(&host.entry());
    host.renew_certificate().await.unwrap();
    let renewed = fs::read_to_string(stage.path("one/agent/identity.pem")).unwrap();
    assert_ne!(renewed, identity);
    let again = stage.fleet().named("one").unwrap();
    assert!(again.units().await.unwrap().is_empty(), "it shows the new one");
    assert_eq!(*again.entry(), before);
    // Whoever looks when certificates are due renews them by himself.
    let directory = stage.path("control-plane").join("fleet");
    let year = Duration::from_secs(365 * 24 * 3600);
    let eager = RemoteFleet::with_renewal_lead(directory, Arc::new(SystemClock), year);
    eager.set(vec![before]);
    eager.ask_all().await;
    assert_ne!(
        fs::read_to_string(stage.path("one/agent/identity.pem")).unwrap(),
        renewed
    );
    assert_eq!(eager.hosts()[0].facts().state, HostState::Active);
}

async fn ask_with(entry: &HostEntry, tls: rustls::ClientConfig) -> Result<(), reqwest::Error> {
    let name = host_link::wire::host_dns_name(entry.host_id);
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .resolve(&name, entry.agent_address)
        .build()?;
    let url = format!(
        "https://{name}:{}{}",
        entry.agent_address.port(),
        host_link::wire::ORDERS_PATH
    );
    client
        .post(url)
        .body("\"Units\"")
        .send()
        .await?
        .error_for_status()
        .map(drop)
}
