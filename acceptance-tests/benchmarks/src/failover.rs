//! How long a partition takes no records after its leader was killed.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant},
};

use acceptance_tests::wait;
use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    Scale,
    cluster::Cluster,
    load::{self, LIMIT},
    openmsk::OpenMsk,
    paced::{self, Deliveries, Delivery, Pace},
    peer,
    report::{Report, Spread},
    topics::{self, Watch},
};

const TOPIC: &str = "failover";
const BROKERS: u8 = 3;
/// Leaders that are killed in a round.
const KILLS: usize = 3;
/// Small records to one partition.
const PACE: Pace = Pace {
    per_second: 500,
    bytes: 100,
    partitions: 1,
};
/// Acknowledgements that come without trouble before and after each kill.
const CALM: Duration = Duration::from_secs(1);
/// What we set ourselves as a goal, milliseconds.
const GOAL_MS: f64 = 500.0;

/// What followed when a leader was killed, milliseconds.
struct Outage {
    /// Until Metadata named another leader.
    elected_after_ms: f64,
    /// The longest time between two acknowledgements.
    gap_ms: f64,
}

/// A leader that was killed.
#[derive(Clone, Copy)]
struct Killed {
    at: Instant,
    elected_after: Duration,
}

/// Kills leaders under a producer with librdkafka's own settings, on both sides.
pub fn measure(scale: Scale, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..scale.few_rounds() {
        theirs.extend(outages(&mut peer::apache_kafka(BROKERS)?).context("Apache Kafka")?);
        ours.extend(outages(&mut OpenMsk::start_without_type(BROKERS)?)?);
    }
    let all = |side: &[Outage], of: fn(&Outage) -> f64| side.iter().map(of).collect::<Vec<f64>>();
    report.compare(
        "leader killed, three brokers: until Metadata names another one",
        "ms",
        Spread::of(&all(&ours, |it| it.elected_after_ms)),
        Spread::of(&all(&theirs, |it| it.elected_after_ms)),
    );
    let (ours, theirs) = (all(&ours, |it| it.gap_ms), all(&theirs, |it| it.gap_ms));
    let title = "leader killed, three brokers: longest time without an acknowledgement";
    let most = |side: &[f64]| Spread::of(&[side.iter().copied().fold(0.0, f64::max)]);
    report.compare(
        &format!("{title}, {} kills", ours.len()),
        "ms",
        Spread::of(&ours),
        Spread::of(&theirs),
    );
    report.compare_with_limit(
        &format!("{title}, the worst of them"),
        "ms",
        most(&ours),
        most(&theirs),
        GOAL_MS,
    );
    Ok(())
}

/// Kills leaders and answers what followed from each kill on until the next one. No record that was acknowledged may be
/// missing in the end.
fn outages(cluster: &mut impl Cluster) -> Result<Vec<Outage>> {
    let bootstrap = cluster.bootstrap().to_owned();
    topics::create(&bootstrap, TOPIC, 1, BROKERS.into(), &[])?;
    let watch = Watch::new(&bootstrap)?;
    watch.wait_for_full_isr(TOPIC, BROKERS.into())?;
    let deliveries = Deliveries::default();
    let killed = thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let producer = scope.spawn(|| {
            let config = load::client(&bootstrap);
            // It ends when the other end of the channel is gone, whatever the reason.
            paced::produce(&config, TOPIC, PACE, &deliveries, move |_| {
                stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty)
            })
        });
        let killed = kill_leaders(cluster, &watch, &deliveries);
        drop(stop);
        let written = producer.join().map_err(|_| anyhow!("the producer panicked"))?;
        written.and(killed)
    })?;
    let all = deliveries.all();
    nothing_is_lost(&bootstrap, all.len())?;
    let ends = killed.iter().map(|next| next.at).skip(1).chain([Instant::now()]);
    let outages = killed.iter().zip(ends).map(|(killed, until)| Outage {
        elected_after_ms: killed.elected_after.as_secs_f64() * 1000.0,
        gap_ms: longest_gap(&all, killed.at, until).as_secs_f64() * 1000.0,
    });
    Ok(outages.collect())
}

/// Answers when each leader was killed, and how soon there was another one.
fn kill_leaders(cluster: &mut impl Cluster, watch: &Watch, deliveries: &Deliveries) -> Result<Vec<Killed>> {
    let mut killed = Vec::new();
    calm(deliveries)?;
    for _ in 0..KILLS {
        let partitions = watch.wait_for_full_isr(TOPIC, BROKERS.into())?;
        let leader = u8::try_from(partitions.first().context("a partition")?.leader)?;
        let at = Instant::now();
        cluster.kill(leader)?;
        wait::until("another leader", LIMIT, || {
            let now = watch.partitions(TOPIC)?.first()?.leader;
            (now >= 0 && now != i32::from(leader)).then_some(())
        })?;
        let elected_after = at.elapsed();
        killed.push(Killed { at, elected_after });
        calm(deliveries)?;
        cluster.start_again(leader)?;
        watch.wait_for_full_isr(TOPIC, BROKERS.into())?;
        calm(deliveries)?;
    }
    Ok(killed)
}

/// Waits until records that are due from now on have been acknowledged for a while.
fn calm(deliveries: &Deliveries) -> Result<()> {
    let began = Instant::now();
    let before = deliveries.all().len();
    let enough = before + usize::try_from(PACE.per_second)?;
    wait::until("acknowledgements", LIMIT, || {
        let flows = deliveries.all().len() >= enough && deliveries.last().is_some_and(|it| it.at >= began + CALM);
        flows.then_some(())
    })
}

/// The longest time between two acknowledgements one of which is in this time.
fn longest_gap(deliveries: &[Delivery], from: Instant, until: Instant) -> Duration {
    let pairs = deliveries.iter().zip(deliveries.iter().skip(1));
    let within = pairs.filter(|(first, second)| second.at >= from && first.at <= until);
    within
        .map(|(first, second)| second.at.saturating_duration_since(first.at))
        .max()
        .unwrap_or_default()
}

/// Reads the partition and looks for each of the `written` records.
fn nothing_is_lost(bootstrap: &str, written: usize) -> Result<()> {
    let mut config = load::client(bootstrap);
    config
        .set("group.id", "failover")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create()?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(TOPIC, 0, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    let (began, mut seen) = (Instant::now(), HashSet::new());
    loop {
        ensure!(began.elapsed() < LIMIT, "the end of {TOPIC} does not come");
        match consumer.poll(Duration::from_millis(500)) {
            None => {}
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => break,
            Some(message) => {
                let message = message?;
                let number = message.payload().and_then(|value| value.first_chunk());
                seen.insert(u64::from_be_bytes(*number.context("the number of a record")?));
            }
        }
    }
    let missing: Vec<u64> = (0..u64::try_from(written)?)
        .filter(|number| !seen.contains(number))
        .collect();
    ensure!(
        missing.is_empty(),
        "LOST: {} of {written} acknowledged records are not in {TOPIC}, first {:?}",
        missing.len(),
        &missing[..missing.len().min(5)]
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_counts_where_it_reaches_into_the_time() {
        let start = Instant::now();
        let at = |ms| Delivery {
            number: 0,
            at: start + Duration::from_millis(ms),
            acknowledged: true,
        };
        let moment = |ms| start + Duration::from_millis(ms);
        let deliveries = [at(0), at(10), at(510), at(520), at(2000)];
        assert_eq!(
            longest_gap(&deliveries, moment(12), moment(515)),
            Duration::from_millis(500)
        );
        assert_eq!(
            longest_gap(&deliveries, moment(511), moment(519)),
            Duration::from_millis(10)
        );
        assert_eq!(
            longest_gap(&deliveries, moment(511), moment(3000)),
            Duration::from_millis(1480)
        );
        assert_eq!(longest_gap(&deliveries[..1], moment(0), moment(3000)), Duration::ZERO);
    }
}
