//! How fast records are written and read, and what that costs the brokers.

use anyhow::Result;

use crate::{
    Scale,
    load::{self, Rate},
    openmsk::OpenMsk,
    peer, process,
    report::{Report, Spread},
};

/// Kafka's own value of `flush.messages`: leave it to the page cache.
const PAGE_CACHE: [(&str, &str); 1] = [("flush.messages", "9223372036854775807")];

/// What one round measured on one side.
#[derive(Default)]
struct Side {
    produce: Vec<f64>,
    consume: Vec<f64>,
    cpu_per_gigabyte: Vec<f64>,
}

impl Side {
    fn round(
        &mut self,
        bootstrap: &str,
        pids: &[i32],
        replication: i32,
        records: u64,
        configs: &[(&str, &str)],
    ) -> Result<()> {
        load::create_topic(bootstrap, "bench", replication, configs)?;
        let before = process::cpu_seconds(pids);
        let written: Rate = load::produce(bootstrap, "bench", records)?;
        let used = process::cpu_seconds(pids) - before;
        self.produce.push(written.megabytes_per_second);
        self.cpu_per_gigabyte.push(used / written.gigabytes);
        self.consume
            .push(load::consume(bootstrap, "bench", records)?.megabytes_per_second);
        Ok(())
    }
}

fn compare(title: &str, ours: &Side, theirs: &Side, report: &mut Report) {
    for (what, unit, ours, theirs) in [
        ("produce, 1 KiB, acks=all", "MB/s", &ours.produce, &theirs.produce),
        ("fetch", "MB/s", &ours.consume, &theirs.consume),
        (
            "broker CPU to produce",
            "s/GB",
            &ours.cpu_per_gigabyte,
            &theirs.cpu_per_gigabyte,
        ),
    ] {
        report.compare(&format!("{title}: {what}"), unit, Spread::of(ours), Spread::of(theirs));
    }
}

fn throughput(scale: Scale, report: &mut Report, brokers: u8, configs: &[(&str, &str)], title: &str) -> Result<()> {
    let replication = i32::from(brokers);
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(brokers)?;
        theirs.round(&kafka.bootstrap, &kafka.pids(), replication, scale.records, &[])?;
        drop(kafka);
        let cluster = OpenMsk::start(brokers)?;
        ours.round(&cluster.bootstrap, &cluster.pids(), replication, scale.records, configs)?;
    }
    compare(title, &ours, &theirs, report);
    Ok(())
}

/// Encryption at rest against none, both ours.
pub fn encrypted(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut with, mut without) = (Side::default(), Side::default());
    for _ in 0..scale.rounds {
        let plain = OpenMsk::start(1)?;
        without.round(&plain.bootstrap, &plain.pids(), 1, scale.records, &PAGE_CACHE)?;
        drop(plain);
        let sealed = OpenMsk::start_encrypted(1)?;
        with.round(&sealed.bootstrap, &sealed.pids(), 1, scale.records, &PAGE_CACHE)?;
    }
    compare(
        "one broker, page cache, encrypted at rest (against not encrypted)",
        &with,
        &without,
        report,
    );
    Ok(())
}

/// One broker, page cache on both sides.
pub fn one_broker(scale: Scale, report: &mut Report) -> Result<()> {
    throughput(
        scale,
        report,
        1,
        &PAGE_CACHE,
        "one broker, page cache on both sides, Kafka cold",
    )
}

/// Three brokers, three replicas.
pub fn three_brokers(scale: Scale, report: &mut Report) -> Result<()> {
    let scale = Scale {
        records: scale.records / 2,
        ..scale
    };
    throughput(
        scale,
        report,
        3,
        &[],
        "three brokers, RF 3, our fdatasync on, Kafka's off, Kafka cold",
    )
}
