//! A producer that works while something happens to its cluster, and the proof afterwards that nothing was lost or doubled.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

use crate::{
    binaries,
    cluster::{Cluster, PASSWORD, USER},
    history::{Read, Sent, check},
    program,
};

/// How long reading back may take.
const LIMIT: Duration = Duration::from_secs(240);
/// Longest time without an acknowledgement that is fine: a new leader in under a second, and the client's own retry.
const LONGEST_GAP_S: f64 = 5.0;

/// An idempotent producer with acks=all on topic `orders`.
pub struct Load<'a> {
    cluster: &'a Cluster,
    python: &'a Path,
    producer: Child,
}

impl<'a> Load<'a> {
    /// Starts it; it ends by itself.
    pub fn start(cluster: &'a Cluster, python: &'a Path, seconds: u32) -> Result<Self> {
        let mut command = script(cluster, python, "produce");
        command.arg(seconds.to_string()).arg(file(cluster, "sent.jsonl"));
        let producer = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Self {
            cluster,
            python,
            producer,
        })
    }

    /// Waits for its end, reads everything back and checks the history.
    pub fn finish(self) -> Result<()> {
        let (cluster, python) = (self.cluster, self.python);
        let output = self.producer.wait_with_output()?;
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

/// What stands in a file of a history.
pub fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
