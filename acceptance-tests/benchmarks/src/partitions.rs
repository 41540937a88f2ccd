//! Many partitions: how soon they take records, and what they take up.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{
    Scale, load,
    openmsk::OpenMsk,
    peer, process,
    report::{Report, Spread},
    topics,
};

const BROKERS: u8 = 3;
/// Partitions of a topic, three replicas each.
const PARTITIONS: i32 = 2_000;
/// Topics of that size that are held in the end: 10,000 partitions.
const TOPICS: usize = 5;
/// What we set ourselves as goals: seconds to the last acknowledgement, and MiB of a broker.
const GOAL_S: f64 = 2.0;
const GOAL_MIB: f64 = 200.0;

/// A topic of many partitions on both sides, and five times as many on ours.
pub fn measure(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.few_rounds() {
        let kafka = peer::apache_kafka(BROKERS)?;
        theirs.push(served_after_s(&kafka.bootstrap, "many-0").context("Apache Kafka")?);
        drop(kafka);
        let cluster = OpenMsk::start_without_type(BROKERS)?;
        ours.push(served_after_s(&cluster.bootstrap, "many-0")?);
        for number in 1..TOPICS {
            served_after_s(&cluster.bootstrap, &format!("many-{number}"))?;
        }
        for pid in cluster.pids() {
            held.push(process::resident_megabytes(pid)?);
        }
    }
    report.compare_with_limit(
        "2,000 partitions of three replicas: create request to an acknowledged record in each",
        "s",
        Spread::of(&ours),
        Spread::of(&theirs),
        GOAL_S,
    );
    report.limit(
        "memory (VmRSS) of a broker that holds 10,000 partitions",
        "MiB",
        Spread::of(&held),
        GOAL_MIB,
    );
    Ok(())
}

/// Seconds until each partition of a new topic has acknowledged a record.
fn served_after_s(bootstrap: &str, topic: &str) -> Result<f64> {
    let began = Instant::now();
    topics::create(bootstrap, topic, PARTITIONS, BROKERS.into(), &[])?;
    load::acknowledge_each(bootstrap, topic, PARTITIONS)?;
    Ok(began.elapsed().as_secs_f64())
}
