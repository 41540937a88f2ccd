//! How fast replicas move to a broker that is new.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    process::Command,
    time::{Duration, Instant},
};

use acceptance_tests::{program, wait};
use anyhow::{Context, Result, ensure};
use kafka_client::{AdminClient, ConnectionOptions};
use kafka_codec::{
    StrBytes,
    messages::{
        AlterPartitionReassignmentsRequest, DescribeLogDirsRequest, ListPartitionReassignmentsRequest,
        alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
    },
};

use crate::{
    Scale,
    cluster::Cluster,
    load::{self, LIMIT, RECORD_BYTES, Rate},
    openmsk::OpenMsk,
    peer,
    report::{Goal, Report, Spread},
    topics::{Partition, Watch},
};

const TOPIC: &str = "bench";
/// Brokers in the beginning; each partition has a replica on all of them.
const BROKERS: u8 = 3;
/// Longest answer that is taken.
const RESPONSE_BYTES_MAX: usize = 16 << 20;

/// Moves a third of all that three brokers have to a fourth one, on both sides, and copies as much on the same disk.
pub fn measure(scale: Scale, report: &mut Report) -> Result<()> {
    let records = scale.records * 2;
    let (mut ours, mut theirs, mut copied) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.few_rounds() {
        theirs.push(moved(&mut peer::apache_kafka(BROKERS)?, records).context("Apache Kafka")?);
        copied.push(copy(records)?);
        ours.push(moved(&mut OpenMsk::start_without_type(BROKERS)?, records)?);
    }
    let title = "replicas moved to a fourth broker, our fdatasync on";
    let ours = Spread::of(&ours);
    report.compare_with_goal(
        &format!("{title}, Kafka's off"),
        "MB/s",
        ours,
        Spread::of(&theirs),
        Some(Goal::AtLeast(2.0)),
    );
    report.compare_with_goal(
        &format!("{title}, against `cp` and `sync` of as many bytes"),
        "MB/s",
        ours,
        Spread::of(&copied),
        Some(Goal::AtLeast(0.6)),
    );
    Ok(())
}

/// MB/s from the request until the fourth broker has a replica in sync of each partition and the replaced ones are gone.
fn moved(cluster: &mut impl Cluster, records: u64) -> Result<f64> {
    let bootstrap = cluster.bootstrap().to_owned();
    load::create_topic(&bootstrap, TOPIC, BROKERS.into(), &[])?;
    load::produce(&bootstrap, TOPIC, records)?;
    let watch = Watch::new(&bootstrap)?;
    let before = watch.wait_for_full_isr(TOPIC, BROKERS.into())?;
    cluster.add(BROKERS)?;
    load::settle();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (admin, began) = (administrator(&bootstrap)?, Instant::now());
    tokio.block_on(reassign(&admin, &before))?;
    wait::until("replicas to have moved", LIMIT, || {
        let request = ListPartitionReassignmentsRequest::default();
        let answer = tokio.block_on(admin.ask(&request, 0, LIMIT)).ok()?;
        (answer.error_code == 0 && answer.topics.is_empty()).then_some(())
    })?;
    let elapsed = began.elapsed();
    let after = watch.wait_for_full_isr(TOPIC, BROKERS.into())?;
    for (number, (before, after)) in before.iter().zip(&after).enumerate() {
        ensure!(
            after.isr.contains(&i32::from(BROKERS + 1)) && after.replicas == with_new_broker(before),
            "partition {number} was {before:?} and is {after:?}"
        );
    }
    let new = watch.address(i32::from(BROKERS + 1))?;
    let taken_up = tokio.block_on(log_bytes(&admin, new))?;
    ensure!(
        taken_up >= records * RECORD_BYTES,
        "the new broker has {taken_up} bytes of {records} records, which is too little"
    );
    Ok(Rate::of(records, elapsed)?.megabytes_per_second)
}

/// The replicas of a partition with the last one, which is not its leader by preference, replaced by the new broker.
fn with_new_broker(partition: &Partition) -> Vec<i32> {
    let mut replicas = partition.replicas.clone();
    replicas.pop();
    replicas.push(i32::from(BROKERS + 1));
    replicas
}

fn administrator(bootstrap: &str) -> Result<AdminClient> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in bootstrap.split(',') {
        addresses.extend(address.to_socket_addrs().with_context(|| address.to_owned())?);
    }
    let options = ConnectionOptions {
        client_id: "bench".to_owned(),
        tls: None,
        source: None,
        connect_timeout: Duration::from_secs(5),
        response_bytes_max: RESPONSE_BYTES_MAX,
        receive_buffer_bytes: None,
    };
    Ok(AdminClient::new(addresses, options))
}

/// Begins to move replicas, all at once and without a throttle.
async fn reassign(admin: &AdminClient, partitions: &[Partition]) -> Result<()> {
    let mut topic = ReassignableTopic::default();
    topic.name = StrBytes::from(TOPIC.to_owned());
    for (number, partition) in (0..).zip(partitions) {
        let mut moved = ReassignablePartition::default();
        moved.partition_index = number;
        moved.replicas = Some(with_new_broker(partition));
        topic.partitions.push(moved);
    }
    let mut request = AlterPartitionReassignmentsRequest::default();
    request.topics.push(topic);
    let answer = admin.order(&request, 0, LIMIT).await?;
    let refused = answer
        .responses
        .iter()
        .flat_map(|topic| &topic.partitions)
        .find(|partition| partition.error_code != 0);
    ensure!(
        answer.error_code == 0 && refused.is_none(),
        "the reassignment is refused: {} {:?}; {refused:?}",
        answer.error_code,
        answer.error_message
    );
    Ok(())
}

/// What the logs of the topic take up on one broker.
async fn log_bytes(admin: &AdminClient, broker: SocketAddr) -> Result<u64> {
    let mut request = DescribeLogDirsRequest::default();
    request.topics = None;
    let answer = admin.ask_at(broker, &request, 4, LIMIT).await?;
    let topics = answer.results.iter().flat_map(|directory| &directory.topics);
    let partitions = topics
        .filter(|topic| topic.name.as_str() == TOPIC)
        .flat_map(|topic| &topic.partitions);
    Ok(partitions
        .map(|partition| u64::try_from(partition.partition_size).unwrap_or(0))
        .sum())
}

/// MB/s of `cp` and `sync` of a file as large as so many records.
fn copy(records: u64) -> Result<f64> {
    let folder = tempfile::Builder::new().prefix("openmsk-copy-").tempdir()?;
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let pattern: Vec<u8> = (0..RECORD_BYTES * 1000)
        .map(|n| u8::try_from(n * 31 % 251).unwrap_or_default())
        .collect();
    let mut file = fs::File::create(&from)?;
    for _ in 0..records / 1000 {
        std::io::Write::write_all(&mut file, &pattern)?;
    }
    file.sync_all()?;
    load::settle();
    let began = Instant::now();
    program::succeed(Command::new("cp").args([&from, &to]), LIMIT)?;
    program::succeed(Command::new("sync").arg(&to), LIMIT)?;
    Ok(Rate::of(records / 1000 * 1000, began.elapsed())?.megabytes_per_second)
}
