//! How soon a cluster of Apache Kafka takes records: one that we make, and one that is started by hand from the same jars.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use acceptance_tests::{apache_kafka::ApacheKafka, archives::Archives, runtime::Runtime, wait};
use anyhow::{Context, Result, ensure};
use control_plane_api::clusters::{BrokerNodeGroupInfo, CreateClusterRequest, ENGINE_APACHE_KAFKA};
use control_plane_api::security::{EncryptionInTransit, EncryptionInfo};

use crate::{
    Scale, api, load, peer,
    report::{Report, Spread},
};

/// The release that both sides run.
const VERSION: &str = "4.2.x.kraft";
const ARCHIVE: &str = "apache-kafka-4.2.0.tar";
const BROKERS: u8 = 3;
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(180);
/// What we set ourselves as a goal, seconds.
const GOAL_S: f64 = 8.0;
/// What starts Java soonest, at the price of speed later: nobody runs brokers so.
const HASTY: [&str; 1] = ["-XX:TieredStopAtLevel=1"];

/// Measures both sides in turn. Ours is told to make a cluster; the other one has only to start what has been formatted.
pub fn measure(scale: Scale, report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    let archives = Archives::of_runtime(&runtime)?;
    runtime.start()?;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The archive is made where no run before this one has left it, and hosts unpack it: neither is measured.
    let (active_s, first_s) = tokio.block_on(ours(&runtime, "unpacks", || archived(&runtime)))?;
    crate::report::say(&format!(
        "  jars unpacked meanwhile, no archive of classes: ACTIVE after {active_s:.2} s, record after {first_s:.2} s"
    ));
    archives.keep()?;
    let jars = unpack(&runtime, &runtime.data_dir().join("kafka-bundles").join(ARCHIVE))?;
    let (mut active, mut first, mut bare, mut hasty) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..scale.rounds {
        bare.push(theirs(&jars, &[])?);
        hasty.push(theirs(&jars, &HASTY)?);
        let (active_s, first_s) = tokio.block_on(ours(&runtime, &format!("round-{round}"), || Ok(())))?;
        crate::report::say(&format!("  ACTIVE after {active_s:.2} s, record after {first_s:.2} s"));
        active.push(active_s);
        first.push(first_s);
    }
    let (first, title) = (Spread::of(&first), "three brokers of Apache Kafka: create request");
    report.limit(&format!("{title} to ACTIVE"), "s", Spread::of(&active), GOAL_S);
    report.limit(
        &format!("{title} to the first acknowledged records"),
        "s",
        first,
        GOAL_S,
    );
    let against = "the same, against Apache Kafka alone, formatted before";
    report.compare(
        &format!("{against}, flags of its own script"),
        "s",
        first,
        Spread::of(&bare),
    );
    report.compare(
        &format!("{against}, first compiler only"),
        "s",
        first,
        Spread::of(&hasty),
    );
    Ok(())
}

/// Seconds until the cluster is `ACTIVE`, and until six partitions of three replicas have acknowledged a record each.
/// `then` is what happens before the cluster is deleted.
async fn ours(runtime: &Runtime, name: &str, then: impl Fn() -> Result<()>) -> Result<(f64, f64)> {
    let plaintext = EncryptionInTransit {
        client_broker: Some("TLS_PLAINTEXT".to_owned()),
        in_cluster: None,
    };
    let request = CreateClusterRequest {
        cluster_name: name.to_owned(),
        kafka_version: Some(VERSION.to_owned()),
        number_of_broker_nodes: BROKERS.into(),
        broker_node_group_info: Some(BrokerNodeGroupInfo::default()),
        encryption_info: Some(EncryptionInfo {
            encryption_in_transit: Some(plaintext),
            ..EncryptionInfo::default()
        }),
        engine: Some(ENGINE_APACHE_KAFKA.to_owned()),
        ..CreateClusterRequest::default()
    };
    // Idle connections of an earlier round have been closed meanwhile.
    let client = api::client(runtime)?;
    let began = Instant::now();
    let arn = client.create_cluster(&request, None).await?.cluster_arn;
    client.wait_for_cluster(&arn, LIMIT).await?;
    let active_s = began.elapsed().as_secs_f64();
    let bootstrap = client.get_bootstrap_brokers(&arn).await?.bootstrap_broker_string;
    let bootstrap = bootstrap.context("plaintext listeners")?;
    load::create_topic(&bootstrap, "bench", BROKERS.into(), &[])?;
    let first_s = began.elapsed().as_secs_f64();
    then()?;
    // Its idle connections have been closed meanwhile.
    let client = api::client(runtime)?;
    client.delete_cluster(&arn, None).await?;
    client.wait_for_deleted(&arn, LIMIT).await?;
    let left = runtime.processes("").len();
    ensure!(left <= 2, "{left} processes are left of cluster {name}");
    Ok((active_s, first_s))
}

/// Waits until the host has an archive of Kafka's classes, which it makes once beside the jars.
fn archived(runtime: &Runtime) -> Result<()> {
    let bundles = runtime.data_dir().join("host/bundles");
    wait::until("an archive of classes", LIMIT, || {
        let jars = std::fs::read_dir(&bundles).ok()?.flatten();
        let mut files = jars
            .filter_map(|folder| std::fs::read_dir(folder.path()).ok())
            .flatten();
        files
            .any(|file| file.is_ok_and(|file| file.path().extension().is_some_and(|end| end == "jsa")))
            .then_some(())
    })
}

/// The same seconds for brokers that are started side by side.
fn theirs(jars: &Path, flags: &[&str]) -> Result<f64> {
    let kafka = ApacheKafka::start_of(jars, BROKERS, &[], flags)?;
    peer::wait_for_brokers(&kafka, BROKERS)?;
    load::create_topic(&kafka.bootstrap, "bench", BROKERS.into(), &[])?;
    Ok(kafka.started.elapsed().as_secs_f64())
}

fn unpack(runtime: &Runtime, archive: &Path) -> Result<PathBuf> {
    let jars = runtime.data_dir().with_file_name("jars");
    std::fs::create_dir_all(&jars)?;
    let status = Command::new("tar")
        .arg("xf")
        .arg(archive)
        .arg("-C")
        .arg(&jars)
        .status()?;
    ensure!(status.success(), "{} cannot be unpacked", archive.display());
    Ok(jars)
}
