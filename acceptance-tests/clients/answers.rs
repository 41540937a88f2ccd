//! The same requests, right and wrong, have the same answers from Apache Kafka as from ours.

use std::{path::Path, process::Command, thread};

use acceptance_tests::{
    apache_kafka::ApacheKafka, java, outside, program, runtime::Runtime, suite::Suite, tools::Tools,
};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

/// What Kafka is told, so that it does what ours does: targets are computed at once, before the answer; and there is one broker.
const PROPERTIES: [(&str, &str); 6] = [
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.num.partitions", "5"),
    ("group.consumer.assignor.offload.enable", "false"),
    ("group.consumer.min.assignment.interval.ms", "0"),
    ("group.consumer.assignment.interval.ms", "0"),
];

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let all = tools
        .python
        .clone()
        .zip(tools.java.clone().zip(tools.kafka_jars.clone()));
    suite.test_with(
        "requests_have_the_answers_that_apache_kafka_gives",
        "boto3, a JDK and Kafka's jars",
        all,
        |(python, (java, jars))| compare(&python, &java, &jars),
    );
}

fn compare(python: &Path, java: &Path, jars: &Path) -> Result<()> {
    let kafka = ApacheKafka::start(1, &PROPERTIES, &["-Xms256m", "-Xmx512m"])?;
    let runtime = Runtime::new()?;
    runtime.start()?;
    let made = outside::run(python, &runtime, &["create_plaintext_cluster", "answers", "1"])?;
    let made: Value = serde_json::from_str(&made)?;
    let ours = made["bootstrap"].as_str().context("bootstrap")?.to_owned();
    let classes = tempfile::tempdir()?;
    compile(java, jars, classes.path())?;
    let path = format!("{}:{}", jars.join("*").display(), classes.path().display());
    let (ours, theirs) = thread::scope(|scope| {
        let beside = scope.spawn(|| answers((java, jars), &path, &kafka.bootstrap));
        let ours = answers((java, jars), &path, &ours);
        let theirs = beside.join().map_err(|_| anyhow!("the other thread panicked"));
        Ok::<_, anyhow::Error>((ours?, theirs??))
    })?;
    let different: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(one, other)| one != other)
        .map(|(one, other)| format!("ours   {one}\nKafka's {other}"))
        .collect();
    ensure!(different.is_empty(), "answers differ:\n{}", different.join("\n"));
    ensure!(ours.len() == theirs.len() && ours.len() > 450, "{} answers", ours.len());
    Ok(())
}

/// The two lists of requests, the second one of which is made with the means of the first.
const LISTS: [&str; 2] = ["Answers", "Records"];

fn compile(java: &Path, jars: &Path, folder: &Path) -> Result<()> {
    let mut command = Command::new(java.with_file_name("javac"));
    command.arg("-cp").arg(jars.join("*")).arg("-d").arg(folder);
    command.args(LISTS.map(|list| java::source(&format!("{list}.java"))));
    program::succeed(&mut command, program::LIMIT).map(drop)
}

fn answers((java, jars): (&Path, &Path), path: &str, bootstrap: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for list in LISTS {
        let mut command = java::with_class_path(java, jars, path, list);
        command.arg(bootstrap);
        let finished = program::succeed(&mut command, program::LIMIT)?;
        lines.extend(finished.stdout.lines().map(str::to_owned));
    }
    Ok(lines)
}
