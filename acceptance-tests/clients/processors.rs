//! Kafka Streams with exactly-once and Kafka Connect, killed in the middle of their work.

use std::{path::PathBuf, process::Command};

use acceptance_tests::{
    cluster::{PASSWORD, USER},
    suite::Suite,
    tools::Tools,
};
use anyhow::Result;

use crate::{
    Shared,
    programs::{file, succeed},
};

/// Python, `java` and the jars.
type Needed = ((PathBuf, PathBuf), PathBuf);

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    for (name, script) in [
        ("kafka_streams_killed_in_the_middle_counts_exactly_once", "streams.py"),
        ("kafka_connect_stopped_and_killed_loses_no_line", "connect.py"),
    ] {
        let needed = tools.python.clone().zip(tools.java.clone());
        let (all, of_all) = (tools.clone(), shared.clone());
        suite.test_with(
            name,
            "Python clients, a JDK and the jars of Kafka Streams and Connect",
            needed.zip(tools.kafka_streams_jars.clone()),
            move |needed| run(script, needed, &all, &of_all),
        );
    }
}

fn run(script: &str, ((python, java), jars): Needed, tools: &Tools, shared: &Shared) -> Result<()> {
    let cluster = shared.cluster(tools)?;
    let mut command = Command::new(python);
    command.arg(file(script)).arg(java).arg(jars);
    command.arg(cluster.java_properties("SCRAM-SHA-512")?);
    command.arg(&cluster.bootstrap).arg(&cluster.authority).arg(USER);
    succeed(command.env("KAFKA_PASSWORD", PASSWORD))
}
