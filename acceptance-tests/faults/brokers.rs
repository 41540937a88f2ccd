//! `kill -9` of each broker in turn under an idempotent producer with acks=all.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use acceptance_tests::{
    binaries,
    cluster::{Cluster, PASSWORD, USER},
    load::Load,
    processes::kill,
    program,
    suite::Suite,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result};

/// How long a broker that was killed may take to run again.
const RESTART: Duration = Duration::from_secs(60);

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
    let load = Load::start(&cluster, python, 20)?;
    for broker in 1..=3 {
        let pid = broker_pid(&cluster, broker)?;
        kill(pid);
        wait::until(&format!("broker {broker} to run again"), RESTART, || {
            broker_pid(&cluster, broker).ok().filter(|it| *it != pid)
        })?;
        wait_for_full_isr(&cluster, python)?;
    }
    load.finish()
}

fn all_at_once(core: &Path, python: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let load = Load::start(&cluster, python, 12)?;
    wait::until("records", Duration::from_secs(30), || {
        (cluster_bytes(&cluster) > 100_000).then_some(())
    })?;
    for process in cluster.workspace.runtime.processes("broker") {
        kill(process.pid);
    }
    wait_for_full_isr(&cluster, python)?;
    load.finish()
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

/// Kills every broker with `kill -9`, one after the other, once the work in whose name the brokers log `begun` goes on.
pub fn kill_each(cluster: &Cluster, begun: &str) -> Result<()> {
    wait::until("the work to begin", Duration::from_secs(60), || {
        let logs = cluster.runtime(&["logs", "clients", "--lines", "2000"]).ok()?;
        logs.contains(begun).then_some(())
    })?;
    for broker in [1, 2, 3] {
        thread::sleep(Duration::from_secs(2));
        let pid = broker_pid(cluster, broker)?;
        kill(pid);
        wait::until(&format!("broker {broker} to run again"), RESTART, || {
            broker_pid(cluster, broker).ok().filter(|it| *it != pid)
        })?;
    }
    Ok(())
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
