//! The page of metrics of a broker is what Prometheus' JMX exporter makes of Apache Kafka's: the same names, labels and types.

use std::{fs, path::Path, process::Command};

use acceptance_tests::{apache_kafka::ApacheKafka, outside, program, runtime::Runtime, suite::Suite, tools::Tools};
use anyhow::{Context, Result, ensure};

use crate::programs::file;

/// Where the agent in Kafka's Java machine listens, which is the first node's address.
const KAFKA_PAGE: &str = "127.9.1.1:11001";

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let python = tools.python.clone();
    let agent = tools.jmx_exporter.clone();
    // One jar of one project more, as with the login module.
    let missing = "jmx_prometheus_javaagent is missing";
    suite.test_if(
        "metrics_have_the_names_of_apache_kafkas",
        agent.as_ref().map(drop).context(missing),
        move || {
            let python = python.context("Python clients; run `cargo xtask tools`")?;
            compare(&python, &agent.context(missing)?)
        },
    );
}

fn compare(python: &Path, agent: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let rules = folder.path().join("rules.yaml");
    fs::write(&rules, "{}\n")?;
    let flag = format!("-javaagent:{}={KAFKA_PAGE}:{}", agent.display(), rules.display());
    let kafka = ApacheKafka::start(1, &[], &[&flag, "-Xms256m", "-Xmx512m"])?;
    let runtime = Runtime::new()?;
    runtime.start()?;
    let made = outside::run(python, &runtime, &["create_watched_cluster", "watched"])?;
    let made: serde_json::Value = serde_json::from_str(&made)?;
    let text = |name: &str| made[name].as_str().map(str::to_owned).context("text");
    let mut command = Command::new(python);
    command
        .arg(file("metric_names.py"))
        .args([kafka.bootstrap.as_str(), &format!("http://{KAFKA_PAGE}/metrics")])
        .args([text("bootstrap")?, format!("http://{}:11001/metrics", text("host")?)]);
    let finished = program::succeed(&mut command, program::LIMIT)?;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}
