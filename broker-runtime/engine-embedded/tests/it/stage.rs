//! A data directory with an engine, and a specification to begin with.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clock::SystemClock;
use engine::{BrokerState, ClusterSpec, Engine, ObservedCluster, conformance::specification};
use engine_embedded::{EmbeddedEngine, EmbeddedEngineConfig};
use uuid::Uuid;

/// How long anything here may take.
pub const LIMIT: Duration = Duration::from_secs(40);

thread_local! {
    /// Folders of the stages of this thread that are gone.
    static LEFT: RefCell<Vec<tempfile::TempDir>> = const { RefCell::new(Vec::new()) };
}

/// A data directory; [`sweep`] clears it away with its processes.
pub struct Stage {
    folder: Option<tempfile::TempDir>,
    pub cluster_id: Uuid,
}

impl Stage {
    pub fn new() -> Self {
        Self {
            folder: Some(tempfile::tempdir().unwrap()),
            cluster_id: Uuid::new_v4(),
        }
    }

    fn root(&self) -> &Path {
        self.folder
            .as_ref()
            .expect("it is there until the stage is dropped")
            .path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn cluster_path(&self, name: &str) -> PathBuf {
        self.path("clusters").join(self.cluster_id.to_string()).join(name)
    }

    pub async fn engine(&self) -> Arc<EmbeddedEngine> {
        self.engine_with(env::current_exe().unwrap()).await
    }

    pub async fn engine_with(&self, program: PathBuf) -> Arc<EmbeddedEngine> {
        let config = EmbeddedEngineConfig {
            directory: self.path("clusters"),
            keys: self.path("kms"),
            program,
            broker_environment: vec![("RUST_BACKTRACE".into(), "0".into())],
            clock: Arc::new(SystemClock),
            log_delivery_interval: Duration::from_secs(60),
        };
        EmbeddedEngine::open(config).await.unwrap()
    }

    pub fn spec(&self, broker_count: u32) -> ClusterSpec {
        ClusterSpec {
            zones: vec!["a".to_owned(), "b".to_owned()],
            server_properties: properties(&[("num.partitions", "3"), ("min.insync.replicas", "1")]),
            ..specification("embedded", self.cluster_id, broker_count)
        }
    }

    pub async fn observe(&self, engine: &EmbeddedEngine) -> ObservedCluster {
        engine.observe(self.cluster_id).await.unwrap().expect("it exists")
    }

    /// Ids of the processes of this stage.
    pub fn processes(&self) -> Vec<u32> {
        processes(self.root())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        LEFT.with_borrow_mut(|left| left.extend(self.folder.take()));
    }
}

/// Kills what the stages of this thread have left, and deletes their folders.
pub fn sweep() {
    for folder in LEFT.take() {
        for pid in processes(folder.path()) {
            kill(pid);
        }
    }
}

/// Ids of all processes that have something below `root` among their arguments.
fn processes(root: &Path) -> Vec<u32> {
    let root = root.display().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        supervisor::identify(*pid).is_some() && String::from_utf8_lossy(&line).contains(&root)
    })
    .collect()
}

pub fn properties(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

pub fn pids(observed: &ObservedCluster) -> Vec<u32> {
    observed
        .brokers
        .iter()
        .map(|broker| broker.pid.expect("it runs"))
        .collect()
}

pub fn all_run(observed: &ObservedCluster) -> bool {
    observed
        .brokers
        .iter()
        .all(|broker| broker.state == BrokerState::Running)
}

pub fn is_free(address: &str) -> bool {
    TcpListener::bind(address).is_ok()
}

/// Waits until a condition holds that nothing announces.
pub async fn poll<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("in time");
}
