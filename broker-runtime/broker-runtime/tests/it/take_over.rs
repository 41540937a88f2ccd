//! A cluster comes from the embedded engine to Apache Kafka, and the runtime is killed between any two steps of that: whoever comes
//! after it carries it on, or takes it back.

use std::{
    collections::BTreeMap,
    env, fs,
    net::{IpAddr, SocketAddr, TcpListener},
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use clock::SystemClock;
use engine::{
    ClusterSpec, Engine, Engines, Handed, HandsOver, NewTopic, ObservedCluster, Taken, TakesOver, TopicDescription,
};
use engine_embedded::EmbeddedEngine;
use engine_kafka::{KafkaEngine, KafkaEngineConfig};
use host_agent::{LocalHost, LocalHostConfig};
use hosts::{Fleet, Host};
use uuid::Uuid;

use crate::real_brokers::{Stage, all_run, page};

struct Here(Arc<dyn Host>);

impl Fleet for Here {
    fn hosts(&self) -> Vec<Arc<dyn Host>> {
        vec![Arc::clone(&self.0)]
    }

    fn host(&self, host_id: Uuid) -> Option<Arc<dyn Host>> {
        (self.0.facts().host_id == host_id).then(|| Arc::clone(&self.0))
    }
}

/// A runtime, as far as engines go. Dropping it is what a kill leaves: the disk, and processes that go on.
struct Runtime {
    embedded: Arc<EmbeddedEngine>,
    kafka: Arc<KafkaEngine>,
    both: Engines,
}

impl Runtime {
    async fn open(stage: &Stage) -> Self {
        let embedded = stage.engine_with(Arc::new(SystemClock)).await;
        let here: Arc<dyn Host> = LocalHost::open(LocalHostConfig {
            data_directory: stage.path("host"),
            host_id: Uuid::from_u128(1),
            name: "this-machine".to_owned(),
            zone: String::new(),
            address: IpAddr::from([127, 0, 0, 1]),
            search_path: env::var_os("PATH").unwrap_or_default(),
            own_program: env!("CARGO_BIN_EXE_broker-runtime").into(),
            clock: Arc::new(SystemClock),
        })
        .await
        .unwrap();
        let kafka = KafkaEngine::open(KafkaEngineConfig {
            directory: stage.path("kafka-clusters"),
            bundles: Path::new(env!("CARGO_TARGET_TMPDIR")).join("kafka-bundles"),
            maven: "mvn".into(),
            maven_environment: Vec::new(),
            fleet: Arc::new(Here(Arc::clone(&here))),
            here: Some(here),
            clock: Arc::new(SystemClock),
            archive_classes_after: Duration::from_secs(3600),
        })
        .await
        .unwrap();
        let all: Vec<Arc<dyn Engine>> = vec![Arc::clone(&embedded) as _, Arc::clone(&kafka) as _];
        Self {
            both: Engines::new(all).await.unwrap(),
            embedded,
            kafka,
        }
    }

    /// It is killed, and the next one comes.
    async fn killed(self, stage: &Stage) -> Self {
        self.embedded.close().await;
        drop(self);
        Self::open(stage).await
    }

    async fn observed(&self, stage: &Stage) -> ObservedCluster {
        self.both.observe(stage.spec.cluster_id).await.unwrap().unwrap()
    }

    async fn topic(&self, stage: &Stage) -> TopicDescription {
        let topics = self.both.topics();
        topics.describe_topic(stage.spec.cluster_id, "orders").await.unwrap()
    }

    fn states(&self, stage: &Stage) -> (Handed, Taken) {
        let id = stage.spec.cluster_id;
        (self.embedded.handed(id).unwrap(), self.kafka.taken(id).unwrap())
    }
}

/// Java, and a way to the jars.
fn is_usable() -> bool {
    let has = |program: &str| Command::new(program).arg("-version").output().is_ok();
    has("java") && has("mvn") || env::var_os("OPENMSK_REQUIRE_TOOLS").is_some()
}

fn log_dirs(stage: &Stage) -> Vec<bool> {
    let cluster = stage.path("clusters").join(stage.spec.cluster_id.to_string());
    let there = |id| cluster.join(format!("broker-{id}/data/meta.properties")).exists();
    [1, 2].map(there).to_vec()
}

/// Hands the cluster over, and takes it over as far as the directory of the second broker, which is in the way of something.
async fn take_in_part(stage: &Stage, runtime: &Runtime, wanted: &ClusterSpec) {
    let handover = runtime.embedded.hand_over(wanted.cluster_id).await.unwrap();
    let obstacle = stage
        .path("host")
        .join(format!("units/kafka-{}-2/data", wanted.cluster_id));
    fs::create_dir_all(&obstacle).unwrap();
    let error = runtime.kafka.take_over(wanted, &handover).await.unwrap_err();
    assert!(engine::chain(&error).contains("both"), "{error:?}");
    fs::remove_dir(&obstacle).unwrap();
    assert_eq!(log_dirs(stage), [false, true], "one has been taken");
}

/// What cannot be is refused before anything happens.
async fn refused_beforehand(stage: &Stage, runtime: &Runtime, wanted: &ClusterSpec) {
    let before = runtime.observed(stage).await;
    runtime.both.validate(wanted).unwrap();
    let mut encrypted = wanted.clone();
    encrypted.encryption_key = Some("arn".to_owned());
    let refused = runtime.both.ensure(&encrypted).await.unwrap_err().to_string();
    assert!(refused.contains("does not encrypt"), "{refused}");
    let more = ClusterSpec {
        broker_count: 3,
        ..wanted.clone()
    };
    let refused = runtime.both.validate(&more).unwrap_err().to_string();
    assert!(refused.contains("Change the one first"), "{refused}");
    let port: SocketAddr = before.bootstrap.tls[1].parse().unwrap();
    let listener = TcpListener::bind((port.ip(), 9091)).unwrap();
    let refused = runtime.both.ensure(wanted).await.unwrap_err().to_string();
    assert!(refused.contains("something listens on"), "{refused}");
    drop(listener);
    assert_eq!(runtime.states(stage), (Handed::Nothing, Taken::Nothing));
    let pids = |it: &ObservedCluster| it.brokers.iter().map(|broker| broker.pid).collect::<Vec<_>>();
    assert_eq!(
        pids(&runtime.observed(stage).await),
        pids(&before),
        "nothing has happened to the brokers"
    );
}

/// Handed over, or taken in part, and killed: whoever wants the embedded engine has it back.
async fn goes_back(stage: &Stage, mut runtime: Runtime, wanted: &ClusterSpec, made: &TopicDescription) -> Runtime {
    for in_part in [false, true] {
        if in_part {
            take_in_part(stage, &runtime, wanted).await;
        } else {
            runtime.embedded.hand_over(wanted.cluster_id).await.unwrap();
        }
        assert_eq!(stage.processes(), Vec::<u32>::new());
        runtime = runtime.killed(stage).await;
        let taken = if in_part { Taken::InPart } else { Taken::Nothing };
        assert_eq!(runtime.states(stage), (Handed::Begun, taken));
        assert_eq!(
            stage.processes(),
            Vec::<u32>::new(),
            "nobody starts brokers that are handed over"
        );
        runtime.both.ensure(&stage.spec).await.unwrap();
        assert_eq!(log_dirs(stage), [true, true]);
        assert_eq!(runtime.states(stage), (Handed::Nothing, Taken::Nothing));
        assert!(all_run(&runtime.observed(stage).await));
        let topic = runtime.topic(stage).await;
        assert_eq!(
            (topic.summary.topic_id, topic.configs),
            (made.summary.topic_id, made.configs.clone())
        );
    }
    runtime
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_comes_to_apache_kafka_whenever_the_runtime_is_killed() {
    if !is_usable() {
        eprintln!("left out: it needs java and mvn");
        return;
    }
    let mut stage = Stage::new(2);
    stage.spec.exporters.node = true;
    let mut wanted = stage.spec.clone();
    wanted.engine = "apache-kafka".to_owned();
    let runtime = Runtime::open(&stage).await;
    runtime.both.ensure(&stage.spec).await.unwrap();
    let topic = NewTopic {
        name: "orders".to_owned(),
        partition_count: 3,
        replication_factor: 2,
        configs: BTreeMap::from([("retention.ms".to_owned(), "3600000".to_owned())]),
    };
    let topics = runtime.both.topics();
    let made = topics.create_topic(wanted.cluster_id, &topic).await.unwrap();
    let before = runtime.observed(&stage).await;
    refused_beforehand(&stage, &runtime, &wanted).await;
    let runtime = goes_back(&stage, runtime, &wanted, &made).await;

    // Taken in part, killed, taken as a whole, killed before the other engine has forgotten it, and carried on.
    take_in_part(&stage, &runtime, &wanted).await;
    let runtime = runtime.killed(&stage).await;
    let handover = runtime.embedded.hand_over(wanted.cluster_id).await.unwrap();
    runtime.kafka.take_over(&wanted, &handover).await.unwrap();
    assert_eq!(runtime.states(&stage), (Handed::Begun, Taken::Whole));
    let refused = runtime.kafka.give_back(wanted.cluster_id).await.unwrap_err();
    assert!(refused.to_string().contains("cannot go back"), "{refused}");
    let runtime = runtime.killed(&stage).await;
    assert_eq!(runtime.both.engine_of(wanted.cluster_id), "apache-kafka");
    runtime.both.ensure(&wanted).await.unwrap();
    assert_eq!(runtime.states(&stage), (Handed::Forgotten, Taken::Whole));
    let refused = runtime.both.validate(&stage.spec).unwrap_err().to_string();
    assert!(refused.contains("cannot come to engine embedded"), "{refused}");

    let after = runtime.observed(&stage).await;
    assert!(all_run(&after), "{after:#?}");
    for broker in &after.brokers {
        let shown = page(&broker.host, 11_002).await.unwrap();
        assert!(shown.contains("node_memory_MemTotal_bytes "), "{shown}");
    }
    assert_eq!(after.bootstrap, before.bootstrap);
    assert_eq!(after.certificate_authority_pem, before.certificate_authority_pem);
    let topic = runtime.topic(&stage).await;
    assert_eq!(topic.summary.topic_id, made.summary.topic_id);
    assert_eq!((topic.partitions.len(), topic.configs), (3, made.configs));
    for partition in topic.partitions {
        assert_eq!(partition.isr.len(), 2, "all are in sync when it is done: {partition:?}");
        assert_eq!(partition.leader, partition.replicas.first().copied(), "{partition:?}");
    }

    runtime.both.remove(wanted.cluster_id).await.unwrap();
    assert_eq!(stage.processes(), Vec::<u32>::new());
    for folder in ["clusters", "kafka-clusters", "host/units"] {
        let left = fs::read_dir(stage.path(folder)).unwrap().count();
        assert_eq!(left, 0, "{folder}");
    }
}
