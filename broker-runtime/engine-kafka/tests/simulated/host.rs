//! Hosts that keep files in memory, and whose processes are listeners.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use hosts::{
    BundleDigest, Capacity, Finished, Fleet, HeldBundle, Host, HostError, HostFacts, HostState, UnitCommand, UnitFile,
    UnitName, UnitPhase, UnitProcess, UnitStatus,
};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::broker::{self, Cluster, Node};

/// Tests of this program run at the same time, and no two hosts have the same address.
static NEXT_ADDRESS: AtomicU16 = AtomicU16::new(1);

/// How many nodes have been started.
static STARTS: AtomicUsize = AtomicUsize::new(0);

/// Clusters by the id that their nodes are formatted with.
type Clusters = Arc<Mutex<BTreeMap<String, Arc<Cluster>>>>;

/// All hosts.
#[derive(Clone)]
pub struct SimulatedHosts(Vec<Arc<SimulatedHost>>);

impl SimulatedHosts {
    pub fn new(count: usize) -> Self {
        let clusters = Clusters::default();
        let hosts = (0..count).map(|number| Arc::new(SimulatedHost::new(number, Arc::clone(&clusters))));
        Self(hosts.collect())
    }

    /// The same, with something wrong with each.
    pub fn with(count: usize, quirks: Quirks) -> Self {
        let clusters = Clusters::default();
        let hosts = (0..count).map(|number| {
            let mut host = SimulatedHost::new(number, Arc::clone(&clusters));
            host.facts.capacity.disk_free_bytes = quirks.disk_free_bytes.unwrap_or(1 << 39);
            host.quirks = quirks;
            Arc::new(host)
        });
        Self(hosts.collect())
    }

    /// Another Java is installed on all hosts.
    pub fn install_java(&self, said: &'static str) {
        for host in &self.0 {
            *host.java.lock() = Some(said);
        }
    }

    /// Paths of archives of classes, on all hosts.
    pub fn archives(&self) -> Vec<String> {
        let archives = self.0.iter().flat_map(|host| host.archives.lock().clone());
        archives.collect()
    }

    /// Bundles of a host.
    pub fn bundles_of(&self, name: &str) -> Vec<BundleDigest> {
        self.named(name).bundles.lock().iter().cloned().collect()
    }

    /// A bundle comes to a host that nobody has asked for.
    pub fn put_stray_bundle(&self, name: &str, digest: &BundleDigest) {
        self.named(name).bundles.lock().insert(digest.clone());
    }

    /// How often an archive of classes was begun, on all hosts.
    pub fn archives_begun(&self) -> usize {
        let begun = self.0.iter().map(|host| host.archives_begun.load(Ordering::Relaxed));
        begun.sum()
    }

    /// Files of this name in all units.
    pub fn files(&self, name: &str) -> Vec<String> {
        let units = self.0.iter().map(|host| host.units.lock());
        let texts = units.flat_map(|units| {
            let files = units.values().filter_map(|unit| unit.files.get(name));
            files
                .map(|content| String::from_utf8(content.clone()).unwrap())
                .collect::<Vec<_>>()
        });
        texts.collect()
    }

    /// Where pages of machines are, and on which host.
    pub fn pages(&self) -> Vec<(String, SocketAddr)> {
        let all = self.0.iter().flat_map(|host| {
            let units = host.units.lock();
            let addresses = units.values().filter_map(|unit| match unit.process {
                Some(Process::Page { address, .. }) => Some((host.facts.name.clone(), address)),
                _ => None,
            });
            addresses.collect::<Vec<_>>()
        });
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }

    /// When each node that runs was started, counted in starts of processes, by its unit.
    pub fn starts(&self) -> BTreeMap<UnitName, usize> {
        let all = self.0.iter().flat_map(|host| {
            let units = host.units.lock();
            let starts = units.iter().filter_map(|(name, unit)| match unit.process {
                Some(Process::Node { started, .. }) => Some((name.clone(), started)),
                _ => None,
            });
            starts.collect::<Vec<_>>()
        });
        all.collect()
    }

    /// A host goes with all that runs on it, and somebody says that it is dead.
    pub fn lose(&self, name: &str) {
        let host = self.named(name);
        for unit in host.units.lock().values_mut() {
            unit.process = None;
        }
        *host.state.lock() = HostState::Dead;
        host.is_away.store(true, Ordering::Relaxed);
    }

    /// A host that is dead can be reached again.
    pub fn find_again(&self, name: &str) {
        self.named(name).is_away.store(false, Ordering::Relaxed);
    }

    /// What is on a host is to be elsewhere.
    pub fn drain(&self, name: &str) {
        *self.named(name).state.lock() = HostState::Draining;
    }

    /// Something listens on all ports of a host.
    pub fn take_ports(&self, name: &str, are_taken: bool) {
        self.named(name).is_taken.store(are_taken, Ordering::Relaxed);
    }

    /// How many units a host has.
    pub fn units_of(&self, name: &str) -> usize {
        self.named(name).units.lock().len()
    }

    fn named(&self, name: &str) -> &SimulatedHost {
        self.0.iter().find(|host| host.facts.name == name).unwrap()
    }

    /// How many units there are.
    pub async fn units(&self) -> usize {
        self.0.iter().map(|host| host.units.lock().len()).sum()
    }
}

impl Fleet for SimulatedHosts {
    fn hosts(&self) -> Vec<Arc<dyn Host>> {
        self.0.iter().map(|host| Arc::clone(host) as Arc<dyn Host>).collect()
    }

    fn host(&self, host_id: Uuid) -> Option<Arc<dyn Host>> {
        let found = self.0.iter().find(|host| host.facts.host_id == host_id);
        found.map(|host| Arc::clone(host) as Arc<dyn Host>)
    }
}

/// What may be wrong with a host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quirks {
    /// What its Java says.
    pub java: Option<&'static str>,
    /// What is free on its disk.
    pub disk_free_bytes: Option<u64>,
    /// Something listens on every port.
    pub is_taken: bool,
    /// Its Java makes no archive of classes.
    pub archives_nothing: bool,
    /// Its Java goes on making one.
    pub archives_for_ever: bool,
}

#[derive(Default)]
struct Unit {
    files: BTreeMap<String, Vec<u8>>,
    process: Option<Process>,
}

/// What runs in a unit.
enum Process {
    Node {
        _node: Node,
        started: usize,
    },
    /// The host's own program, where it listens.
    Page {
        _listener: TcpListener,
        address: SocketAddr,
    },
}

pub struct SimulatedHost {
    facts: HostFacts,
    units: Mutex<BTreeMap<UnitName, Unit>>,
    clusters: Clusters,
    quirks: Quirks,
    state: Mutex<HostState>,
    is_away: AtomicBool,
    is_taken: AtomicBool,
    /// What its Java says from now on.
    java: Mutex<Option<&'static str>>,
    /// Paths of archives of classes, and how often one was begun.
    archives: Mutex<BTreeSet<String>>,
    archives_begun: AtomicUsize,
    bundles: Mutex<BTreeSet<BundleDigest>>,
}

impl SimulatedHost {
    fn new(number: usize, clusters: Clusters) -> Self {
        let [high, low] = NEXT_ADDRESS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let facts = HostFacts {
            host_id: Uuid::new_v4(),
            name: format!("host-{number:04}"),
            zone: ["a", "b", "c"][number % 3].to_owned(),
            // A part of 127/8 that nothing else here has.
            address: IpAddr::from([127, 64 + (std::process::id() % 32) as u8, high, low]),
            state: HostState::Active,
            capacity: Capacity {
                cores: 16,
                memory_bytes: 64 << 30,
                disk_bytes: 1 << 40,
                disk_free_bytes: 1 << 39,
            },
            agent_version: "0".to_owned(),
            clock_ahead_ms: 0,
            data_directory: PathBuf::from("/simulated"),
        };
        Self {
            facts,
            units: Mutex::default(),
            clusters,
            quirks: Quirks::default(),
            state: Mutex::new(HostState::Active),
            is_away: AtomicBool::default(),
            is_taken: AtomicBool::default(),
            java: Mutex::default(),
            archives: Mutex::default(),
            archives_begun: AtomicUsize::new(0),
            bundles: Mutex::default(),
        }
    }

    fn reach(&self) -> Result<(), HostError> {
        match self.is_away.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(HostError::Unreachable {
                host: self.facts.name.clone(),
                reason: "it is away".to_owned(),
            }),
        }
    }

    /// The process that runs from now on in a unit.
    async fn run_process(&self, unit: &UnitName, process: &UnitProcess) -> Process {
        if process.command.program == UnitCommand::OWN_PROGRAM {
            let arguments: Vec<&str> = process.command.arguments.iter().map(String::as_str).collect();
            let ["node-exporter", "--listen", address, "--log-file", _] = arguments[..] else {
                panic!("the host's own program is not simulated with {arguments:?}");
            };
            let address = address.parse().unwrap();
            return Process::Page {
                _listener: broker::bind(address).await,
                address,
            };
        }
        let (properties, identity, cluster) = {
            let units = self.units.lock();
            let unit = &units[unit];
            let text = |path: &str| String::from_utf8(unit.files[path].clone()).unwrap();
            let meta = text("data/meta.properties");
            let cluster_id = meta.lines().find_map(|line| line.strip_prefix("cluster.id=")).unwrap();
            let cluster = Arc::clone(&self.clusters.lock()[cluster_id]);
            (text("server.properties"), text("identity.pem"), cluster)
        };
        Process::Node {
            _node: Node::start(cluster, &properties, &identity).await,
            started: STARTS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// What a command does, as far as the engine runs it.
    async fn obey(&self, command: &UnitCommand) -> Finished {
        let said = self
            .java
            .lock()
            .or(self.quirks.java)
            .unwrap_or("openjdk version \"17.0.1\"\n");
        let ended = |code, stderr: &str| Finished {
            code: Some(code),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        };
        let last = command.arguments.last().cloned().unwrap_or_default();
        let has = |argument: &str| command.arguments.iter().any(|it| it == argument);
        match command.program.as_str() {
            "java" => ended(0, said),
            "test" if self.archives.lock().contains(&last) => ended(0, ""),
            "test" => ended(1, ""),
            "nice" if has("-Xshare:dump") => {
                self.archives_begun.fetch_add(1, Ordering::Relaxed);
                if self.quirks.archives_for_ever {
                    std::future::pending::<()>().await;
                }
                match self.quirks.archives_nothing {
                    true => ended(1, "An error has occurred while processing the class list"),
                    false => ended(0, ""),
                }
            }
            "nice" if has("-Xshare:on") => ended(0, said),
            "sed" => ended(0, ""),
            "find" => {
                let arguments: Vec<&str> = command.arguments.iter().map(String::as_str).collect();
                let [
                    folder,
                    "-maxdepth",
                    "1",
                    "-type",
                    "f",
                    "-name",
                    any,
                    "!",
                    "-name",
                    kept,
                    "-delete",
                ] = arguments[..]
                else {
                    panic!("{arguments:?} is not simulated");
                };
                let is = |path: &str, pattern: &str| {
                    let name = path.strip_prefix(folder).and_then(|name| name.strip_prefix('/'));
                    let (first, last) = pattern.split_once('*').unwrap();
                    name.is_some_and(|name| name.starts_with(first) && name.ends_with(last))
                };
                let mut archives = self.archives.lock();
                archives.retain(|path| !is(path, any) || is(path, kept));
                ended(0, "")
            }
            "mv" => {
                self.archives.lock().insert(last);
                ended(0, "")
            }
            other => panic!("the engine runs something that is not simulated: {other}"),
        }
    }

    /// A directory that is formatted makes the cluster known, and its node a voter where it has a quorum.
    fn take_directory(&self, unit: &Unit) {
        let Some(meta) = unit.files.get("data/meta.properties") else {
            return;
        };
        let meta = String::from_utf8_lossy(meta);
        let value = |name: &str| {
            meta.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .unwrap()
        };
        let mut clusters = self.clusters.lock();
        let cluster = clusters.entry(value("cluster.id").to_owned()).or_default();
        if unit
            .files
            .keys()
            .any(|path| path.starts_with("data/__cluster_metadata-0/"))
        {
            cluster.add_voter(value("node.id"), value("directory.id"));
        }
    }

    fn status_of(name: &UnitName, unit: &Unit) -> UnitStatus {
        let runs = unit.process.is_some();
        UnitStatus {
            unit: name.clone(),
            phase: if runs { UnitPhase::Running } else { UnitPhase::Stopped },
            pid: runs.then_some(1),
            started_at_ms: runs.then_some(1),
            resident_bytes: runs.then_some(400 << 20),
            cpu_ms: runs.then_some(1),
            restarts: 0,
            last_exit: None,
        }
    }
}

#[async_trait]
impl Host for SimulatedHost {
    fn facts(&self) -> HostFacts {
        HostFacts {
            state: *self.state.lock(),
            ..self.facts.clone()
        }
    }

    async fn write_files(&self, unit: &UnitName, files: &[UnitFile]) -> Result<(), HostError> {
        self.reach()?;
        let mut units = self.units.lock();
        let unit = units.entry(unit.clone()).or_default();
        let files = files.iter().map(|file| (file.path.clone(), file.content.clone()));
        let is_formatted = unit.files.contains_key("data/meta.properties");
        unit.files.extend(files);
        if !is_formatted {
            self.take_directory(unit);
        }
        Ok(())
    }

    async fn read_file(&self, unit: &UnitName, path: &str, _: u64) -> Result<Option<Vec<u8>>, HostError> {
        self.reach()?;
        let units = self.units.lock();
        Ok(units.get(unit).and_then(|unit| unit.files.get(path).cloned()))
    }

    async fn delete_file(&self, unit: &UnitName, path: &str) -> Result<(), HostError> {
        self.reach()?;
        if let Some(unit) = self.units.lock().get_mut(unit) {
            unit.files.remove(path);
        }
        Ok(())
    }

    async fn run(&self, _: &UnitName, command: &UnitCommand, _: Duration) -> Result<Finished, HostError> {
        self.reach()?;
        Ok(self.obey(command).await)
    }

    async fn start(&self, unit: &UnitName, process: &UnitProcess) -> Result<(), HostError> {
        self.reach()?;
        if self.units.lock().entry(unit.clone()).or_default().process.is_some() {
            return Ok(());
        }
        let process = self.run_process(unit, process).await;
        self.units.lock().get_mut(unit).unwrap().process = Some(process);
        Ok(())
    }

    async fn stop(&self, unit: &UnitName, _: bool) -> Result<(), HostError> {
        self.reach()?;
        if let Some(unit) = self.units.lock().get_mut(unit) {
            unit.process = None;
        }
        Ok(())
    }

    async fn status(&self, unit: &UnitName) -> Result<Option<UnitStatus>, HostError> {
        self.reach()?;
        let units = self.units.lock();
        Ok(units.get(unit).map(|found| Self::status_of(unit, found)))
    }

    async fn units(&self) -> Result<Vec<UnitStatus>, HostError> {
        self.reach()?;
        let units = self.units.lock();
        Ok(units.iter().map(|(name, unit)| Self::status_of(name, unit)).collect())
    }

    async fn remove(&self, unit: &UnitName) -> Result<(), HostError> {
        self.reach()?;
        self.units.lock().remove(unit);
        Ok(())
    }

    async fn put_bundle(&self, digest: &BundleDigest, _: &Path) -> Result<(), HostError> {
        self.reach()?;
        self.bundles.lock().insert(digest.clone());
        Ok(())
    }

    async fn bundles(&self) -> Result<Vec<HeldBundle>, HostError> {
        self.reach()?;
        let bundles = self.bundles.lock().clone().into_iter();
        Ok(bundles.map(|digest| HeldBundle { digest, bytes: 1 }).collect())
    }

    async fn remove_bundle(&self, digest: &BundleDigest) -> Result<(), HostError> {
        self.reach()?;
        self.bundles.lock().remove(digest);
        Ok(())
    }

    async fn taken(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, HostError> {
        self.reach()?;
        let is_taken = self.quirks.is_taken || self.is_taken.load(Ordering::Relaxed);
        Ok(if is_taken { addresses.to_vec() } else { Vec::new() })
    }
}
