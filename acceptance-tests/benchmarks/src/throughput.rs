//! How fast records are written and read, and what that costs the brokers.

use acceptance_tests::apache_kafka::ApacheKafka;
use anyhow::Result;

use crate::{
    Scale,
    load::{self, Rate},
    openmsk::OpenMsk,
    peer, process,
    report::{Goal, Report, Spread},
};

/// Kafka's own value of `flush.messages`: leave it to the page cache.
pub const PAGE_CACHE: [(&str, &str); 1] = [("flush.messages", "9223372036854775807")];
/// The other end: what was acknowledged is on the disk.
const EVERY_RECORD: [(&str, &str); 1] = [("flush.messages", "1")];

/// Brokers that are measured.
struct Brokers {
    bootstrap: String,
    pids: Vec<i32>,
}

impl From<&ApacheKafka> for Brokers {
    fn from(cluster: &ApacheKafka) -> Self {
        Self {
            bootstrap: cluster.bootstrap.clone(),
            pids: cluster.pids(),
        }
    }
}

impl From<&OpenMsk> for Brokers {
    fn from(cluster: &OpenMsk) -> Self {
        Self {
            bootstrap: cluster.bootstrap.clone(),
            pids: cluster.pids(),
        }
    }
}

/// What was measured on one side, a value a round.
#[derive(Default)]
struct Side {
    produce: Vec<f64>,
    consume: Vec<f64>,
    cpu_to_produce: Vec<f64>,
    cpu_to_consume: Vec<f64>,
}

/// Goals as ratios of [`Side`]; CPU time is meant to be small, the others large.
#[derive(Clone, Copy, Default)]
struct Goals {
    produce: Option<f64>,
    consume: Option<f64>,
    cpu_to_produce: Option<f64>,
}

impl Side {
    /// Writes `records` records to a new topic with a replica on each broker.
    fn write(&mut self, brokers: &Brokers, topic: &str, records: u64, configs: &[(&str, &str)]) -> Result<()> {
        load::create_topic(&brokers.bootstrap, topic, i32::try_from(brokers.pids.len())?, configs)?;
        // Nobody has to write what an earlier phase has left to the kernel.
        load::settle();
        let before = process::cpu_seconds(&brokers.pids);
        let written: Rate = load::produce(&brokers.bootstrap, topic, records)?;
        let used = process::cpu_seconds(&brokers.pids) - before;
        self.produce.push(written.megabytes_per_second);
        self.cpu_to_produce.push(used / written.gigabytes);
        Ok(())
    }

    /// The same, and reads them.
    fn round(&mut self, brokers: &Brokers, topic: &str, records: u64, configs: &[(&str, &str)]) -> Result<()> {
        self.write(brokers, topic, records, configs)?;
        let before = process::cpu_seconds(&brokers.pids);
        let read: Rate = load::consume(&brokers.bootstrap, topic, records)?;
        let used = process::cpu_seconds(&brokers.pids) - before;
        self.consume.push(read.megabytes_per_second);
        self.cpu_to_consume.push(used / read.gigabytes);
        Ok(())
    }
}

fn compare(title: &str, ours: &Side, theirs: &Side, goals: Goals, report: &mut Report) {
    let large = |goal: Option<f64>| goal.map(Goal::AtLeast);
    let rows = [
        (
            "produce, 1 KiB, acks=all",
            "MB/s",
            &ours.produce,
            &theirs.produce,
            large(goals.produce),
        ),
        ("fetch", "MB/s", &ours.consume, &theirs.consume, large(goals.consume)),
        (
            "broker CPU to produce",
            "s/GB",
            &ours.cpu_to_produce,
            &theirs.cpu_to_produce,
            goals.cpu_to_produce.map(Goal::AtMost),
        ),
        (
            "broker CPU to fetch",
            "s/GB",
            &ours.cpu_to_consume,
            &theirs.cpu_to_consume,
            None,
        ),
    ];
    for (what, unit, ours, theirs, goal) in rows {
        // A case that reads nothing has no row of it.
        if !ours.is_empty() {
            let what = format!("{title}: {what}");
            report.compare_with_goal(&what, unit, Spread::of(ours), Spread::of(theirs), goal);
        }
    }
}

/// Encryption at rest against none, both ours.
pub fn encrypted(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut with, mut without) = (Side::default(), Side::default());
    for _ in 0..scale.rounds {
        let plain = OpenMsk::start(1)?;
        without.round(&Brokers::from(&plain), "bench", scale.records, &PAGE_CACHE)?;
        drop(plain);
        let sealed = OpenMsk::start_encrypted(1)?;
        with.round(&Brokers::from(&sealed), "bench", scale.records, &PAGE_CACHE)?;
    }
    compare(
        "one broker, page cache, encrypted at rest (against not encrypted)",
        &with,
        &without,
        Goals::default(),
        report,
    );
    Ok(())
}

/// One broker, page cache on both sides. Each side has the same load twice: Kafka is cold first and warm then.
pub fn one_broker(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut first, mut cold) = (Side::default(), Side::default());
    let (mut second, mut warm) = (Side::default(), Side::default());
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(1)?;
        cold.round(&Brokers::from(&kafka), "first", scale.records, &[])?;
        warm.round(&Brokers::from(&kafka), "second", scale.records, &[])?;
        drop(kafka);
        let cluster = OpenMsk::start(1)?;
        first.round(&Brokers::from(&cluster), "first", scale.records, &PAGE_CACHE)?;
        second.round(&Brokers::from(&cluster), "second", scale.records, &PAGE_CACHE)?;
    }
    let title = "one broker, page cache on both sides";
    let goals = |produce, cpu| Goals {
        produce: Some(produce),
        consume: Some(1.0),
        cpu_to_produce: Some(cpu),
    };
    compare(&format!("{title}, Kafka cold"), &first, &cold, goals(2.0, 0.25), report);
    compare(&format!("{title}, Kafka warm"), &second, &warm, goals(1.0, 0.5), report);
    Ok(())
}

/// Three brokers, three replicas, Kafka's flush off. Each side has the same load twice, and ours once more without its flush.
pub fn three_brokers(scale: Scale, report: &mut Report) -> Result<()> {
    let records = scale.records / 2;
    let (mut first, mut cold) = (Side::default(), Side::default());
    let (mut second, mut warm) = (Side::default(), Side::default());
    let mut cached = Side::default();
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(3)?;
        cold.round(&Brokers::from(&kafka), "first", records, &[])?;
        warm.round(&Brokers::from(&kafka), "second", records, &[])?;
        drop(kafka);
        let cluster = OpenMsk::start(3)?;
        first.round(&Brokers::from(&cluster), "first", records, &[])?;
        second.round(&Brokers::from(&cluster), "second", records, &[])?;
        cached.round(&Brokers::from(&cluster), "cached", records, &PAGE_CACHE)?;
    }
    let goals = |produce, cpu| Goals {
        produce,
        consume: None,
        cpu_to_produce: Some(cpu),
    };
    for (title, ours, theirs, goals) in [
        (
            "our fdatasync on, Kafka's off, Kafka cold",
            &first,
            &cold,
            goals(Some(3.0), 0.25),
        ),
        (
            "our fdatasync on, Kafka's off, Kafka warm",
            &second,
            &warm,
            goals(None, 0.5),
        ),
        (
            "page cache on both sides, Kafka warm",
            &cached,
            &warm,
            goals(Some(1.2), 0.5),
        ),
    ] {
        compare(&format!("three brokers, RF 3, {title}"), ours, theirs, goals, report);
    }
    Ok(())
}

/// Three brokers, three replicas, and what is acknowledged is on all three disks, on both sides, which are warm.
pub fn flushed(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    let mut unmeasured = Side::default();
    let records = scale.records / 4;
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(3)?;
        unmeasured.write(&Brokers::from(&kafka), "first", records / 2, &EVERY_RECORD)?;
        theirs.write(&Brokers::from(&kafka), "second", records, &EVERY_RECORD)?;
        drop(kafka);
        let cluster = OpenMsk::start(3)?;
        unmeasured.write(&Brokers::from(&cluster), "first", records / 2, &[])?;
        ours.write(&Brokers::from(&cluster), "second", records, &[])?;
    }
    let goals = Goals {
        produce: Some(2.0),
        ..Goals::default()
    };
    let title = "three brokers, RF 3, fdatasync on both sides (Kafka: flush.messages=1), Kafka warm";
    compare(title, &ours, &theirs, goals, report);
    Ok(())
}

/// The most resident memory of one broker that takes records as fast as it can, and gives them out then.
pub fn memory(scale: Scale, report: &mut Report) -> Result<()> {
    const GOAL_MIB: f64 = 60.0;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut speed = Side::default();
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(1)?;
        speed.round(&Brokers::from(&kafka), "bench", scale.records, &[])?;
        for pid in kafka.pids() {
            theirs.push(process::most_resident_megabytes(pid)?);
        }
        drop(kafka);
        let cluster = OpenMsk::start(1)?;
        speed.round(&Brokers::from(&cluster), "bench", scale.records, &PAGE_CACHE)?;
        for pid in cluster.pids() {
            ours.push(process::most_resident_megabytes(pid)?);
        }
    }
    report.compare_with_limit(
        "one broker, page cache, produce and fetch: most resident memory (VmHWM)",
        "MiB",
        Spread::of(&ours),
        Spread::of(&theirs),
        GOAL_MIB,
    );
    Ok(())
}
