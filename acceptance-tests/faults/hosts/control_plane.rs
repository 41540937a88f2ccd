//! The control plane of the hosts, the cluster that is on them, and clients of that.

use std::{
    collections::{HashMap, HashSet},
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
    load, processes, program,
    terraform::Workspace,
    wait,
};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::network::{self, CLIENTS, End, inside};

/// How long `terraform apply` may take: nodes start, and may have to be waited for.
const APPLY_LIMIT: Duration = Duration::from_secs(400);
/// How long a client may take to get on, to end, and to read everything.
const PATIENCE: Duration = Duration::from_secs(90);
const END_LIMIT: Duration = Duration::from_secs(220);
/// How long replicas may take to be in sync, and hosts to be in a state.
const SYNC_LIMIT: Duration = Duration::from_secs(240);

/// The control plane and its cluster.
pub struct Stage {
    /// What runs it.
    pub workspace: Workspace,
    archives: Archives,
    python: PathBuf,
    /// More options of `serve`.
    options: Vec<&'static str>,
    producer: Option<Child>,
}

impl Stage {
    /// A control plane without hosts.
    pub fn new(terraform: &Path, python: &Path, options: &[&'static str]) -> Result<Self> {
        let workspace = Workspace::new(terraform)?;
        let archives = Archives::of(&workspace)?;
        let stage = Self {
            workspace,
            archives,
            python: python.to_owned(),
            options: options.to_owned(),
            producer: None,
        };
        stage.start()?;
        Ok(stage)
    }

    /// Where links to it end.
    pub fn end() -> End {
        (network::CONTROL_PLANE.to_owned(), network::control_plane_address())
    }

    /// Begins to make the cluster what the configuration says.
    pub fn begin_apply(&self, brokers: u32) -> Result<Applying> {
        self.workspace
            .write(&GenuineCluster::new(brokers).with_replicas(3).configuration())?;
        let log = self.workspace.path().join("apply.log");
        let output = fs::File::create(&log)?;
        let mut command = self
            .workspace
            .prepare(&["apply", "-auto-approve", "-no-color", "-input=false"]);
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Applying { child, log })
    }

    /// Writes down what clients need.
    pub fn settled(&self) -> Result<()> {
        self.archives.keep()?;
        let authority = self.workspace.output("authority")?;
        Ok(fs::write(
            self.workspace.path().join("ca.pem"),
            authority.as_str().context("text")?,
        )?)
    }

    /// `kill -9` of the control plane; its guard brings it back.
    pub fn kill_serve(&self) {
        self.workspace.runtime.kill("serve");
    }

    /// The machine of the control plane is lost, and another one gets what was backed up.
    pub fn lose_and_restore(&self) -> Result<()> {
        let (data_dir, copy) = (self.workspace.runtime.data_dir(), self.workspace.path().join("backup"));
        let copy_text = copy.display().to_string();
        self.command(&["backup", &copy_text])?;
        self.command(&["stop"])?;
        fs::rename(&data_dir, data_dir.with_extension("lost"))?;
        self.command(&["restore", &copy_text])?;
        // Archives are no part of it, and can be had again.
        Archives::of(&self.workspace)?;
        self.start()
    }

    fn start(&self) -> Result<()> {
        let listen = format!("{}:0", network::control_plane_address());
        let listening = ["--listen", &listen, "--tls", "auto"];
        self.workspace
            .runtime
            .start_with(&[&listening[..], &self.options].concat())
    }

    /// Waits until the hosts are in these states.
    pub fn await_hosts(&self, wanted: &[(&str, &str)]) -> Result<()> {
        let mut seen = String::new();
        wait::until(&format!("hosts to be {wanted:?}"), SYNC_LIMIT, || {
            let table = self.workspace.runtime.command(&["hosts", "--json"]).ok()?;
            seen = table.text();
            let hosts: Value = serde_json::from_str(&table.stdout).ok()?;
            let state = |name: &str| hosts.as_array()?.iter().find(|host| host["name"] == name)?["state"].as_str();
            wanted
                .iter()
                .all(|(name, wanted)| state(name) == Some(*wanted))
                .then_some(())
        })
        .with_context(|| seen.clone())
    }

    /// What a subcommand of the runtime prints.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        let finished = self.workspace.runtime.command(arguments)?;
        ensure!(finished.code == Some(0), "{arguments:?}: {}", finished.text());
        Ok(finished.stdout)
    }

    /// A program in Python on the machine of the clients, with where it connects to.
    fn client(&self, name: &str, first: &[&str]) -> Result<Command> {
        let bootstrap = self.workspace.output("bootstrap")?;
        let mut client = Command::new(&self.python);
        client
            .arg(binaries::repository().join("acceptance-tests/programs").join(name))
            .args(first)
            .arg(bootstrap.as_str().context("text")?)
            .arg(self.workspace.path().join("ca.pem"))
            .arg("app")
            .env("KAFKA_PASSWORD", PASSWORD);
        Ok(client)
    }

    /// Starts the producer, which works until it is told to stop.
    pub fn produce(&mut self) -> Result<()> {
        let errors = fs::File::create(self.workspace.path().join("produce.err"))?;
        let mut client = self.client("nemesis.py", &["produce"])?;
        // Who is in flight to a machine without power is not told so.
        client.arg(self.workspace.path()).env("KAFKA_SOCKET_TIMEOUT_MS", "5000");
        let mut client = inside(CLIENTS, &client);
        client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        self.producer = Some(client.spawn()?);
        self.expect_progress()
    }

    fn progress(&self) -> u64 {
        let text = fs::read_to_string(self.workspace.path().join("produce.progress")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Records are acknowledged.
    pub fn expect_progress(&mut self) -> Result<()> {
        let before = self.progress();
        let producer = self.producer.as_mut().context("a producer")?;
        let path = self.workspace.path().join("produce.progress");
        wait::until("records to be acknowledged", PATIENCE, || {
            if !matches!(producer.try_wait(), Ok(None)) {
                return Some(Err(anyhow!("the producer has ended")));
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            let now: u64 = text.trim().parse().unwrap_or(0);
            (now > before).then_some(Ok(()))
        })?
    }

    /// Waits until every replica is in sync.
    pub fn await_sync(&self) -> Result<()> {
        let mut last = String::new();
        wait::until("all replicas to be in sync", SYNC_LIMIT, || {
            let mut probe = self.client("full_isr.py", &[]).ok()?;
            let finished = program::run(&mut inside(CLIENTS, probe.arg("orders")), PATIENCE);
            let finished = finished.inspect_err(|error| last = format!("{error:#}")).ok()?;
            last = finished.text();
            (finished.code == Some(0)).then_some(())
        })
        .with_context(|| last.clone())
    }

    /// What a producer has written down is no part of what the next one does.
    pub fn forget_records(&self) -> Result<()> {
        for name in ["stop", "produce.progress", "produce.jsonl", "read.jsonl"] {
            match fs::remove_file(self.workspace.path().join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => (),
            }
        }
        Ok(())
    }

    /// Lets the producer end, and checks what it has written down against what is there.
    pub fn check(&mut self) -> Result<usize> {
        let folder = self.workspace.path().to_owned();
        fs::write(folder.join("stop"), "")?;
        let mut producer = self.producer.take().context("a producer")?;
        let status = wait::until("the producer to end", END_LIMIT, || producer.try_wait().ok().flatten())?;
        let errors = fs::read_to_string(folder.join("produce.err")).unwrap_or_default();
        ensure!(status.success(), "the producer ended with {status}: {errors}");
        let file = folder.join("read.jsonl");
        let mut reader = self.client("history.py", &["read"])?;
        program::succeed(&mut inside(CLIENTS, reader.arg("orders").arg(&file)), END_LIMIT)?;
        let sent: Vec<Sent> = load::lines(&folder.join("produce.jsonl"))?;
        let mut read: Vec<Read> = load::lines(&file)?;
        let twice = drop_doubles(&sent, &mut read);
        if twice > 0 {
            eprintln!("records that Apache Kafka has written twice: {twice}");
        }
        let anomalies = check(&sent, &read);
        ensure!(
            anomalies.is_empty(),
            "{} anomalies, first {:?}",
            anomalies.len(),
            &anomalies[..anomalies.len().min(5)]
        );
        // The checker is worth nothing unless it sees a loss in this very history.
        read.remove(read.len() / 2);
        ensure!(!check(&sent, &read).is_empty(), "the checker missed a planted loss");
        Ok(sent.len())
    }

    /// Requires that operations have ended, and answers what they were.
    pub fn expect_operations_ended(&self) -> Result<Vec<String>> {
        let mut command = Command::new(&self.python);
        command
            .arg(binaries::repository().join("acceptance-tests/programs/operations.py"))
            .arg(self.workspace.runtime.endpoint()?)
            .arg(self.workspace.runtime.data_dir().join("credentials"));
        let shown = program::succeed(&mut command, PATIENCE)?.stdout;
        let operations: Vec<String> = shown.lines().map(str::to_owned).collect();
        ensure!(!operations.is_empty(), "no operation was ever there");
        let open: Vec<&String> = operations
            .iter()
            .filter(|operation| !operation.contains("COMPLETE") && !operation.contains("FAILED"))
            .collect();
        ensure!(open.is_empty(), "operations go on: {open:?}");
        Ok(operations)
    }

    /// Copies what explains a failure to where it stays.
    pub fn keep(&self) -> Result<PathBuf> {
        let folder = binaries::repository().join("target/faults-hosts");
        fs::create_dir_all(&folder)?;
        let script = "cp \"$FROM\"/*.err \"$FROM\"/*.jsonl \"$FROM\"/*.log \"$TO\"; cd \"$DATA\"/.. && \
                      tar cf \"$TO/data.tar\" data/logs data/kafka-clusters *.log host-*/units/*/*.log \
                      host-*/units/*/server.properties host-*/units/*/.agent 2>/dev/null";
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .env("FROM", self.workspace.path())
            .env("DATA", self.workspace.runtime.data_dir())
            .env("TO", &folder);
        program::run(&mut command, PATIENCE)?;
        Ok(folder)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(producer) = &mut self.producer {
            // It may have ended by itself.
            let _ = producer.kill();
            let _ = producer.wait();
        }
    }
}

/// A change that is under way.
pub struct Applying {
    child: Child,
    log: PathBuf,
}

impl Applying {
    /// Waits for its end, which has to be a success.
    pub fn finish(mut self) -> Result<()> {
        let ended = wait::until("terraform to end", APPLY_LIMIT, || self.child.try_wait().ok().flatten());
        if ended.is_err() {
            processes::kill(i32::try_from(self.child.id())?);
            self.child.wait()?;
        }
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let status = ended.with_context(|| said.clone())?;
        ensure!(status.success(), "terraform ended with {status}:\n{said}");
        Ok(())
    }

    /// Whether it goes on.
    pub fn goes_on(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// Leaves of records that were read twice the one that was acknowledged, or the first where nobody knows its offset, and answers how
/// many went. Neither the brokers nor the client are ours here, and once they wrote a record twice while a new cluster was coming up.
/// What these tests are for is that no acknowledged record is lost, and that order is kept.
fn drop_doubles(sent: &[Sent], read: &mut Vec<Read>) -> usize {
    let all = read.len();
    let acknowledged: HashMap<&str, i64> = sent
        .iter()
        .filter_map(|it| Some((it.value.as_str(), it.acknowledged_offset?)))
        .collect();
    let mut times: HashMap<String, usize> = HashMap::new();
    for it in &*read {
        *times.entry(it.value.clone()).or_default() += 1;
    }
    let mut seen = HashSet::new();
    read.retain(|it| {
        times[&it.value] == 1
            || match acknowledged.get(it.value.as_str()) {
                Some(offset) => it.offset == *offset,
                None => seen.insert(it.value.clone()),
            }
    });
    all - read.len()
}
