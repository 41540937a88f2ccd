//! One program a client: each writes with acks=all, reads in a group, commits, and goes on after the commit.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use acceptance_tests::{
    binaries,
    cluster::{Cluster, PASSWORD, USER},
    java, program,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Result, ensure};

use crate::Shared;

const MECHANISMS: [&str; 2] = ["SCRAM-SHA-512", "SCRAM-SHA-256"];

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    for mechanism in MECHANISMS {
        for (name, script) in [
            ("librdkafka", "librdkafka_client.py"),
            ("kafka_python", "kafka_python_client.py"),
        ] {
            let (tools, shared) = (tools.clone(), shared.clone());
            suite.test_with(
                &test_name(name, mechanism),
                "Python clients",
                tools.python.clone(),
                move |python| {
                    let mut command = Command::new(python);
                    command.arg(file(script));
                    run(command, &*shared.cluster(&tools)?, mechanism)
                },
            );
        }
        let (all, of_all) = (tools.clone(), shared.clone());
        suite.test_with(
            &test_name("franz_go", mechanism),
            "franz-go",
            tools.franz_go.clone(),
            move |client| run(Command::new(client), &*of_all.cluster(&all)?, mechanism),
        );
        let (all, of_all) = (tools.clone(), shared.clone());
        let java = tools.java.clone().zip(tools.kafka_jars.clone());
        suite.test_with(
            &test_name("java", mechanism),
            "a JDK and Kafka's jars",
            java,
            move |(java, jars)| run_java(&java, &jars, &*of_all.cluster(&all)?, mechanism),
        );
    }
    for (name, user, password) in [("wrong_password", USER, "wrong"), ("unknown_user", "nobody", PASSWORD)] {
        let (all, of_all) = (tools.clone(), shared.clone());
        suite.test_with(
            &format!("{name}_is_refused"),
            "franz-go",
            tools.franz_go.clone(),
            move |client| {
                let cluster = of_all.cluster(&all)?;
                let mut command = Command::new(client);
                command
                    .args([&cluster.bootstrap])
                    .arg(&cluster.authority)
                    .args([user, "SCRAM-SHA-512", "orders", "1"]);
                let finished = program::fail(command.env("KAFKA_PASSWORD", password), program::LIMIT)?;
                ensure!(
                    finished.text().contains("SASL_AUTHENTICATION_FAILED"),
                    "{}",
                    finished.text()
                );
                Ok(())
            },
        );
    }
}

fn test_name(client: &str, mechanism: &str) -> String {
    let mechanism = mechanism.rsplit('-').next().unwrap_or_default();
    format!("{client}_writes_reads_and_commits_with_scram_sha_{mechanism}")
}

/// A program of ours.
pub fn file(name: &str) -> PathBuf {
    binaries::repository().join("acceptance-tests/programs").join(name)
}

/// Runs one of them that says `ok:` when all is well.
pub fn succeed(command: &mut Command) -> Result<()> {
    let finished = program::succeed(command, program::LIMIT)?;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}

fn run(mut command: Command, cluster: &Cluster, mechanism: &str) -> Result<()> {
    command
        .arg(&cluster.bootstrap)
        .arg(&cluster.authority)
        .args([USER, mechanism, "orders", "500"]);
    let finished = program::succeed(command.env("KAFKA_PASSWORD", PASSWORD), program::LIMIT)?;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}

fn run_java(java: &Path, jars: &Path, cluster: &Cluster, mechanism: &str) -> Result<()> {
    let mut command = java::program(java, jars, java::source("Clients.java"));
    command.arg(cluster.java_properties(mechanism)?).args(["orders", "500"]);
    let finished = program::succeed(&mut command, program::LIMIT)?;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}
