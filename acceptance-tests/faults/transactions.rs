//! `kill -9` of each broker in turn under a pipeline that copies records exactly once.

use std::{path::Path, thread};

use acceptance_tests::{cluster::Cluster, java, program, suite::Suite, tools::Tools};
use anyhow::{Result, anyhow, ensure};

use crate::brokers::kill_each;

/// Records, and the seconds in which they are written.
const WORK: [&str; 2] = ["4000", "18"];

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let all = tools
        .terraform
        .clone()
        .zip(tools.java.clone().zip(tools.kafka_jars.clone()));
    suite.test_with(
        "killed_brokers_tear_no_transaction",
        "terraform, a JDK and Kafka's jars",
        all,
        |(core, (java, jars))| one_at_a_time(&core, &java, &jars),
    );
}

fn one_at_a_time(core: &Path, java: &Path, jars: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let mut pipeline = java::program(java, jars, java::source("Pipeline.java"));
    pipeline.arg(cluster.java_properties("SCRAM-SHA-512")?).args(WORK);
    let running = thread::spawn(move || program::succeed(&mut pipeline, program::LIMIT));
    kill_each(&cluster, "pipeline-out")?;
    let finished = running.join().map_err(|_| anyhow!("the pipeline panicked"))??;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}
