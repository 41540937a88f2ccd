//! How long a record, or a transaction, takes while nothing else happens.

use anyhow::Result;

use crate::{
    Scale, load,
    openmsk::OpenMsk,
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
        let of = |side: &[Vec<f64>]| {
            let values: Vec<f64> = side
                .iter()
                .filter_map(|it| it.get(it.len() * share / 100).copied())
                .collect();
            Spread::of(&values)
        };
        let title = format!("three brokers, {title}, our fdatasync on, Kafka's off, {name}");
        report.compare(&title, "ms", of(&ours), of(&theirs));
    }
    Ok(())
}
