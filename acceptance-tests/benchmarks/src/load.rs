//! The load: librdkafka writes records of 1 KiB to six partitions with acks=all, and reads them back.

use std::{
    process::Command,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use acceptance_tests::{binaries, program, tools::Tools};
use anyhow::{Context, Result, ensure};
use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext, ThreadedProducer},
};

use crate::topics;

/// Size of a record's value, bytes.
pub const RECORD_BYTES: u64 = 1024;
/// Partitions of the topic.
pub const PARTITIONS: i32 = 6;
/// How long a phase may take.
pub const LIMIT: Duration = Duration::from_secs(300);

/// Throughput of one phase.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// 10^6 bytes a second of record values, by the wall clock.
    pub megabytes_per_second: f64,
    /// 10^9 bytes that were moved.
    pub gigabytes: f64,
}

impl Rate {
    /// Records of [`RECORD_BYTES`] each.
    pub fn of(records: u64, elapsed: Duration) -> Result<Self> {
        let bytes = u32::try_from(records * RECORD_BYTES / 1000).context("fewer than 4 TB")?;
        let megabytes = f64::from(bytes) / 1000.0;
        Ok(Self {
            megabytes_per_second: megabytes / elapsed.as_secs_f64(),
            gigabytes: megabytes / 1000.0,
        })
    }
}

/// Counts what was not delivered.
#[derive(Default)]
struct Deliveries {
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits until the kernel has written what it has been given so far, so that a phase does not pay for the one before.
pub fn settle() {
    rustix::fs::sync();
}

/// Settings of every client.
pub fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("allow.auto.create.topics", "false");
    config
}

/// Writes `records` records and waits until all are acknowledged by all in-sync replicas.
pub fn produce(bootstrap: &str, topic: &str, records: u64) -> Result<Rate> {
    let mut config = client(bootstrap);
    config
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("batch.size", "1000000");
    config
        .set("queue.buffering.max.messages", "500000")
        .set("queue.buffering.max.kbytes", "524288");
    let producer: BaseProducer<Deliveries> = config.create_with_context(Deliveries::default())?;
    let value: Vec<u8> = (0..RECORD_BYTES)
        .map(|n| u8::try_from(n * 31 % 251).unwrap_or_default())
        .collect();
    let start = Instant::now();
    for number in 0..records {
        let partition = i32::try_from(number % u64::try_from(PARTITIONS)?)?;
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            ensure!(
                error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull),
                "{error}"
            );
            ensure!(start.elapsed() < LIMIT, "the queue stays full");
            producer.poll(Duration::from_millis(5));
            record = back;
        }
        if number % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(LIMIT)?;
    let elapsed = start.elapsed();
    let failed = producer.context().failed.load(Ordering::Relaxed);
    ensure!(failed == 0, "{failed} records were not acknowledged");
    Rate::of(records, elapsed)
}

/// Reads `records` records from the beginning of the topic. The clock starts with the first one: librdkafka waits half a second
/// before it asks where a partition begins whose leader it does not know yet, whatever the brokers.
pub fn consume(bootstrap: &str, topic: &str, records: u64) -> Result<Rate> {
    let mut config = client(bootstrap);
    config
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("fetch.message.max.bytes", "4194304");
    config.set("queued.min.messages", "200000").set("check.crcs", "false");
    // Where the queue is full librdkafka pauses for a second, which is a measure of itself.
    config.set("fetch.queue.backoff.ms", "5");
    let consumer: BaseConsumer = config.create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    let mut start = Instant::now();
    consumer.assign(&partitions)?;
    let mut seen = 0;
    while seen < records {
        ensure!(start.elapsed() < LIMIT, "{seen} of {records} records came back");
        if let Some(message) = consumer.poll(Duration::from_millis(500)) {
            ensure!(message?.payload().is_some(), "a record without a value");
            if seen == 0 {
                start = Instant::now();
            }
            seen += 1;
        }
    }
    Rate::of(records, start.elapsed())
}

/// Tells of each delivery at once.
struct Acknowledged(mpsc::Sender<bool>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        // Nobody listens any more once a run has failed.
        let _ = self.0.send(result.is_ok());
    }
}

/// Writes records one after the other, each after the acknowledgement of the one before. Answers milliseconds, sorted.
pub fn latencies(bootstrap: &str, topic: &str, records: u32) -> Result<Vec<f64>> {
    let mut config = client(bootstrap);
    config.set("acks", "all").set("linger.ms", "0");
    let (sender, acknowledged) = mpsc::channel();
    let producer: ThreadedProducer<Acknowledged> = config.create_with_context(Acknowledged(sender))?;
    let value = [7; 1024];
    let mut measured = Vec::new();
    for _ in 0..records {
        let start = Instant::now();
        let record = BaseRecord::<(), [u8]>::to(topic).partition(0).payload(&value);
        producer.send(record).map_err(|(error, _)| error)?;
        ensure!(acknowledged.recv_timeout(LIMIT)?, "a record was not acknowledged");
        measured.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    measured.sort_by(f64::total_cmp);
    Ok(measured)
}

/// Commits transactions of three records one after the other, with the Java client. Answers milliseconds, sorted.
pub fn transactions(bootstrap: &str, topic: &str, count: u32) -> Result<Vec<f64>> {
    let tools = Tools::load();
    let (java, jars) = (tools.java.context("a JDK")?, tools.kafka_jars.context("Kafka's jars")?);
    let mut command = Command::new(java);
    let file = binaries::repository().join("acceptance-tests/programs/java/TransactionTimes.java");
    command
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(file)
        .args([bootstrap, topic]);
    let finished = program::succeed(command.arg(count.to_string()), LIMIT)?;
    let times = finished.stdout.lines().filter_map(|line| line.trim().parse().ok());
    let mut measured: Vec<f64> = times.collect();
    ensure!(measured.len() == usize::try_from(count)?, "{}", finished.text());
    measured.sort_by(f64::total_cmp);
    Ok(measured)
}

/// Creates the topic of a run and waits until it takes records.
pub fn create_topic(bootstrap: &str, topic: &str, replication: i32, configs: &[(&str, &str)]) -> Result<()> {
    topics::create(bootstrap, topic, PARTITIONS, replication, configs)?;
    produce(bootstrap, topic, u64::try_from(PARTITIONS)?).map(drop)
}

/// Writes a record to each partition and waits until all in-sync replicas have it.
pub fn acknowledge_each(bootstrap: &str, topic: &str, partitions: i32) -> Result<()> {
    let producer: BaseProducer<Deliveries> = client(bootstrap).create_with_context(Deliveries::default())?;
    for partition in 0..partitions {
        let record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(&[7; 64]);
        producer.send(record).map_err(|(error, _)| error)?;
    }
    producer.flush(LIMIT)?;
    let failed = producer.context().failed.load(Ordering::Relaxed);
    ensure!(failed == 0, "{failed} of {partitions} records were not acknowledged");
    Ok(())
}
