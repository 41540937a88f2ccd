//! Transactions: of Apache Kafka's Java client, which gets a new epoch with every one, and of librdkafka, which does not; and
//! what Kafka's own tool makes of the files they leave.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use acceptance_tests::{
    cluster::{Cluster, PASSWORD, USER},
    program,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Result, ensure};

use crate::{Shared, programs::file};

const LIMIT: Duration = Duration::from_secs(180);

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "librdkafka_copies_records_exactly_once",
        "librdkafka",
        tools.python.clone(),
        move |python| {
            let cluster = of_all.cluster(&all)?;
            let mut command = Command::new(python);
            command.arg(file("librdkafka_transactions.py")).arg(&cluster.bootstrap);
            command
                .arg(&cluster.authority)
                .arg(USER)
                .env("KAFKA_PASSWORD", PASSWORD);
            succeed(&mut command)
        },
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "java_commits_aborts_fences_and_describes_transactions",
        "a JDK and Kafka's jars",
        tools.java.clone().zip(tools.kafka_jars.clone()),
        move |(java, jars)| {
            let cluster = of_all.cluster(&all)?;
            let mut command = Command::new(&java);
            command
                .arg("-cp")
                .arg(jars.join("*"))
                .arg(file("java/Transactions.java"));
            succeed(command.arg(cluster.java_properties("SCRAM-SHA-512")?))?;
            files_are_kafkas(&java, &jars, &cluster)
        },
    );
}

fn succeed(command: &mut Command) -> Result<()> {
    let finished = program::succeed(command, LIMIT)?;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}

/// Kafka's dump tool reads the coordinator's records, and the markers.
fn files_are_kafkas(java: &Path, jars: &Path, cluster: &Cluster) -> Result<()> {
    let clusters = cluster.workspace.runtime.data_dir().join("clusters");
    let dump = |decoder: &str, files: &[PathBuf]| {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let mut command = Command::new(java);
        command
            .arg("-cp")
            .arg(jars.join("*"))
            .arg("org.apache.kafka.tools.DumpLogSegments");
        command.args([decoder, "--files", &files.join(",")]);
        Ok::<_, anyhow::Error>(program::succeed(&mut command, LIMIT)?.stdout)
    };
    let mut found = Vec::new();
    find(&clusters, "__transaction_state-", ".log", &mut found)?;
    let dumped = dump("--transaction-log-decoder", &found)?;
    ensure!(
        dumped.contains("\"transactionStatus\":4"),
        "no committed transaction: {dumped}"
    );
    found.clear();
    find(&clusters, "/transactions-", ".log", &mut found)?;
    let dumped = dump("--print-data-log", &found)?;
    ensure!(dumped.contains("endTxnMarker: COMMIT"), "{dumped}");
    ensure!(dumped.contains("endTxnMarker: ABORT"), "{dumped}");
    Ok(())
}

/// Adds the files that are not empty, in folders whose path contains `folder`.
fn find(root: &Path, folder: &str, suffix: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let text = path.to_string_lossy().into_owned();
        if path.is_dir() {
            find(&path, folder, suffix, found)?;
        } else if text.contains(folder) && text.ends_with(suffix) && path.metadata().is_ok_and(|it| it.len() > 0) {
            found.push(path);
        }
    }
    Ok(())
}
