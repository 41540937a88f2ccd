//! How long a record, or a transaction, takes while nothing else happens.

use anyhow::{Context, Result};

use crate::{
    Scale, load,
    openmsk::OpenMsk,
    paced::{self, Deliveries, Pace},
    peer,
    report::{Report, Spread},
};

/// One record after the other.
pub fn latency(scale: Scale, report: &mut Report) -> Result<()> {
    one_by_one(scale, report, "one record in flight", |bootstrap| {
        load::latencies(bootstrap, "bench", 2000)
    })
}

/// One transaction after the other.
pub fn transactions(scale: Scale, report: &mut Report) -> Result<()> {
    one_by_one(scale, report, "transactions of three records", |bootstrap| {
        load::transactions(bootstrap, "bench", 500)
    })
}

/// Records at a fixed rate, in librdkafka's own batches.
pub fn steady(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(3)?;
        load::create_topic(&kafka.bootstrap, "bench", 3, &[])?;
        theirs.push(at_fixed_rate(&kafka.bootstrap).context("Apache Kafka")?);
        drop(kafka);
        let cluster = OpenMsk::start(3)?;
        load::create_topic(&cluster.bootstrap, "bench", 3, &[])?;
        ours.push(at_fixed_rate(&cluster.bootstrap)?);
    }
    for (name, share, goal_ms) in [("p50", 50, 1.5), ("p99", 99, 8.0)] {
        let title = format!("three brokers, 2,000 records of 1 KiB a second, our fdatasync on, Kafka's off, {name}");
        report.compare_with_limit(&title, "ms", at(&ours, share), at(&theirs, share), goal_ms);
    }
    Ok(())
}

/// Milliseconds from when a record was due to its acknowledgement, sorted, after some seconds that are not measured: Java
/// compiles in them.
fn at_fixed_rate(bootstrap: &str) -> Result<Vec<f64>> {
    const UNMEASURED_S: u32 = 5;
    const MEASURED_S: u32 = 10;
    let pace = Pace {
        per_second: 2_000,
        bytes: usize::try_from(load::RECORD_BYTES)?,
        partitions: u32::try_from(load::PARTITIONS)?,
    };
    let mut config = load::client(bootstrap);
    config.set("acks", "all").set("linger.ms", "0");
    let (deliveries, records) = (Deliveries::default(), pace.per_second * (UNMEASURED_S + MEASURED_S));
    let start = paced::produce(&config, "bench", pace, &deliveries, |number| number < records)?;
    let measured = deliveries.all().into_iter().filter_map(|delivery| {
        let late = delivery.at.saturating_duration_since(pace.due(start, delivery.number));
        (delivery.number >= pace.per_second * UNMEASURED_S).then_some(late.as_secs_f64() * 1000.0)
    });
    let mut measured: Vec<f64> = measured.collect();
    measured.sort_by(f64::total_cmp);
    Ok(measured)
}

/// The value below which this share of a round is, percent, of each round.
fn at(rounds: &[Vec<f64>], share: usize) -> Spread {
    let values: Vec<f64> = rounds
        .iter()
        .filter_map(|it| it.get(it.len() * share / 100).copied())
        .collect();
    Spread::of(&values)
}

/// Something that is done again and again on three brokers; `measure` answers milliseconds, sorted.
fn one_by_one(
    scale: Scale,
    report: &mut Report,
    title: &str,
    measure: impl Fn(&str) -> Result<Vec<f64>>,
) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let kafka = peer::apache_kafka(3)?;
        load::create_topic(&kafka.bootstrap, "bench", 3, &[])?;
        theirs.push(measure(&kafka.bootstrap)?);
        drop(kafka);
        let cluster = OpenMsk::start(3)?;
        load::create_topic(&cluster.bootstrap, "bench", 3, &[])?;
        ours.push(measure(&cluster.bootstrap)?);
    }
    for (name, share) in [("p50", 50), ("p99", 99)] {
        let title = format!("three brokers, {title}, our fdatasync on, Kafka's off, {name}");
        report.compare(&title, "ms", at(&ours, share), at(&theirs, share));
    }
    Ok(())
}
