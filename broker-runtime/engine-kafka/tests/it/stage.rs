//! Three hosts in three zones on this machine and a spare one, an engine, and a specification to begin with.

use std::{
    env,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clock::SystemClock;
use engine::{
    ClusterSpec,
    conformance::{specification, users},
};
use engine_kafka::{KafkaEngine, KafkaEngineConfig};
use host_agent::{LocalHost, LocalHostConfig};
use hosts::{Fleet, Host};
use uuid::Uuid;

/// How long anything here may take to end.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Hosts that do not change.
#[derive(Clone)]
pub struct Hosts(pub Vec<Arc<dyn Host>>);

impl Fleet for Hosts {
    fn hosts(&self) -> Vec<Arc<dyn Host>> {
        self.0.clone()
    }

    fn host(&self, host_id: Uuid) -> Option<Arc<dyn Host>> {
        self.0.iter().find(|host| host.facts().host_id == host_id).cloned()
    }
}

/// Hosts and the directory of an engine.
pub struct Stage {
    /// Whoever clears away needs it after a test that has ended early.
    pub folder: Arc<tempfile::TempDir>,
    pub hosts: Hosts,
    pub cluster_id: Uuid,
}

impl Stage {
    pub async fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        // The fourth one is a spare. A part of 127/8 that no test beside this one has.
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let mut hosts: Vec<Arc<dyn Host>> = Vec::new();
        for (number, zone) in (1..).zip(["a", "b", "c", "b"]) {
            let config = LocalHostConfig {
                data_directory: folder.path().join(format!("host-{number}")),
                host_id: Uuid::new_v4(),
                name: format!("host-{number}"),
                zone: zone.to_owned(),
                address: IpAddr::from([127, 128 | high, low, number]),
                search_path: env::var_os("PATH").unwrap_or_default(),
                own_program: env::current_exe().unwrap(),
                clock: Arc::new(SystemClock),
            };
            hosts.push(LocalHost::open(config).await.unwrap());
        }
        Self {
            folder,
            hosts: Hosts(hosts),
            cluster_id: Uuid::new_v4(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn engine(&self) -> Arc<KafkaEngine> {
        self.engine_with(Hosts(self.hosts.0[..3].to_vec())).await
    }

    pub async fn engine_with(&self, hosts: Hosts) -> Arc<KafkaEngine> {
        // Archives of classes are none of what most tests are about.
        self.open(hosts, Duration::from_secs(3600)).await
    }

    /// An engine that archives classes so long after a change.
    pub async fn engine_that_archives(&self, after: Duration) -> Arc<KafkaEngine> {
        self.open(Hosts(self.hosts.0[..3].to_vec()), after).await
    }

    async fn open(&self, hosts: Hosts, archive_classes_after: Duration) -> Arc<KafkaEngine> {
        let config = KafkaEngineConfig {
            directory: self.path("clusters"),
            bundles: Path::new(env!("CARGO_TARGET_TMPDIR")).join("kafka-bundles"),
            maven: "mvn".into(),
            maven_environment: Vec::new(),
            fleet: Arc::new(hosts),
            here: None,
            clock: Arc::new(SystemClock),
            archive_classes_after,
        };
        KafkaEngine::open(config).await.unwrap()
    }

    /// Names of what is in the directory of units of all hosts.
    pub fn units_left(&self) -> Vec<String> {
        let folders = (1..=4).map(|number| self.path(&format!("host-{number}")).join("units"));
        let entries = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Archives of classes on all hosts.
    pub fn archives(&self) -> Vec<PathBuf> {
        let folders = (1..=4).map(|number| self.path(&format!("host-{number}")).join("bundles"));
        let entries = |folder: PathBuf| {
            std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
        };
        let files = folders.flat_map(entries).flat_map(entries);
        files
            .filter(|file| file.extension().is_some_and(|it| it == "jsa"))
            .collect()
    }

    pub fn spec(&self, broker_count: u32) -> ClusterSpec {
        let properties = [("min.insync.replicas", "1"), ("offsets.topic.replication.factor", "1")];
        ClusterSpec {
            zones: ["a", "b", "c"].map(str::to_owned).to_vec(),
            server_properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            scram_users: users(),
            ..specification("apache-kafka", self.cluster_id, broker_count)
        }
    }
}

/// The last words of everything that runs, for whoever looks for a failure.
pub async fn tell(hosts: &Hosts) {
    for host in &hosts.0 {
        for status in host.units().await.unwrap_or_default() {
            let log = host.read_file(&status.unit, "server.log", 6000).await;
            let log = log.ok().flatten().unwrap_or_default();
            eprintln!("{status:?}\n{}", String::from_utf8_lossy(&log));
        }
    }
}

/// Ends what a test has left.
pub async fn sweep(hosts: &Hosts) {
    for host in &hosts.0 {
        for status in host.units().await.unwrap_or_default() {
            let _ = host.stop(&status.unit, true).await;
            let _ = host.remove(&status.unit).await;
        }
    }
}
