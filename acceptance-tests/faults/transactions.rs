//! `kill -9` of each broker in turn under a pipeline that copies records exactly once.

use std::{path::Path, process::Command, thread, time::Duration};

use acceptance_tests::{binaries, cluster::Cluster, processes::kill, program, suite::Suite, tools::Tools, wait};
use anyhow::{Result, anyhow, ensure};

use crate::brokers::broker_pid;

const LIMIT: Duration = Duration::from_secs(180);

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
    let mut pipeline = Command::new(java);
    let program = binaries::repository().join("acceptance-tests/programs/java/Pipeline.java");
    pipeline.arg("-cp").arg(jars.join("*")).arg(program);
    pipeline.arg(cluster.java_properties("SCRAM-SHA-512")?).args(WORK);
    let running = thread::spawn(move || program::succeed(&mut pipeline, LIMIT));
    wait::until("the pipeline to copy", Duration::from_secs(60), || {
        let logs = cluster.runtime(&["logs", "clients", "--lines", "2000"]).ok()?;
        logs.contains("pipeline-out").then_some(())
    })?;
    for broker in [1, 2, 3] {
        thread::sleep(Duration::from_secs(2));
        let pid = broker_pid(&cluster, broker)?;
        kill(pid);
        wait::until(
            &format!("broker {broker} to run again"),
            Duration::from_secs(20),
            || broker_pid(&cluster, broker).ok().filter(|it| *it != pid),
        )?;
    }
    let finished = running.join().map_err(|_| anyhow!("the pipeline panicked"))??;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}
