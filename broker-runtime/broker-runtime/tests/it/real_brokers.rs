//! Clusters of real brokers: they join, grow, are restarted, and go away.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::{Clock, SystemClock};
use engine::{BrokerState, ClusterSpec, Engine, Listeners, NewTopic, ObservedCluster};
use engine_embedded::{EmbeddedEngine, EmbeddedEngineConfig};
use uuid::Uuid;

/// Unoptimised brokers on a busy machine are allowed more than the 300 ms a release has.
const JOIN_LIMIT: Duration = Duration::from_secs(5);
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(40);

pub struct Stage {
    folder: tempfile::TempDir,
    depth: String,
    pub spec: ClusterSpec,
}

impl Stage {
    pub fn new(broker_count: u32) -> Self {
        let spec = ClusterSpec {
            listeners: Listeners {
                plaintext: true,
                tls: true,
                sasl_scram: true,
                sasl_iam: false,
            },
            server_properties: BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())]),
            ..engine::conformance::specification("embedded", Uuid::new_v4(), broker_count)
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            depth: String::new(),
            spec,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn clusters(&self) -> PathBuf {
        self.folder.path().join(&self.depth).join("clusters")
    }

    async fn engine(&self) -> Arc<EmbeddedEngine> {
        self.engine_with(Arc::new(SystemClock)).await
    }

    pub async fn engine_with(&self, clock: Arc<dyn Clock>) -> Arc<EmbeddedEngine> {
        let config = EmbeddedEngineConfig {
            directory: self.clusters(),
            keys: self.folder.path().join("kms"),
            program: PathBuf::from(env!("CARGO_BIN_EXE_broker-runtime")),
            broker_environment: Vec::new(),
            clock,
            log_delivery_interval: Duration::from_secs(60),
        };
        EmbeddedEngine::open(config).await.unwrap()
    }

    pub async fn observe(&self, engine: &EmbeddedEngine) -> ObservedCluster {
        engine.observe(self.spec.cluster_id).await.unwrap().unwrap()
    }

    pub fn processes(&self) -> Vec<u32> {
        let root = self.folder.path().display().to_string();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            supervisor::identify(*pid).is_some() && String::from_utf8_lossy(&line).contains(&root)
        })
        .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for log in self.spec_logs() {
                eprintln!("{}:\n{}", log.display(), fs::read_to_string(&log).unwrap_or_default());
            }
        }
        for pid in self.processes() {
            kill(pid);
        }
    }
}

impl Stage {
    fn spec_logs(&self) -> Vec<PathBuf> {
        let cluster = self
            .folder
            .path()
            .join("clusters")
            .join(self.spec.cluster_id.to_string());
        (1..=self.spec.broker_count)
            .map(|id| cluster.join(format!("broker-{id}/broker.log")))
            .collect()
    }
}

pub fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

pub fn all_run(observed: &ObservedCluster) -> bool {
    observed
        .brokers
        .iter()
        .all(|broker| broker.state == BrokerState::Running)
}

async fn poll<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_join_replicate_and_leave_nothing() {
    let stage = Stage::new(3);
    let engine = stage.engine().await;
    let begun = Instant::now();
    engine.ensure(&stage.spec).await.unwrap();
    let joined = begun.elapsed();
    eprintln!("three brokers have joined after {joined:?}");
    assert!(joined < JOIN_LIMIT, "{joined:?}");
    let observed = stage.observe(&engine).await;
    assert!(all_run(&observed), "{observed:#?}");
    for broker in &observed.brokers {
        eprintln!(
            "broker {} has {} KiB resident",
            broker.broker_id,
            broker.resident_bytes.unwrap() / 1024
        );
    }
    let topic = NewTopic {
        name: "orders".to_owned(),
        partition_count: 3,
        replication_factor: 3,
        configs: BTreeMap::new(),
    };
    let begun = Instant::now();
    let created = engine
        .topics()
        .create_topic(stage.spec.cluster_id, &topic)
        .await
        .unwrap();
    eprintln!("topic was created in {:?}", begun.elapsed());
    assert!(created.partitions.iter().all(|partition| partition.leader.is_some()));

    let victim = observed.brokers[0].pid.unwrap();
    kill(victim);
    poll(async || {
        let observed = stage.observe(&engine).await;
        all_run(&observed) && observed.brokers[0].pid.is_some_and(|pid| pid != victim)
    })
    .await;
    let in_sync = async || {
        let described = engine
            .topics()
            .describe_topic(stage.spec.cluster_id, "orders")
            .await
            .unwrap();
        described.summary.out_of_sync_partitions == 0
    };
    let begun = Instant::now();
    poll(in_sync).await;
    eprintln!("replicas are in sync again after {:?}", begun.elapsed());

    let begun = Instant::now();
    engine.remove(stage.spec.cluster_id).await.unwrap();
    eprintln!("cluster was removed in {:?}", begun.elapsed());
    assert!(stage.processes().is_empty());
    assert_eq!(fs::read_dir(stage.clusters()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn static_property_is_taken_up_by_a_rolling_restart_with_replicas_in_sync() {
    let mut stage = Stage::new(3);
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let topic = NewTopic {
        name: "orders".to_owned(),
        partition_count: 6,
        replication_factor: 3,
        configs: BTreeMap::new(),
    };
    engine
        .topics()
        .create_topic(stage.spec.cluster_id, &topic)
        .await
        .unwrap();
    let before = stage.observe(&engine).await;
    stage
        .spec
        .server_properties
        .insert("num.partitions".to_owned(), "4".to_owned());
    let begun = Instant::now();
    engine.ensure(&stage.spec).await.unwrap();
    eprintln!("rolling restart took {:?}", begun.elapsed());
    let after = stage.observe(&engine).await;
    assert!(all_run(&after));
    for (before, after) in before.brokers.iter().zip(&after.brokers) {
        assert_ne!(before.pid, after.pid, "broker {} was restarted", after.broker_id);
    }
    let described = engine
        .topics()
        .describe_topic(stage.spec.cluster_id, "orders")
        .await
        .unwrap();
    assert_eq!(described.summary.out_of_sync_partitions, 0);
}

impl Stage {
    pub fn cluster(&self) -> PathBuf {
        self.clusters().join(self.spec.cluster_id.to_string())
    }

    fn description(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.cluster().join("cluster.json")).unwrap()).unwrap()
    }

    /// Writes down that the restart of a broker has begun, as a runtime does that is killed right after.
    fn begin_restart(&self, observed: &ObservedCluster, index: usize) {
        let broker = &observed.brokers[index];
        let mut begun = self.description();
        begun["restart"] = serde_json::json!({
            "broker_id": broker.broker_id,
            "process": {"pid": broker.pid.unwrap(), "started_at_ms": broker.started_at_ms.unwrap()},
            "epoch": null,
        });
        fs::write(self.cluster().join("cluster.json"), serde_json::to_vec(&begun).unwrap()).unwrap();
    }
}

/// Its process is adopted and looks like one that serves, though it is about to end.
#[tokio::test(flavor = "multi_thread")]
async fn restart_that_was_interrupted_is_not_taken_for_done() {
    let stage = Stage::new(2);
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let before = stage.observe(&engine).await;
    engine.close().await;
    drop(engine);
    stage.begin_restart(&before, 0);
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let after = stage.observe(&engine).await;
    assert!(all_run(&after));
    assert_ne!(after.brokers[0].pid, before.brokers[0].pid, "restarted");
    assert_eq!(after.brokers[1].pid, before.brokers[1].pid, "left alone");
    assert!(stage.description()["restart"].is_null(), "done");
}

/// It may be about to end: were another one restarted first, two could be down at once.
#[tokio::test(flavor = "multi_thread")]
async fn restart_that_was_interrupted_comes_before_all_others() {
    let mut stage = Stage::new(3);
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let before = stage.observe(&engine).await;
    engine.close().await;
    drop(engine);
    stage.begin_restart(&before, 2);
    stage
        .spec
        .server_properties
        .insert("num.partitions".to_owned(), "4".to_owned());
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let after = stage.observe(&engine).await;
    let started: Vec<i64> = after.brokers.iter().map(|it| it.started_at_ms.unwrap()).collect();
    assert!(started[2] < started[0] && started[0] < started[1], "{started:?}");
    for (before, after) in before.brokers.iter().zip(&after.brokers) {
        assert_ne!(before.pid, after.pid, "broker {} was restarted", after.broker_id);
    }
}

/// A page of metrics, where there is one.
pub async fn page(host: &str, port: u16) -> Option<String> {
    // Whoever asks it makes a client that could do TLS.
    rustls::crypto::ring::default_provider().install_default().ok();
    let answer = reqwest::get(format!("http://{host}:{port}/metrics")).await.ok()?;
    answer.text().await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn exporters_are_opened_and_closed_by_rolling_restarts() {
    let mut stage = Stage::new(2);
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let hosts: Vec<String> = stage
        .observe(&engine)
        .await
        .brokers
        .iter()
        .map(|it| it.host.clone())
        .collect();
    assert_eq!(page(&hosts[0], 11_001).await, None);
    stage.spec.exporters = engine::Exporters { jmx: true, node: true };
    engine.ensure(&stage.spec).await.unwrap();
    for host in &hosts {
        let shown = page(host, 11_001).await.unwrap();
        assert!(
            shown.contains("kafka_server_KafkaServer_Value{name=\"BrokerState\"} 3\n"),
            "{shown}"
        );
        let shown = page(host, 11_002).await.unwrap();
        assert!(shown.contains("node_memory_MemTotal_bytes "), "{shown}");
    }
    stage.spec.exporters.node = false;
    engine.ensure(&stage.spec).await.unwrap();
    assert!(page(&hosts[1], 11_001).await.is_some());
    assert_eq!(page(&hosts[1], 11_002).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_delivered_to_the_last_line() {
    let mut stage = Stage::new(2);
    let target = stage.folder.path().join("buckets/logs/orders");
    stage.spec.server_properties.clear();
    stage.spec.log_delivery = Some(target.clone());
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let delivered = |broker: i32| -> String {
        let mut objects: Vec<PathBuf> = fs::read_dir(&target)
            .unwrap()
            .flat_map(|hour| fs::read_dir(hour.unwrap().path()).unwrap())
            .map(|object| object.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with(&format!("Broker-{broker}_"))
            })
            .collect();
        objects.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        let text = objects.iter().map(|path| {
            let mut text = String::new();
            let file = fs::File::open(path).unwrap();
            flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
            text
        });
        text.collect()
    };
    assert!(delivered(1).contains("broker serves"), "after the change");
    // A broker that leaves, and a cluster that goes away, say their last words first.
    stage.spec.broker_count = 1;
    engine.ensure(&stage.spec).await.unwrap();
    assert!(delivered(2).contains("broker stopped"), "{}", delivered(2));
    let log = stage.cluster().join("broker-1/broker.log");
    poll(async || fs::read_to_string(&log).unwrap().lines().count() > 3).await;
    let last = fs::read_to_string(&log).unwrap();
    engine.remove(stage.spec.cluster_id).await.unwrap();
    assert!(delivered(1).starts_with(&last), "every line, once, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_directory_may_have_a_name_too_long_for_a_socket() {
    let mut stage = Stage::new(1);
    stage.spec.server_properties.clear();
    stage.depth = "d".repeat(120);
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    assert!(all_run(&stage.observe(&engine).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_go_on_without_the_engine_and_are_adopted_by_the_next() {
    let stage = Stage::new(3);
    let engine = stage.engine().await;
    engine.ensure(&stage.spec).await.unwrap();
    let before = stage.observe(&engine).await;
    engine.close().await;
    drop(engine);
    let begun = Instant::now();
    let engine = stage.engine().await;
    poll(async || all_run(&stage.observe(&engine).await)).await;
    eprintln!("brokers were adopted after {:?}", begun.elapsed());
    engine.ensure(&stage.spec).await.unwrap();
    let pids = |observed: &ObservedCluster| observed.brokers.iter().map(|broker| broker.pid).collect::<Vec<_>>();
    assert_eq!(pids(&stage.observe(&engine).await), pids(&before));
}
