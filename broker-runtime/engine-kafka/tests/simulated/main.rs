//! The engine with very many hosts and brokers, none of which is real: hosts keep files in memory, and a process is a listener
//! that answers as a broker of an idle cluster does. What is measured is the control plane's part, and as all of it is one
//! process, that of the stubs with it.
//!
//! `OPENMSK_SIMULATED=300,100,20 cargo test -p engine-kafka --release --test simulated -- --nocapture`: hosts, clusters, brokers
//! of each. Without the variable it is a small fleet, which shows that all of this works.
#![allow(clippy::unwrap_used, reason = "a test may end with a panic")]

mod bad_input;
mod broker;
mod classes;
mod host;
mod kills;
mod leftovers;
mod pages;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::SystemClock;
use engine::{BrokerState, ClusterSpec, Engine, conformance::specification};
use engine_kafka::{KafkaEngine, KafkaEngineConfig};
use futures::{StreamExt, stream};
use host::SimulatedHosts;
use hosts::Fleet;
use rustix::process::{Resource, getrlimit, setrlimit};
use uuid::Uuid;

/// Hosts, clusters and brokers of each where nobody says otherwise.
const SMALL: [usize; 3] = [9, 3, 6];
/// Clusters that are made, or looked at, at the same time: as the control plane does it.
const MADE_AT_ONCE: usize = 100;
const OBSERVED_AT_ONCE: usize = 16;
/// Rounds that are measured.
const ROUNDS: u32 = 5;
/// How long a round may take.
const ROUND_MAX: Duration = Duration::from_secs(2);

fn sizes() -> [usize; 3] {
    let Ok(text) = env::var("OPENMSK_SIMULATED") else {
        return SMALL;
    };
    let numbers: Vec<usize> = text.split(',').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().expect("hosts,clusters,brokers")
}

fn spec(number: usize, brokers: usize) -> ClusterSpec {
    ClusterSpec {
        cluster_name: format!("cluster-{number}"),
        zones: ["a", "b", "c"].map(str::to_owned).to_vec(),
        ..specification("apache-kafka", Uuid::new_v4(), u32::try_from(brokers).unwrap())
    }
}

/// CPU time of this process, of all its threads.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // utime and stime, in hundredths of a second.
    let ticks: u64 = [11, 12].iter().map(|at| fields[*at].parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn bundles() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("kafka-bundles")
}

/// Whether there is an archive of Apache Kafka, or a way to make one. Nothing of it is run.
fn has_archive() -> bool {
    let has_maven = Command::new("mvn").arg("-version").output().is_ok();
    if !has_maven && !bundles().exists() {
        eprintln!("SKIPPED: there is no `mvn`, and no archive of Apache Kafka");
    }
    has_maven || bundles().exists()
}

/// Archives of classes are none of what most tests are about.
async fn engine(folder: &Path, fleet: Arc<dyn Fleet>) -> Arc<KafkaEngine> {
    engine_that_archives(folder, fleet, Duration::from_secs(3600)).await
}

async fn engine_that_archives(folder: &Path, fleet: Arc<dyn Fleet>, after: Duration) -> Arc<KafkaEngine> {
    let config = KafkaEngineConfig {
        directory: folder.join("clusters"),
        bundles: bundles(),
        maven: "mvn".into(),
        maven_environment: Vec::new(),
        fleet,
        here: None,
        clock: Arc::new(SystemClock),
        archive_classes_after: after,
    };
    KafkaEngine::open(config).await.unwrap()
}

/// How long something takes, and what processors it needs.
async fn measured<T>(what: &str, work: impl Future<Output = T>) -> (T, Duration) {
    let (begun, used) = (Instant::now(), cpu());
    let done = work.await;
    let (took, used) = (begun.elapsed(), cpu() - used);
    eprintln!(
        "{what}: {:.2} s, {:.2} s of CPU",
        took.as_secs_f64(),
        used.as_secs_f64()
    );
    (done, took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_brokers_are_looked_after_by_less_than_a_processor() {
    if !has_archive() {
        return;
    }
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        rustix::process::Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
    let [hosts, clusters, brokers] = sizes();
    let folder = tempfile::tempdir().unwrap();
    let fleet = SimulatedHosts::new(hosts);
    let engine = engine(folder.path(), Arc::new(fleet.clone())).await;
    let specs: Vec<ClusterSpec> = (0..clusters).map(|number| spec(number, brokers)).collect();
    eprintln!("{hosts} hosts, {clusters} clusters, {} brokers", clusters * brokers);
    measured("all are made", ensure_all(&engine, &specs, MADE_AT_ONCE)).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..ROUNDS {
        let (running, took) = measured("all are looked at", observe_all(&engine, &specs)).await;
        assert_eq!(running, clusters * brokers, "every broker serves");
        slowest = slowest.max(took);
    }
    let (_, took) = measured(
        "all are made what they should be",
        ensure_all(&engine, &specs, MADE_AT_ONCE),
    )
    .await;
    eprintln!(
        "slowest look {:.2} s, reconcile {:.2} s",
        slowest.as_secs_f64(),
        took.as_secs_f64()
    );
    // Of figures, only those that a busy machine of any kind keeps are required.
    assert!(slowest < 5 * ROUND_MAX, "a look takes {slowest:?}");
    for spec in &specs {
        engine.remove(spec.cluster_id).await.unwrap();
    }
    assert_eq!(fleet.units().await, 0, "nothing is left on any host");
}

async fn ensure_all(engine: &Arc<KafkaEngine>, specs: &[ClusterSpec], at_once: usize) {
    let ensuring = stream::iter(specs).map(|spec| async move { engine.ensure(spec).await.unwrap() });
    ensuring.buffer_unordered(at_once).collect::<Vec<()>>().await;
}

/// How many brokers serve.
async fn observe_all(engine: &Arc<KafkaEngine>, specs: &[ClusterSpec]) -> usize {
    let observing = stream::iter(specs).map(|spec| async move {
        let observed = engine.observe(spec.cluster_id).await.unwrap().unwrap();
        let serving = observed.brokers.iter().filter(|it| it.state == BrokerState::Running);
        serving.count()
    });
    let counts: Vec<usize> = observing.buffer_unordered(OBSERVED_AT_ONCE).collect().await;
    counts.iter().sum()
}
