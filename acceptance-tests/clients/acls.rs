//! Access control lists: the same requests under the same lists have the same outcomes on Apache Kafka with its
//! `StandardAuthorizer` as on ours.

use std::{path::Path, process::Command, thread};

use acceptance_tests::{apache_kafka::ApacheKafka, outside, program, runtime::Runtime, suite::Suite, tools::Tools};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::programs::file;

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let both = tools.python.clone().zip(tools.kafka_jars.clone());
    suite.test_with(
        "access_control_lists_have_the_effect_they_have_in_apache_kafka",
        "Python clients and Kafka's jars",
        both,
        |(python, _)| compare(&python),
    );
}

fn compare(python: &Path) -> Result<()> {
    let properties = [
        (
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        ),
        ("allow.everyone.if.no.acl.found", "true"),
        ("auto.create.topics.enable", "false"),
    ];
    let kafka = ApacheKafka::start(1, &properties, &["-Xms256m", "-Xmx512m"])?;
    let runtime = Runtime::new()?;
    runtime.start()?;
    let made = outside::run(python, &runtime, &["create_plaintext_cluster", "acls", "1"])?;
    let made: Value = serde_json::from_str(&made)?;
    let ours = made["bootstrap"].as_str().context("bootstrap")?.to_owned();
    let theirs = kafka.bootstrap.clone();
    let interpreter = python.to_owned();
    // Both wait more than they work.
    let beside = thread::spawn(move || outcomes(&interpreter, &theirs));
    let ours = outcomes(python, &ours)?;
    let theirs = beside
        .join()
        .map_err(|_| anyhow::anyhow!("the other thread panicked"))??;
    let mut different = Vec::new();
    collect("", &ours, &theirs, &mut different);
    ensure!(
        different.is_empty(),
        "ours and Kafka's differ:\n{}",
        different.join("\n")
    );
    Ok(())
}

fn outcomes(python: &Path, bootstrap: &str) -> Result<Value> {
    let mut command = Command::new(python);
    command.arg(file("acl_actions.py")).arg(bootstrap);
    let finished = program::succeed(&mut command, program::LIMIT)?;
    Ok(serde_json::from_str(&finished.stdout)?)
}

/// Where two values differ.
fn collect(place: &str, ours: &Value, theirs: &Value, different: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            for (name, value) in one {
                collect(&format!("{place}/{name}"), value, &other[name], different);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                collect(&format!("{place}/{index}"), one, other, different);
            }
        }
        _ if ours == theirs => {}
        _ => different.push(format!("{place}: ours {ours}, Kafka's {theirs}")),
    }
}
