//! The control plane is killed at every call to a host: before it, or after it and before the answer. Whatever it was doing, the next one
//! goes on with it, ends where it should, and nothing is left on any host after the cluster is removed.

use std::{
    env,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use engine::{BrokerState, ClusterSpec, Engine, EngineError};
use hosts::{
    BundleDigest, Finished, Fleet, HeldBundle, Host, HostError, HostFacts, UnitCommand, UnitFile, UnitName,
    UnitProcess, UnitStatus,
};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{engine, has_archive, host::SimulatedHosts, spec};

/// Every so manieth call where nobody says otherwise.
const STRIDE: i64 = 2;
/// How long a life may take.
const LIFE_MAX: Duration = Duration::from_secs(300);

/// When the control plane dies.
#[derive(Debug, Default)]
struct Death {
    /// Calls until then.
    calls: AtomicI64,
    /// The last of them takes effect.
    is_late: bool,
    died: Notify,
}

impl Death {
    /// Carries out a call, unless it is the one at which the control plane dies; that never returns.
    async fn at<T>(&self, call: impl Future<Output = T>) -> T {
        let left = self.calls.fetch_sub(1, Ordering::Relaxed);
        if left > 0 {
            return call.await;
        }
        if left == 0 && self.is_late {
            call.await;
        }
        self.died.notify_one();
        std::future::pending().await
    }
}

/// Hosts as a control plane reaches them that is going to die.
struct MortalFleet {
    hosts: SimulatedHosts,
    death: Arc<Death>,
}

struct MortalHost {
    host: Arc<dyn Host>,
    death: Arc<Death>,
}

impl MortalFleet {
    fn mortal(&self, host: Arc<dyn Host>) -> Arc<dyn Host> {
        let death = Arc::clone(&self.death);
        Arc::new(MortalHost { host, death })
    }
}

impl Fleet for MortalFleet {
    fn hosts(&self) -> Vec<Arc<dyn Host>> {
        self.hosts.hosts().into_iter().map(|host| self.mortal(host)).collect()
    }

    fn host(&self, host_id: Uuid) -> Option<Arc<dyn Host>> {
        self.hosts.host(host_id).map(|host| self.mortal(host))
    }
}

#[async_trait]
impl Host for MortalHost {
    fn facts(&self) -> HostFacts {
        self.host.facts()
    }

    async fn write_files(&self, unit: &UnitName, files: &[UnitFile]) -> Result<(), HostError> {
        self.death.at(self.host.write_files(unit, files)).await
    }

    async fn read_file(&self, unit: &UnitName, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, HostError> {
        self.death.at(self.host.read_file(unit, path, bytes_max)).await
    }

    async fn delete_file(&self, unit: &UnitName, path: &str) -> Result<(), HostError> {
        self.death.at(self.host.delete_file(unit, path)).await
    }

    async fn run(&self, unit: &UnitName, command: &UnitCommand, limit: Duration) -> Result<Finished, HostError> {
        self.death.at(self.host.run(unit, command, limit)).await
    }

    async fn start(&self, unit: &UnitName, process: &UnitProcess) -> Result<(), HostError> {
        self.death.at(self.host.start(unit, process)).await
    }

    async fn stop(&self, unit: &UnitName, kill: bool) -> Result<(), HostError> {
        self.death.at(self.host.stop(unit, kill)).await
    }

    async fn status(&self, unit: &UnitName) -> Result<Option<UnitStatus>, HostError> {
        self.death.at(self.host.status(unit)).await
    }

    async fn units(&self) -> Result<Vec<UnitStatus>, HostError> {
        self.death.at(self.host.units()).await
    }

    async fn remove(&self, unit: &UnitName) -> Result<(), HostError> {
        self.death.at(self.host.remove(unit)).await
    }

    async fn put_bundle(&self, digest: &BundleDigest, archive: &Path) -> Result<(), HostError> {
        self.death.at(self.host.put_bundle(digest, archive)).await
    }

    async fn bundles(&self) -> Result<Vec<HeldBundle>, HostError> {
        self.death.at(self.host.bundles()).await
    }

    async fn remove_bundle(&self, digest: &BundleDigest) -> Result<(), HostError> {
        self.death.at(self.host.remove_bundle(digest)).await
    }

    async fn taken(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, HostError> {
        self.death.at(self.host.taken(addresses)).await
    }
}

/// A life of control planes, one after the other, over the same directory and the same hosts.
struct Life {
    folder: tempfile::TempDir,
    hosts: SimulatedHosts,
    is_late: bool,
    stride: i64,
    deaths: usize,
}

impl Life {
    /// Has one control plane after the other do `work`; the first dies at its first call, and each next one some calls later, until one
    /// has done it.
    async fn through<F>(&mut self, what: &str, work: impl Fn(Arc<dyn Engine>) -> F)
    where
        F: Future<Output = Result<(), EngineError>>,
    {
        for calls in (0..).step_by(usize::try_from(self.stride).unwrap()) {
            let death = Arc::new(Death {
                calls: AtomicI64::new(calls),
                is_late: self.is_late,
                ..Death::default()
            });
            let fleet = MortalFleet {
                hosts: self.hosts.clone(),
                death: Arc::clone(&death),
            };
            // What it does when it is opened may be the last thing, too.
            let attempt = async {
                let engine = engine(self.folder.path(), Arc::new(fleet)).await;
                work(engine).await
            };
            tokio::select! {
                done = attempt => {
                    done.unwrap_or_else(|error| panic!("{what}, after {} deaths: {error:?}", self.deaths));
                    return;
                }
                () = death.died.notified() => self.deaths += 1,
            }
        }
    }

    async fn ensure(&mut self, what: &str, spec: &ClusterSpec) {
        self.through(what, |engine| async move { engine.ensure(spec).await })
            .await;
        let engine = engine(self.folder.path(), Arc::new(self.hosts.clone())).await;
        let observed = engine.observe(spec.cluster_id).await.unwrap().unwrap();
        let serving = observed.brokers.iter().filter(|it| it.state == BrokerState::Running);
        assert_eq!(serving.count(), spec.broker_count as usize, "{what}");
        let pages = if spec.exporters.node {
            spec.broker_count as usize
        } else {
            0
        };
        assert_eq!(self.hosts.pages().len(), pages, "{what}");
        assert_eq!(self.hosts.units().await, spec.broker_count as usize + pages, "{what}");
    }
}

async fn live(is_late: bool) {
    let stride = env::var("OPENMSK_KILL_STRIDE").ok().map(|text| text.parse().unwrap());
    let mut life = Life {
        folder: tempfile::tempdir().unwrap(),
        hosts: SimulatedHosts::new(6),
        is_late,
        stride: stride.unwrap_or(STRIDE),
        deaths: 0,
    };
    let mut spec = spec(1, 3);
    life.ensure("create", &spec).await;
    spec.server_properties
        .insert("num.io.threads".to_owned(), "9".to_owned());
    life.ensure("static configuration", &spec).await;
    spec.reboots = [(1, 1), (3, 1)].into();
    life.ensure("reboot", &spec).await;
    spec.exporters.node = true;
    life.ensure("pages of machines", &spec).await;
    spec.broker_count = 6;
    life.ensure("more brokers", &spec).await;
    spec.broker_count = 4;
    life.ensure("fewer brokers", &spec).await;
    spec.exporters.node = false;
    life.ensure("no pages of machines", &spec).await;
    spec.exporters.node = true;
    life.ensure("pages of machines, to be removed with the cluster", &spec)
        .await;
    let cluster_id = spec.cluster_id;
    life.through("remove", |engine| async move { engine.remove(cluster_id).await })
        .await;
    assert_eq!(life.hosts.units().await, 0, "something is left");
    let engine = engine(life.folder.path(), Arc::new(life.hosts.clone())).await;
    assert!(engine.list().await.unwrap().is_empty());
    eprintln!("{} deaths", life.deaths);
    assert!(life.deaths > 10, "{} deaths", life.deaths);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_dies_before_a_call_is_followed_by_one_that_goes_on() {
    if has_archive() {
        tokio::time::timeout(LIFE_MAX, live(false))
            .await
            .expect("it does not end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_dies_without_an_answer_is_followed_by_one_that_goes_on() {
    if has_archive() {
        tokio::time::timeout(LIFE_MAX, live(true))
            .await
            .expect("it does not end");
    }
}
