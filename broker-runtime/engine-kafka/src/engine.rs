//! The engine: which clusters there are, one change of a cluster at a time, and places for their nodes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::OsString,
    fs,
    path::PathBuf,
    sync::Arc,
};

use async_trait::async_trait;
use clock::Clock;
use cluster_files::durable_file::{self, file_error};
use engine::{
    AclAdmin, ClusterSpec, Engine, EngineError, IamAuthenticator, ObservedCluster, Progress, QuotaAdmin, Storage,
    TopicAdmin,
};
use hosts::{Fleet, HostState};
use kafka_metadata::MetadataImage;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    bundle::Bundles,
    cluster::{self, Cluster, Settings},
    description::{Description, Layout, Phase},
    errors::{chain, host_error},
    placement::{self, HostView, NoPlace, Nodes, Wanted},
    ports,
    releases::Release,
    validate::validate,
};

/// How often other ports are looked for when some are taken.
const TRIES: usize = 16;
/// A disk with less space than this is full for our purposes.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// What the engine needs to know of the world.
#[derive(Clone)]
pub struct KafkaEngineConfig {
    /// Directory of the clusters' directories; created when missing.
    pub directory: PathBuf,
    /// Directory of the archives of Apache Kafka; created when one is made.
    pub bundles: PathBuf,
    /// Maven's client, a path or a name that is looked up, for archives that are missing.
    pub maven: PathBuf,
    /// Environment for it, beside ours.
    pub maven_environment: Vec<(OsString, OsString)>,
    /// The machines that nodes run on.
    pub fleet: Arc<dyn Fleet>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Runs clusters of Apache Kafka on the hosts of a fleet.
pub struct KafkaEngine {
    directory: PathBuf,
    settings: Arc<Settings>,
    slots: Mutex<HashMap<Uuid, Arc<Slot>>>,
    /// Held while places are chosen and written down.
    allocation: tokio::sync::Mutex<()>,
}

/// Place of a cluster. What changes the cluster holds `busy`.
#[derive(Default)]
struct Slot {
    busy: Arc<tokio::sync::Mutex<()>>,
    /// Cancelled when the cluster is to go away, so that nobody waits for it to come up.
    removal: Mutex<CancellationToken>,
    running: Mutex<Option<Arc<Cluster>>>,
}

impl Slot {
    fn running(&self) -> Option<Arc<Cluster>> {
        self.running.lock().clone()
    }
}

impl KafkaEngine {
    /// Takes up everything that is written down. A cluster that cannot be taken up does not keep the others from it; it is
    /// tried again by `ensure`.
    pub async fn open(config: KafkaEngineConfig) -> Result<Arc<Self>, EngineError> {
        durable_file::create_directory(&config.directory)?;
        let settings = Settings {
            fleet: config.fleet,
            bundles: Bundles::new(config.bundles, config.maven, config.maven_environment),
            clock: config.clock,
        };
        let engine = Arc::new(Self {
            directory: config.directory,
            settings: Arc::new(settings),
            slots: Mutex::default(),
            allocation: tokio::sync::Mutex::default(),
        });
        for cluster_id in engine.cluster_ids()? {
            if let Err(error) = engine.take_up(cluster_id).await {
                tracing::error!(%cluster_id, error = %chain(&error), "cluster was not taken up");
            }
        }
        Ok(engine)
    }

    /// The running cluster.
    pub(crate) fn cluster(&self, cluster_id: Uuid) -> Option<Arc<Cluster>> {
        let slot = self.slots.lock().get(&cluster_id).cloned();
        slot?.running()
    }

    /// Keeps others from changing a cluster for as long as it is held; `None` while somebody does.
    pub(crate) fn try_hold(&self, cluster_id: Uuid) -> Option<OwnedMutexGuard<()>> {
        let slot = self.slots.lock().get(&cluster_id).cloned()?;
        Arc::clone(&slot.busy).try_lock_owned().ok()
    }

    fn layout(&self, cluster_id: Uuid) -> Layout {
        Layout::new(self.directory.join(cluster_id.to_string()))
    }

    fn slot(&self, cluster_id: Uuid) -> Arc<Slot> {
        Arc::clone(self.slots.lock().entry(cluster_id).or_default())
    }

    fn cluster_ids(&self) -> Result<Vec<Uuid>, EngineError> {
        let failed = |source| file_error("read", &self.directory, source);
        let entries = fs::read_dir(&self.directory).map_err(failed)?;
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter_map(|name| Uuid::try_parse(&name).ok()).collect())
    }

    /// Of all clusters but one.
    fn descriptions_but(&self, cluster_id: Uuid) -> Result<Vec<Description>, EngineError> {
        let others = self.cluster_ids()?.into_iter().filter(|other| *other != cluster_id);
        Ok(others
            .filter_map(|other| self.layout(other).read().ok().flatten())
            .collect())
    }

    async fn take_up(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        let layout = self.layout(cluster_id);
        match layout.read()? {
            Some(description) if description.phase != Phase::Removing => {
                let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
                *self.slot(cluster_id).running.lock() = Some(cluster);
                Ok(())
            }
            // What is left of it is removed by whoever asks for that, once hosts are known.
            _ => Ok(()),
        }
    }

    async fn bring_up_and_ensure(&self, slot: &Slot, spec: &ClusterSpec) -> Result<(), EngineError> {
        let release = release_of(spec)?;
        let layout = self.layout(spec.cluster_id);
        let (cluster, nodes) = if let Some(cluster) = slot.running() {
            // Held until the places are written down, which is the first thing that the cluster does.
            let _allocation = self.allocation.lock().await;
            let nodes = self.place(spec, &cluster.description().nodes).await?;
            (cluster, nodes)
        } else {
            let (description, nodes) = {
                let _allocation = self.allocation.lock().await;
                match layout.read()? {
                    Some(description) if description.phase != Phase::Removing => {
                        let nodes = self.place(spec, &description.nodes).await?;
                        (description, nodes)
                    }
                    _ => {
                        cluster::remove(&self.settings, &layout, spec.cluster_id).await?;
                        let nodes = self.place(spec, &Nodes::new()).await?;
                        let principal = format!("openmsk-{}", Uuid::new_v4().simple());
                        let description = Description::new(spec, release.number, nodes.clone(), principal);
                        durable_file::create_directory(layout.root())?;
                        layout.write(&description)?;
                        (description, nodes)
                    }
                }
            };
            let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
            *slot.running.lock() = Some(Arc::clone(&cluster));
            (cluster, nodes)
        };
        cluster.ensure(spec, nodes, release).await
    }

    /// Places for all nodes: what there is stays, new ones come to ports that nothing listens on.
    async fn place(&self, spec: &ClusterSpec, existing: &Nodes) -> Result<Nodes, EngineError> {
        let mut blocked: BTreeMap<Uuid, BTreeSet<u16>> = BTreeMap::new();
        let mut seen = Vec::new();
        for _ in 0..TRIES {
            let hosts = self.host_views(spec.cluster_id, &blocked)?;
            let wanted = Wanted {
                broker_count: spec.broker_count,
                zones: &spec.zones,
                memory_bytes: spec.resources.map(|resources| resources.memory_bytes),
            };
            let nodes = placement::plan(existing, wanted, &hosts, new_directory_id)
                .map_err(|no_place| no_place_error(&spec.cluster_name, no_place))?;
            let taken = self.taken(existing, &nodes, spec).await?;
            if taken.is_empty() {
                return Ok(nodes);
            }
            for (host_id, row, what) in taken {
                blocked.entry(host_id).or_default().insert(row);
                seen.push(what);
            }
        }
        Err(EngineError::Environment {
            problem: format!(
                "other programs listen on the ports for cluster {:?}: {}",
                spec.cluster_name,
                seen.join(", ")
            ),
            remedy: "end them, then try again".to_owned(),
        })
    }

    /// Rows of ports of new nodes on which something listens already.
    async fn taken(
        &self,
        existing: &Nodes,
        nodes: &Nodes,
        spec: &ClusterSpec,
    ) -> Result<Vec<(Uuid, u16, String)>, EngineError> {
        let mut found = Vec::new();
        for (id, node) in nodes {
            if existing.get(id).is_some_and(|before| before.host_id == node.host_id) {
                continue;
            }
            let Some(host) = self.settings.fleet.host(node.host_id) else {
                continue;
            };
            let facts = host.facts();
            if facts.capacity.disk_free_bytes < FREE_BYTES_MIN {
                return Err(EngineError::Environment {
                    problem: format!(
                        "the disk of host {} is full: {} MiB are free",
                        facts.name,
                        facts.capacity.disk_free_bytes >> 20
                    ),
                    remedy: format!("free at least {} MiB there, then try again", FREE_BYTES_MIN >> 20),
                });
            }
            let addresses: Vec<_> = ports::listeners(node, spec.listeners)
                .into_iter()
                .map(|listener| listener.address)
                .collect();
            for address in host.taken(&addresses).await.map_err(host_error)? {
                found.push((node.host_id, node.row, format!("{address} on host {}", node.host_name)));
            }
        }
        Ok(found)
    }

    fn host_views(
        &self,
        cluster_id: Uuid,
        blocked: &BTreeMap<Uuid, BTreeSet<u16>>,
    ) -> Result<Vec<HostView>, EngineError> {
        let others = self.descriptions_but(cluster_id)?;
        let nodes = || others.iter().flat_map(|other| other.nodes.values());
        let views = self.settings.fleet.hosts().into_iter().map(|host| {
            let facts = host.facts();
            let here: Vec<_> = nodes().filter(|node| node.host_id == facts.host_id).collect();
            let mut rows_taken = blocked.get(&facts.host_id).cloned().unwrap_or_default();
            rows_taken.extend(here.iter().map(|node| node.row));
            HostView {
                host_id: facts.host_id,
                name: facts.name,
                zone: facts.zone,
                address: facts.address,
                memory_bytes: facts.capacity.memory_bytes,
                is_open: facts.state == HostState::Active,
                is_dead: facts.state == HostState::Dead,
                rows_taken,
                others: here.len(),
            }
        });
        Ok(views.collect())
    }

    /// A first creation that failed for good leaves nothing behind.
    async fn undo_failed_creation(&self, slot: &Slot, cluster_id: Uuid, error: &EngineError) {
        if matches!(error, EngineError::Timeout { .. }) {
            return;
        }
        let layout = self.layout(cluster_id);
        let phase = layout.read().ok().flatten().map(|description| description.phase);
        if phase.is_none_or(|phase| phase == Phase::Creating) {
            slot.running.lock().take();
            if let Err(error) = cluster::remove(&self.settings, &layout, cluster_id).await {
                tracing::warn!(%cluster_id, error = %chain(&error), "half-made cluster was not removed");
            }
        }
    }

    async fn refuse_to_shrink(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let Some(cluster) = self.cluster(spec.cluster_id) else {
            return Ok(());
        };
        if spec.broker_count >= cluster.description().broker_count {
            return Ok(());
        }
        let image = cluster.kafka.image(&[]).await.unwrap_or_default();
        match widest_topic(&image) {
            Some((replicas, topic)) if usize::try_from(spec.broker_count).is_ok_and(|brokers| brokers < replicas) => {
                Err(EngineError::Unsupported {
                    reason: format!(
                        "cluster {:?} cannot have {} brokers: topic {topic:?} has {replicas} replicas, each of which needs a \
                         broker of its own. Lower its replication factor, or delete it, first",
                        spec.cluster_name, spec.broker_count
                    ),
                })
            }
            _ => Ok(()),
        }
    }
}

/// The topic with the most replicas.
fn widest_topic(image: &MetadataImage) -> Option<(usize, String)> {
    let widest = image.topics.values().filter_map(|topic| {
        let replicas = topic
            .partitions
            .iter()
            .map(|state| state.target_replicas().len())
            .max()?;
        Some((replicas, topic.name.clone()))
    });
    widest.max()
}

fn release_of(spec: &ClusterSpec) -> Result<Release, EngineError> {
    Release::of(&spec.kafka_version).ok_or_else(|| EngineError::Unsupported {
        reason: format!(
            "there is no release of Apache Kafka for version {:?}",
            spec.kafka_version
        ),
    })
}

/// Kafka takes ids that begin with a hyphen for options of its programs.
fn new_directory_id() -> Uuid {
    loop {
        let id = Uuid::new_v4();
        if !kafka_codec::uuid_to_text(id).starts_with('-') {
            return id;
        }
    }
}

fn no_place_error(cluster_name: &str, no_place: NoPlace) -> EngineError {
    EngineError::Environment {
        problem: format!("cluster {cluster_name:?} has no place: {}", no_place.problem),
        remedy: no_place.remedy,
    }
}

fn being_removed(spec: &ClusterSpec) -> EngineError {
    EngineError::Timeout {
        what: format!("bringing up cluster {:?}", spec.cluster_name),
        waited_ms: 0,
        last_state: "it is being removed".to_owned(),
    }
}

#[async_trait]
impl Engine for KafkaEngine {
    fn name(&self) -> &'static str {
        "apache-kafka"
    }

    fn validate(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        validate(spec)?;
        if self.cluster(spec.cluster_id).is_some() {
            return Ok(());
        }
        // Whether there is a place at all can be told beforehand.
        let hosts = self.host_views(spec.cluster_id, &BTreeMap::new())?;
        let wanted = Wanted {
            broker_count: spec.broker_count,
            zones: &spec.zones,
            memory_bytes: spec.resources.map(|resources| resources.memory_bytes),
        };
        placement::plan(&Nodes::new(), wanted, &hosts, Uuid::nil)
            .map(drop)
            .map_err(|no_place| no_place_error(&spec.cluster_name, no_place))
    }

    async fn ensure(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        validate(spec)?;
        let slot = self.slot(spec.cluster_id);
        let _busy = slot.busy.lock().await;
        self.refuse_to_shrink(spec).await?;
        let removal = slot.removal.lock().clone();
        let ensured = tokio::select! {
            ensured = self.bring_up_and_ensure(&slot, spec) => ensured,
            () = removal.cancelled() => return Err(being_removed(spec)),
        };
        if let Err(error) = &ensured {
            self.undo_failed_creation(&slot, spec.cluster_id, error).await;
        }
        ensured
    }

    fn authenticate_with(&self, _authenticator: Arc<dyn IamAuthenticator>) {
        // Nobody logs in so: clusters with SASL/IAM are refused.
    }

    fn progress(&self, cluster_id: Uuid) -> Option<Progress> {
        self.cluster(cluster_id)?.progress()
    }

    async fn observe(&self, cluster_id: Uuid) -> Result<Option<ObservedCluster>, EngineError> {
        if let Some(cluster) = self.cluster(cluster_id) {
            return cluster.observe().await.map(Some);
        }
        // It is being created, or could not be taken up.
        let layout = self.layout(cluster_id);
        let Some(description) = layout.read()? else {
            return Ok(None);
        };
        if description.phase == Phase::Removing {
            return Ok(Some(cluster::at_rest(&description)));
        }
        let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
        cluster.observe().await.map(Some)
    }

    async fn remove(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        let slot = self.slot(cluster_id);
        slot.removal.lock().cancel();
        let _busy = slot.busy.lock().await;
        slot.running.lock().take();
        let removed = cluster::remove(&self.settings, &self.layout(cluster_id), cluster_id).await;
        match removed {
            Ok(()) => drop(self.slots.lock().remove(&cluster_id)),
            Err(_) => *slot.removal.lock() = CancellationToken::new(),
        }
        removed
    }

    async fn rebalance(&self, cluster_id: Uuid) -> Result<usize, EngineError> {
        let Some(_held) = self.try_hold(cluster_id) else {
            return Ok(0);
        };
        match self.cluster(cluster_id) {
            Some(cluster) => cluster.move_some().await,
            None => Ok(0),
        }
    }

    fn storage(&self) -> Result<Storage, EngineError> {
        let hosts = self.settings.fleet.hosts();
        let capacities = hosts.iter().map(|host| host.facts().capacity);
        let sum = capacities.fold(Storage::default(), |sum, capacity| Storage {
            free_bytes: sum.free_bytes.saturating_add(capacity.disk_free_bytes),
            total_bytes: sum.total_bytes.saturating_add(capacity.disk_bytes),
            free_bytes_min: FREE_BYTES_MIN,
        });
        Ok(sum)
    }

    async fn renew_certificates(&self, cluster_id: Uuid) -> Result<usize, EngineError> {
        let Some(_held) = self.try_hold(cluster_id) else {
            return Ok(0);
        };
        match self.cluster(cluster_id) {
            Some(cluster) => cluster.renew_certificates().await,
            None => Ok(0),
        }
    }

    async fn list(&self) -> Result<Vec<Uuid>, EngineError> {
        let mut all: BTreeSet<Uuid> = self.cluster_ids()?.into_iter().collect();
        for host in self.settings.fleet.hosts() {
            // What is on a host that cannot be asked is found another time.
            let units = host.units().await.unwrap_or_default();
            all.extend(
                units
                    .iter()
                    .filter_map(|status| Some(crate::launch::parse_unit(&status.unit)?.0)),
            );
        }
        Ok(all.into_iter().collect())
    }

    fn topics(&self) -> &dyn TopicAdmin {
        self
    }

    fn acls(&self) -> &dyn AclAdmin {
        self
    }

    fn quotas(&self) -> &dyn QuotaAdmin {
        self
    }
}
