//! Certificates are rotated while clients with default settings work: they see new certificates, and nothing else.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use acceptance_tests::{
    cluster::{Cluster, PASSWORD, USER},
    suite::Suite,
    tools::Tools,
    wait,
};
use anyhow::{Context, Result, ensure};

use crate::{Shared, programs::file};

/// How long clients may take to come to their first records, and to their last.
const LIMIT: Duration = Duration::from_secs(300);

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let (all, shared) = (tools.clone(), shared.clone());
    suite.test_with(
        "certificates_are_rotated_under_working_clients",
        "Python clients",
        tools.python.clone(),
        move |python| rotated(&*shared.cluster(&all)?, &python),
    );
}

fn rotated(cluster: &Cluster, python: &Path) -> Result<()> {
    let mut command = Command::new(python);
    command
        .arg(file("certificates.py"))
        .arg(&cluster.bootstrap)
        .arg(&cluster.authority)
        .args([USER, "orders"])
        .env("KAFKA_PASSWORD", PASSWORD);
    let mut clients = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let outcome = rotate_under(cluster, &mut clients);
    if outcome.is_err() {
        // It may have ended by itself.
        let _ = clients.kill();
    }
    let mut stderr = String::new();
    if let Some(mut pipe) = clients.stderr.take() {
        pipe.read_to_string(&mut stderr)?;
    }
    clients.wait()?;
    outcome.context(stderr)
}

fn rotate_under(cluster: &Cluster, clients: &mut Child) -> Result<()> {
    let stdout = clients.stdout.take().context("it is piped")?;
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let ready = lines.recv_timeout(LIMIT).context("clients do not come to work")?;
    ensure!(ready == "ready", "{ready}");
    let processes = |cluster: &Cluster| -> Vec<i32> {
        let brokers = cluster.workspace.runtime.processes("broker");
        let mut pids: Vec<i32> = brokers.iter().map(|broker| broker.pid).collect();
        pids.sort_unstable();
        pids
    };
    let before = processes(cluster);
    let said = cluster.runtime(&["rotate-certificates", "clients"])?;
    ensure!(said.lines().count() == 3, "{said}");
    let mut stdin = clients.stdin.take().context("it is piped")?;
    stdin.write_all(b"\n")?;
    let summary = lines.recv_timeout(LIMIT).context("clients do not end")?;
    let status = wait::until("the clients to end", LIMIT, || clients.try_wait().ok().flatten())?;
    ensure!(status.success(), "{summary}");
    ensure!(processes(cluster) == before, "no broker was restarted");
    Ok(())
}
