//! The same requests, right and wrong, have the same answers from Apache Kafka as from ours.

use std::{path::Path, process::Command, thread};

use acceptance_tests::{apache_kafka::ApacheKafka, outside, program, runtime::Runtime, suite::Suite, tools::Tools};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use crate::programs::file;

/// What Kafka is told, so that it does what ours does: targets are computed at once, before the answer.
const PROPERTIES: [(&str, &str); 3] = [
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
    let (theirs, other_java, other_jars) = (kafka.bootstrap.clone(), java.to_owned(), jars.to_owned());
    let beside = thread::spawn(move || answers(&other_java, &other_jars, &theirs));
    let ours = answers(java, jars, &ours)?;
    let theirs = beside.join().map_err(|_| anyhow!("the other thread panicked"))??;
    let different: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(one, other)| one != other)
        .map(|(one, other)| format!("ours   {one}\nKafka's {other}"))
        .collect();
    ensure!(different.is_empty(), "answers differ:\n{}", different.join("\n"));
    ensure!(ours.len() == theirs.len() && ours.len() > 80, "{} answers", ours.len());
    Ok(())
}

fn answers(java: &Path, jars: &Path, bootstrap: &str) -> Result<Vec<String>> {
    let mut command = Command::new(java);
    command
        .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(jars.join("*"));
    command.arg(file("java/Answers.java")).arg(bootstrap);
    let finished = program::succeed(&mut command, program::LIMIT)?;
    Ok(finished.stdout.lines().map(str::to_owned).collect())
}
