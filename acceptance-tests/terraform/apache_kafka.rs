//! Clusters whose brokers are Apache Kafka itself: made, used over SASL_SSL, and gone without a trace; on this machine, and on hosts
//! that have joined, of which one dies and comes back, and is drained.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use acceptance_tests::{
    archives::Archives,
    binaries,
    genuine_cluster::{GenuineCluster, PASSWORD},
    history::{Read, Sent, check},
    load,
    processes::{self, Process},
    program,
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let needed = tools
        .terraform
        .clone()
        .zip(tools.python.clone())
        .filter(|_| tools.java.is_some());
    suite.test_with(
        "cluster_of_apache_kafka_is_made_used_and_gone",
        "terraform, Python clients and Java",
        needed.clone(),
        |(terraform, python)| made_used_and_gone(&terraform, &python),
    );
    suite.test_with(
        "cluster_of_apache_kafka_outlives_a_host",
        "terraform, Python clients and Java",
        needed,
        |(terraform, python)| outlives_a_host(&terraform, &python),
    );
}

/// How long clients may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How long a broker may take to move.
const DRAIN_LIMIT: Duration = Duration::from_secs(240);
/// Among the arguments of a process that serves the page of a machine.
const NODE_EXPORTER: &str = "node-exporter";

fn a_cluster() -> GenuineCluster {
    GenuineCluster::new(1)
}

fn made_used_and_gone(terraform: &Path, python: &Path) -> Result<()> {
    let workspace = Workspace::new(terraform)?;
    let archives = Archives::of(&workspace)?;
    // What Apache Kafka has not is said by the plan.
    workspace.write(&a_cluster().with_iam().configuration())?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("Apache Kafka does not know SASL/IAM"), "{refused}");

    workspace.write(&a_cluster().configuration())?;
    workspace.apply()?;
    archives.keep()?;
    workspace.expect_empty_plan()?;
    write_and_read(&workspace, python)?;
    let running = java(&workspace)?;
    ensure!(running.len() == 1, "{running:?}");
    ensure!(!running[0].contains(PASSWORD), "no secret stands in arguments");
    page_comes_and_goes(&workspace, python)?;

    workspace.write(&a_cluster().on("embedded").configuration())?;
    let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(refused.contains("A cluster of Apache Kafka stays one"), "{refused}");

    workspace.write(&a_cluster().with_node_exporter(true).configuration())?;
    workspace.apply()?;
    machines_are_shown(&workspace, python)?;
    workspace.destroy()?;
    let running = processes::working_in(&everything(&workspace)?);
    let left = running.iter().filter(|it| is_of_a_node(it)).collect::<Vec<_>>();
    ensure!(left.is_empty(), "{left:?}");
    for folder in ["host/units", "kafka-clusters"] {
        let path = workspace.runtime.data_dir().join(folder);
        let left = fs::read_dir(&path).map(Iterator::count).unwrap_or_default();
        ensure!(left == 0, "{left} entries are left in {}", path.display());
    }
    Ok(())
}

/// The page of the machine is opened, comes back when its process is killed, and is closed; the broker goes on meanwhile.
fn page_comes_and_goes(workspace: &Workspace, python: &Path) -> Result<()> {
    let broker = pids(workspace, "kafka.Kafka")?;
    workspace.write(&a_cluster().with_node_exporter(true).configuration())?;
    let planned = workspace.succeed(&["plan", "-no-color", "-input=false"])?.text();
    ensure!(
        planned.contains("1 to change") && !planned.contains("are restarted"),
        "{planned}"
    );
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    machines_are_shown(workspace, python)?;
    let page = pids(workspace, NODE_EXPORTER)?;
    ensure!(page.len() == 1, "{page:?}");
    processes::kill(page[0]);
    let again = wait::until("the page of the machine to be there again", LIMIT, || {
        let again = pids(workspace, NODE_EXPORTER).ok()?;
        (again.len() == 1 && again != page && machines_are_shown(workspace, python).is_ok()).then_some(again)
    })?;
    // The next control plane finds it.
    workspace.runtime.command(&["stop"])?;
    workspace.runtime.start()?;
    workspace.expect_empty_plan()?;
    ensure!(
        pids(workspace, NODE_EXPORTER)? == again,
        "it outlives the control plane"
    );
    workspace.write(&a_cluster().configuration())?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    ensure!(pids(workspace, NODE_EXPORTER)?.is_empty(), "no page is left");
    for (host, port) in pages(workspace)? {
        let open = std::net::TcpStream::connect((host.as_str(), port));
        ensure!(open.is_err(), "something listens on {host}:{port}");
    }
    ensure!(pids(workspace, "kafka.Kafka")? == broker, "the broker was restarted");
    Ok(())
}

/// Where pages of machines are: in the row of ports of the broker.
fn pages(workspace: &Workspace) -> Result<Vec<(String, u16)>> {
    let bootstrap = workspace.output("bootstrap")?;
    let brokers = bootstrap.as_str().context("text")?.split(',');
    let pages = brokers.map(|broker| {
        let (host, port) = broker.rsplit_once(':').context("host and port")?;
        let row: u16 = port.parse::<u16>()? - 9096;
        Ok((host.to_owned(), 11_002 + row))
    });
    pages.collect()
}

/// All of them are as those of the embedded engine are.
fn machines_are_shown(workspace: &Workspace, python: &Path) -> Result<()> {
    for (host, port) in pages(workspace)? {
        let mut reader = Command::new(python);
        reader
            .arg(binaries::repository().join("acceptance-tests/programs/api/scraped.py"))
            .args([host, port.to_string()]);
        program::succeed(&mut reader, LIMIT)?;
    }
    Ok(())
}

/// Records go in and come out again, over SASL_SSL.
fn write_and_read(workspace: &Workspace, python: &Path) -> Result<()> {
    let mut client = client(workspace, python, "librdkafka_client.py", &[])?;
    client.args(["app", "SCRAM-SHA-512", "orders", "2000"]);
    program::succeed(&mut client, LIMIT).map(drop)
}

/// A program in Python, with where it connects to.
pub(crate) fn client(workspace: &Workspace, python: &Path, name: &str, first: &[&str]) -> Result<Command> {
    let text = |name: &str| Ok::<_, anyhow::Error>(workspace.output(name)?.as_str().context("text")?.to_owned());
    let authority = workspace.path().join("ca.pem");
    fs::write(&authority, text("authority")?)?;
    let mut client = Command::new(python);
    client
        .arg(binaries::repository().join("acceptance-tests/programs").join(name))
        .args(first)
        .arg(text("bootstrap")?)
        .arg(&authority)
        .env("KAFKA_PASSWORD", PASSWORD);
    Ok(client)
}

/// What `history.py` has written down of what it sends for some seconds, or reads.
fn history<T: DeserializeOwned>(workspace: &Workspace, python: &Path, action: &str, rest: &[&str]) -> Result<Vec<T>> {
    let file = workspace.path().join("history.jsonl");
    let mut client = client(workspace, python, "history.py", &[action])?;
    client.args(["app", "orders"]).args(rest).arg(&file);
    program::succeed(&mut client, LIMIT)?;
    load::lines(&file)
}

fn outlives_a_host(terraform: &Path, python: &Path) -> Result<()> {
    let workspace = Workspace::new(terraform)?;
    let archives = Archives::of(&workspace)?;
    let net = format!("127.202.{}", std::process::id() % 250);
    let listen = format!("{net}.1:0");
    workspace.runtime.start_with(&["--listen", &listen, "--tls", "auto"])?;
    let mut agents = Vec::new();
    for (number, zone) in [(1, "a"), (2, "b"), (3, "c")] {
        agents.push(Agent::join(&workspace, &net, number, zone)?);
    }
    await_hosts(&workspace, "ACTIVE", 3)?;

    // A cluster without zones comes to those of the hosts.
    workspace.write(&GenuineCluster::new(3).with_node_exporter(true).configuration())?;
    workspace.apply()?;
    archives.keep()?;
    workspace.expect_empty_plan()?;
    machines_are_shown(&workspace, python)?;
    for agent in &agents {
        ensure!(agent.units()? == 2, "host {} has {} units", agent.name, agent.units()?);
    }
    let mut sent: Vec<Sent> = history(&workspace, python, "produce", &["2"])?;
    agents[1].die()?;
    await_hosts(&workspace, "UNREACHABLE", 1)?;
    sent.extend(history(&workspace, python, "produce", &["3"])?);
    agents[1].run(&workspace)?;
    await_hosts(&workspace, "ACTIVE", 3)?;
    workspace.expect_empty_plan()?;
    machines_are_shown(&workspace, python)?;

    // What is on a host that is drained moves to another one, by itself.
    agents.push(Agent::join(&workspace, &net, 4, "b")?);
    await_hosts(&workspace, "ACTIVE", 4)?;
    workspace.runtime.command(&["hosts", "drain", "host-2"])?;
    wait::until("a drained host to be empty", DRAIN_LIMIT, || {
        let is_empty = agents[1].units().ok()? == 0 && agents[3].units().ok()? == 2;
        is_empty.then_some(())
    })?;
    // Outputs say where it is now.
    workspace.apply()?;
    machines_are_shown(&workspace, python)?;
    sent.extend(history(&workspace, python, "produce", &["1"])?);
    let read: Vec<Read> = history(&workspace, python, "read", &[])?;
    let anomalies = check(&sent, &read);
    ensure!(
        anomalies.is_empty(),
        "{} anomalies, first {:?}",
        anomalies.len(),
        anomalies[0]
    );
    ensure!(sent.len() > 100, "only {} records were sent", sent.len());

    workspace.destroy()?;
    let running = processes::working_in(&everything(&workspace)?);
    let left = running.iter().filter(|it| is_of_a_node(it)).collect::<Vec<_>>();
    ensure!(left.is_empty(), "{left:?}");
    for agent in &agents {
        ensure!(agent.units()? == 0, "host {} has {} units", agent.name, agent.units()?);
    }
    Ok(())
}

/// A machine beside the control plane: a data directory and an address of its own.
struct Agent {
    name: String,
    folder: PathBuf,
    process: Child,
}

impl Agent {
    fn join(workspace: &Workspace, net: &str, number: u32, zone: &str) -> Result<Self> {
        let made = workspace
            .runtime
            .command(&["token", "create", "--json", "--zone", zone])?;
        let token: serde_json::Value = serde_json::from_str(&made.stdout).with_context(|| made.text())?;
        let text = |name: &str| token[name].as_str().context("text in a token");
        let name = format!("host-{number}");
        let folder = everything(workspace)?.join(&name);
        let address = format!("{net}.{}", number + 10);
        let mut command =
            workspace
                .runtime
                .prepare(&["host-agent", "join", text("joinAddress")?, "--token", text("token")?])?;
        command.args(["--name", &name, "--address", &address]);
        let process = start(&mut command, &folder)?;
        Ok(Self { name, folder, process })
    }

    /// It loses its power: the agent and what it runs end at once.
    fn die(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        for process in processes::working_in(&self.folder) {
            processes::kill(process.pid);
        }
        Ok(())
    }

    fn run(&mut self, workspace: &Workspace) -> Result<()> {
        let mut command = workspace.runtime.prepare(&["host-agent", "run"])?;
        self.process = start(&mut command, &self.folder)?;
        Ok(())
    }

    fn units(&self) -> Result<usize> {
        Ok(fs::read_dir(self.folder.join("units"))?.count())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(command: &mut Command, folder: &Path) -> Result<Child> {
    let command = command.arg("--data-dir").arg(folder);
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().context("an agent")
}

/// Waits until so many hosts are in this state.
fn await_hosts(workspace: &Workspace, state: &str, count: usize) -> Result<()> {
    wait::until(&format!("{count} hosts to be {state}"), Duration::from_secs(60), || {
        let table = workspace.runtime.command(&["hosts"]).ok()?;
        let found = table.stdout.split_whitespace().filter(|word| *word == state).count();
        (found == count).then_some(())
    })
}

/// The folder of the runtime, and of hosts beside it: what works there is ended with the runtime.
fn everything(workspace: &Workspace) -> Result<PathBuf> {
    let data_dir = workspace.runtime.data_dir();
    Ok(data_dir.parent().context("folder of the runtime")?.to_owned())
}

fn is_of_a_node(process: &Process) -> bool {
    let is = |word: &str| process.arguments.iter().any(|argument| argument == word);
    is("kafka.Kafka") || is(NODE_EXPORTER)
}

/// Ids of the processes with this argument that work for the runtime.
fn pids(workspace: &Workspace, argument: &str) -> Result<Vec<i32>> {
    let running = processes::working_in(&everything(workspace)?).into_iter();
    let with = running.filter(|process| process.arguments.iter().any(|it| it == argument));
    let mut pids: Vec<i32> = with.map(|process| process.pid).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// Command lines of the brokers of Apache Kafka that work for the runtime, here or on hosts beside it.
pub(crate) fn java(workspace: &Workspace) -> Result<Vec<String>> {
    let running = processes::working_in(&everything(workspace)?).into_iter();
    let lines = running.map(|process| process.arguments.join(" "));
    Ok(lines.filter(|line| line.contains("kafka.Kafka")).collect())
}
