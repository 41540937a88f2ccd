//! `kill -9` of each broker in turn under members of a consumer group (KIP-848) that come and go.

use std::{path::Path, process::Command, thread};

use acceptance_tests::{
    binaries,
    cluster::{Cluster, PASSWORD, USER},
    program,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Result, anyhow, ensure};

use crate::brokers::kill_each;

/// Records, and the seconds in which they are written.
const WORK: [&str; 2] = ["3000", "15"];

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let both = tools.terraform.clone().zip(tools.python.clone());
    suite.test_with(
        "members_read_every_record_while_brokers_are_killed",
        "terraform and librdkafka",
        both,
        |(core, python)| one_at_a_time(&core, &python),
    );
}

fn one_at_a_time(core: &Path, python: &Path) -> Result<()> {
    let cluster = Cluster::start(core)?;
    let mut members = Command::new(python);
    members
        .arg(binaries::repository().join("acceptance-tests/programs/librdkafka_consumer_groups.py"))
        .arg(&cluster.bootstrap)
        .arg(&cluster.authority)
        .arg(USER)
        .args(WORK)
        .arg("storm")
        .env("KAFKA_PASSWORD", PASSWORD);
    let running = thread::spawn(move || program::succeed(&mut members, program::LIMIT));
    kill_each(&cluster, "balanced-")?;
    let finished = running.join().map_err(|_| anyhow!("the members panicked"))?;
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return Err(error.context(cluster.runtime(&["logs", "clients", "--lines", "2000"])?)),
    };
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}
