//! `kill -9` of each broker in turn under an idempotent producer with acks=all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use acceptance_tests::{
    binaries,
    cluster::{Cluster, PASSWORD, USER},
    history::{Read, Sent, check},
    program,
    runtime::kill,
    suite::Suite,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

const LIMIT: Duration = Duration::from_secs(240);
/// Longest time without an acknowledgement that is fine: a new leader in under a second, and the client's own retry.
const LONGEST_GAP_S: f64 = 5.0;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let both = tools.terraform.clone().zip(tools.python.clone());
    suite.test_with(
        "killed_brokers_lose_and_double_nothing",
        "terraform and librdkafka",
        both.clone(),
        |(core, python)| one_at_a_time(&core, &python),
    );
    suite.test_with(
        "all_brokers_killed_at_once_lose_nothing",
        "terraform and librdkafka",
        both,
        |(core, python)| all_at_once(&core, &python),
    );
}

fn one_at_a_time(core: &Path, python: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let load = start_load(&cluster, python, 20)?;
    for broker in 1..=3 {
        let pid = broker_pid(&cluster, broker)?;
        kill(pid);
        wait::until(
            &format!("broker {broker} to run again"),
            Duration::from_secs(20),
            || broker_pid(&cluster, broker).ok().filter(|it| *it != pid),
        )?;
        wait_for_full_isr(&cluster, python)?;
    }
    finish(&cluster, python, load)
}

fn all_at_once(core: &Path, python: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let load = start_load(&cluster, python, 12)?;
    wait::until("records", Duration::from_secs(30), || {
        (cluster_bytes(&cluster) > 100_000).then_some(())
    })?;
    for process in cluster.workspace.runtime.processes("broker") {
        kill(process.pid);
    }
    wait_for_full_isr(&cluster, python)?;
    finish(&cluster, python, load)
}

/// Bytes in all log segments of the cluster.
fn cluster_bytes(cluster: &Cluster) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
                Ok(metadata) if entry.path().extension().is_some_and(|it| it == "log") => metadata.len(),
                _ => 0,
            })
            .sum()
    }
    bytes(&cluster.workspace.runtime.data_dir().join("clusters"))
}

fn script(cluster: &Cluster, python: &Path, action: &str) -> Command {
    let mut command = Command::new(python);
    command
        .arg(binaries::repository().join("acceptance-tests/programs/history.py"))
        .arg(action);
    command
        .arg(&cluster.bootstrap)
        .arg(&cluster.authority)
        .args([USER, "orders"])
        .env("KAFKA_PASSWORD", PASSWORD);
    command
}

fn file(cluster: &Cluster, name: &str) -> PathBuf {
    cluster.workspace.path().join(name)
}

fn start_load(cluster: &Cluster, python: &Path, seconds: u32) -> Result<Child> {
    let mut command = script(cluster, python, "produce");
    command.arg(seconds.to_string()).arg(file(cluster, "sent.jsonl"));
    Ok(command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?)
}

/// Process id of a broker: it is the one whose configuration file lies in the folder `broker-N`.
fn broker_pid(cluster: &Cluster, broker: u32) -> Result<i32> {
    let folder = format!("/broker-{broker}/");
    let processes = cluster.workspace.runtime.processes("broker");
    let found = processes
        .iter()
        .find(|it| it.arguments.iter().any(|argument| argument.contains(&folder)));
    Ok(found
        .with_context(|| format!("broker {broker} does not run: {processes:?}"))?
        .pid)
}

fn wait_for_full_isr(cluster: &Cluster, python: &Path) -> Result<()> {
    let mut probe = Command::new(python);
    probe.arg(binaries::repository().join("acceptance-tests/programs/full_isr.py"));
    probe
        .arg(&cluster.bootstrap)
        .arg(&cluster.authority)
        .args([USER, "orders"]);
    program::succeed(probe.env("KAFKA_PASSWORD", PASSWORD), Duration::from_secs(60)).map(drop)
}

fn finish(cluster: &Cluster, python: &Path, load: Child) -> Result<()> {
    let output = load.wait_with_output()?;
    ensure!(output.status.success(), "{}", program::text(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    program::succeed(script(cluster, python, "read").arg(file(cluster, "read.jsonl")), LIMIT)?;
    let sent: Vec<Sent> = lines(&file(cluster, "sent.jsonl"))?;
    let read: Vec<Read> = lines(&file(cluster, "read.jsonl"))?;
    ensure!(sent.len() > 1000, "only {} records were sent: {summary}", sent.len());
    let anomalies = check(&sent, &read);
    ensure!(
        anomalies.is_empty(),
        "{} anomalies, first {:?}; {summary}",
        anomalies.len(),
        &anomalies[0]
    );
    ensure!(
        summary["left"] == 0 && summary["acknowledged"] == summary["sent"],
        "{summary}"
    );
    let gap = summary["longest_gap_s"].as_f64().context("longest_gap_s")?;
    ensure!(gap < LONGEST_GAP_S, "{gap} s without an acknowledgement; {summary}");
    // The checker is worth nothing unless it sees a loss in this very history.
    let mut planted = read;
    planted.remove(planted.len() / 2);
    ensure!(!check(&sent, &planted).is_empty(), "the checker missed a planted loss");
    Ok(())
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
