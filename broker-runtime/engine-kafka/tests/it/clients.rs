//! Clients that nobody here wrote: Apache Kafka's own programs, from the jars that a host has.

use std::{
    collections::BTreeSet,
    io::Write,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use engine::ObservedCluster;

use crate::stage::Stage;

/// How often a record is written.
const PACE: Duration = Duration::from_millis(15);
/// How many are written at least.
const RECORDS_MIN: usize = 50;

/// Writes records, one after the other, until it is told to end.
pub struct Writer {
    child: Child,
    ends: Arc<AtomicBool>,
    feeding: JoinHandle<Vec<String>>,
}

impl Writer {
    /// Begins to write `name-0`, `name-1` and so on, each of which has to be acknowledged by all replicas in sync.
    pub fn begin(stage: &Stage, observed: &ObservedCluster, topic: &str, name: &str) -> Self {
        let mut child = program(stage, "org.apache.kafka.tools.ConsoleProducer")
            .args(["--bootstrap-server", &observed.bootstrap.plaintext.join(",")])
            .args(["--topic", topic, "--request-required-acks", "all"])
            .args(["--message-send-max-retries", "2147483647", "--sync", "--timeout", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let (mut input, until, name) = (child.stdin.take().unwrap(), Arc::clone(&ends), name.to_owned());
        let feeding = thread::spawn(move || feed(&mut input, &until, &name));
        Self { child, ends, feeding }
    }

    /// The records that were written, all of which were acknowledged.
    pub fn end(self) -> Vec<String> {
        self.ends.store(true, Ordering::Relaxed);
        let written = self.feeding.join().unwrap();
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("Error when sending"), "{said}");
        written
    }
}

fn feed(input: &mut ChildStdin, until: &AtomicBool, name: &str) -> Vec<String> {
    let mut written = Vec::new();
    while written.len() < RECORDS_MIN || !until.load(Ordering::Relaxed) {
        let record = format!("{name}-{}", written.len());
        writeln!(input, "{record}").unwrap();
        written.push(record);
        thread::sleep(PACE);
    }
    written
}

/// Reads a topic from its beginning, so many records, and returns what they were.
fn read(stage: &Stage, observed: &ObservedCluster, topic: &str, count: usize) -> BTreeSet<String> {
    let output = program(stage, "org.apache.kafka.tools.consumer.ConsoleConsumer")
        .args(["--bootstrap-server", &observed.bootstrap.plaintext.join(",")])
        .args(["--topic", topic, "--from-beginning", "--timeout-ms", "60000"])
        .args(["--max-messages", &count.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Finds every one of these records in a topic.
pub fn expect_all(stage: &Stage, observed: &ObservedCluster, topic: &str, written: &[String]) {
    let read = read(stage, observed, topic, written.len());
    let missing: Vec<&String> = written.iter().filter(|record| !read.contains(*record)).collect();
    assert!(missing.is_empty(), "{topic}: {missing:?} of {} records", written.len());
}

/// The level of a feature that Apache Kafka's own program shows.
pub fn level(stage: &Stage, observed: &ObservedCluster, feature: &str) -> String {
    let output = program(stage, "org.apache.kafka.tools.FeatureCommand")
        .args([
            "--bootstrap-server",
            &observed.bootstrap.plaintext.join(","),
            "describe",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains(&format!("Feature: {feature}\t")));
    let line = line.unwrap_or_else(|| panic!("{feature} in {text}"));
    let level = line.split("FinalizedVersionLevel: ").nth(1).unwrap();
    level.split_whitespace().next().unwrap().to_owned()
}

fn program(stage: &Stage, class: &str) -> Command {
    let mut command = Command::new("java");
    command.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"]);
    command.arg(jars(stage).join("*")).arg(class);
    command
}

/// The jars of the first release that the first host has got.
fn jars(stage: &Stage) -> PathBuf {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(stage.path("host-1").join("bundles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.swap_remove(0)
}
