//! The engine: which clusters there are, one change of a cluster at a time.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use clock::Clock;
use cluster_files::durable_file;
use engine::{
    AclAdmin, ClusterSpec, Engine, EngineError, HandsOver, Hold, IamAuthenticator, ObservedCluster, Progress,
    QuotaAdmin, Reach, Slot, Slots, Storage, TopicAdmin, TopicError, chain,
};
use kms::KeyStore;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    addresses::{self, AddressBlock, BROKERS_MAX, Plan, PortTaken, SHARED_BROKERS_MAX, SharedPorts, open_ports},
    cluster::{self, Cluster, Description, Layout, Phase, Settings},
};

/// What the engine needs to know of the world.
#[derive(Clone, Debug)]
pub struct EmbeddedEngineConfig {
    /// Directory of the clusters' directories; created when missing.
    pub directory: PathBuf,
    /// Directory of the keys that users name for encryption at rest; created when a cluster needs one.
    pub keys: PathBuf,
    /// The program whose subcommand `broker` runs a broker.
    pub program: PathBuf,
    /// The whole environment of brokers.
    pub broker_environment: Vec<(OsString, OsString)>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How often logs of brokers are delivered, where they are.
    pub log_delivery_interval: Duration,
}

/// Runs clusters on this machine.
#[derive(Debug)]
pub struct EmbeddedEngine {
    directory: PathBuf,
    pub(crate) settings: Arc<Settings>,
    pub(crate) slots: Slots<Cluster>,
    /// Held while a block of addresses is chosen and written down.
    allocation: tokio::sync::Mutex<()>,
}

impl EmbeddedEngine {
    /// Takes up everything that is there: controllers are started, brokers that run are adopted, others started. A
    /// cluster that cannot be taken up does not keep the others from it; it is tried again by `ensure`.
    pub async fn open(config: EmbeddedEngineConfig) -> Result<Arc<Self>, EngineError> {
        durable_file::create_directory(&config.directory)?;
        let settings = Settings {
            keys: KeyStore::new(config.keys),
            program: config.program,
            environment: config.broker_environment,
            clock: config.clock,
            log_delivery_interval: config.log_delivery_interval,
            authenticator: Arc::default(),
        };
        let engine = Arc::new(Self {
            directory: config.directory,
            settings: Arc::new(settings),
            slots: Slots::default(),
            allocation: tokio::sync::Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for cluster_id in durable_file::cluster_ids(&engine.directory)? {
            let engine = Arc::clone(&engine);
            tasks.spawn(async move { engine.take_up(cluster_id).await });
        }
        tasks.join_all().await;
        Ok(engine)
    }

    /// Ends what runs in this process. Brokers go on.
    pub async fn close(&self) {
        for slot in self.slots.drain() {
            let _held = slot.hold().await;
            if let Some(cluster) = slot.take() {
                cluster.close().await;
            }
        }
    }

    /// The running cluster, for topic administration.
    pub(crate) fn cluster(&self, cluster_id: Uuid) -> Result<Arc<Cluster>, TopicError> {
        let running = self.slots.running(cluster_id);
        running.ok_or_else(|| TopicError::ClusterConnectivity(format!("cluster {cluster_id} does not run")))
    }

    /// Keeps others from changing a cluster for as long as it is held; `None` while somebody does.
    pub(crate) fn try_hold(&self, cluster_id: Uuid) -> Option<Hold> {
        self.slots.try_hold(cluster_id)
    }

    pub(crate) fn layout(&self, cluster_id: Uuid) -> Layout {
        Layout::new(self.directory.join(cluster_id.to_string()))
    }

    /// After a start of the runtime.
    async fn take_up(&self, cluster_id: Uuid) {
        let slot = self.slots.of(cluster_id);
        let _held = slot.hold().await;
        let layout = self.layout(cluster_id);
        let taken_up = async {
            match Description::read(&layout)? {
                // It waits for the engine that is to have it, or for a call that takes it back.
                Some(description) if description.phase == Phase::HandingOver => Ok(()),
                Some(description) if description.phase == Phase::HandedOver => {
                    cluster::forget(&layout, description).await
                }
                Some(description) if description.phase != Phase::Removing => {
                    let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
                    slot.put(cluster);
                    Ok(())
                }
                Some(_) | None => cluster::remove(&layout, None, &*self.settings.clock).await,
            }
        };
        let result: Result<(), EngineError> = taken_up.await;
        if let Err(error) = result {
            tracing::error!(%cluster_id, error = %chain(&error), "cluster was not taken up");
        }
    }

    /// Opens the cluster or begins to create it.
    async fn bring_up(&self, slot: &Slot<Cluster>, spec: &ClusterSpec) -> Result<Arc<Cluster>, EngineError> {
        if let Some(cluster) = slot.running() {
            return Ok(cluster);
        }
        let layout = self.layout(spec.cluster_id);
        let description = match Description::read(&layout)? {
            Some(description) if [Phase::HandingOver, Phase::HandedOver].contains(&description.phase) => {
                return Err(EngineError::Unsupported {
                    reason: format!("another engine has cluster {:?}, or is about to", spec.cluster_name),
                });
            }
            Some(description) if description.phase != Phase::Removing => description,
            Some(_) | None => {
                cluster::remove(&layout, None, &*self.settings.clock).await?;
                self.create(&layout, spec).await?
            }
        };
        let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
        slot.put(Arc::clone(&cluster));
        Ok(cluster)
    }

    async fn bring_up_and_ensure(&self, slot: &Slot<Cluster>, spec: &ClusterSpec) -> Result<(), EngineError> {
        let cluster = self.bring_up(slot, spec).await?;
        if spec.reach != Reach::default() && cluster.description().shared_ports.is_none() {
            // Held until they are written down: nobody else may choose the same.
            let _allocation = self.allocation.lock().await;
            let ports = self.choose_shared_ports(spec, &cluster.description())?;
            cluster.share_ports(ports).await?;
        }
        cluster.ensure(spec).await
    }

    /// Chooses ports on addresses that clusters share.
    fn choose_shared_ports(&self, spec: &ClusterSpec, description: &Description) -> Result<SharedPorts, EngineError> {
        let reserved = self
            .descriptions()?
            .into_iter()
            .filter_map(|other| other.shared_ports)
            .collect();
        let plan = Plan {
            listeners: spec.listeners,
            exporters: spec.exporters,
            block: description.block,
            reach: spec.reach,
            shared: None,
        };
        let shared = plan.shared_addresses();
        let sockets = |ports| {
            let plan = Plan {
                shared: Some(ports),
                ..plan
            };
            let all = (1..=spec.broker_count)
                .filter_map(|id| i32::try_from(id).ok())
                .flat_map(|id| plan.endpoints(id));
            all.map(|endpoint| endpoint.address)
                .filter(|address| shared.contains(&address.ip()))
                .collect()
        };
        addresses::choose_shared(spec.cluster_id, sockets, &reserved).map_err(PortTaken::into_error)
    }

    /// Chooses a block of addresses and writes it down.
    async fn create(&self, layout: &Layout, spec: &ClusterSpec) -> Result<Description, EngineError> {
        check_space(&self.directory)?;
        let _allocation = self.allocation.lock().await;
        let reserved = self.reserved_blocks()?;
        let ports = open_ports(spec.listeners, spec.exporters);
        let chosen = addresses::choose(spec.cluster_id, spec.broker_count, &ports, &reserved);
        let description = Description::new(spec, chosen.map_err(PortTaken::into_error)?);
        durable_file::create_directory(layout.root())?;
        description.write(layout)?;
        Ok(description)
    }

    fn reserved_blocks(&self) -> Result<BTreeSet<AddressBlock>, EngineError> {
        Ok(self.descriptions()?.into_iter().map(|other| other.block).collect())
    }

    /// Of all clusters. One that cannot be read is in nobody's way: it does not run.
    fn descriptions(&self) -> Result<Vec<Description>, EngineError> {
        let all = durable_file::cluster_ids(&self.directory)?.into_iter();
        Ok(all
            .filter_map(|cluster_id| Description::read(&self.layout(cluster_id)).ok().flatten())
            .collect())
    }

    async fn tear_down(&self, slot: &Slot<Cluster>, cluster_id: Uuid) -> Result<(), EngineError> {
        let running = slot.take();
        let removed = cluster::remove(&self.layout(cluster_id), running.as_ref(), &*self.settings.clock).await;
        if removed.is_err() {
            // Nothing supervises it any more; the next attempt works from the directory.
            tracing::warn!(%cluster_id, "cluster was removed in part only");
        }
        removed
    }

    /// A first creation that failed for good leaves nothing behind.
    async fn undo_failed_creation(&self, slot: &Slot<Cluster>, cluster_id: Uuid, error: &EngineError) {
        let for_good = !matches!(error, EngineError::Timeout { .. });
        let phase = Description::read(&self.layout(cluster_id))
            .ok()
            .flatten()
            .map(|description| description.phase);
        let half_made = phase.is_none_or(|phase| phase == Phase::Creating);
        if for_good
            && half_made
            && let Err(error) = self.tear_down(slot, cluster_id).await
        {
            tracing::warn!(%cluster_id, error = %chain(&error), "half-made cluster was not removed");
        }
    }
}

/// A disk with less space than this is full for our purposes.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Refuses to make a cluster on a full disk: its brokers would fail one by one.
fn check_space(directory: &Path) -> Result<(), EngineError> {
    let free = room(directory)?.free_bytes;
    if free >= FREE_BYTES_MIN {
        return Ok(());
    }
    Err(EngineError::Environment {
        problem: format!(
            "the disk of {} is full: {} MiB are free",
            directory.display(),
            free / (1024 * 1024)
        ),
        remedy: format!("free at least {} MiB, then try again", FREE_BYTES_MIN / (1024 * 1024)),
    })
}

fn room(directory: &Path) -> Result<Storage, EngineError> {
    let stat = rustix::fs::statvfs(directory)
        .map_err(|error| durable_file::file_error("examined", directory, error.into()))?;
    Ok(Storage {
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        free_bytes_min: FREE_BYTES_MIN,
    })
}

impl EmbeddedEngine {
    /// What holds for every cluster, also for one that was made when more was accepted.
    fn check(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let refuse = |reason: String| Err(EngineError::Unsupported { reason });
        let name = &spec.cluster_name;
        if !(1..=BROKERS_MAX).contains(&spec.broker_count) {
            return refuse(format!(
                "cluster {name:?} cannot have {} brokers: the embedded engine runs 1 to {BROKERS_MAX}",
                spec.broker_count
            ));
        }
        if spec.zones.is_empty() {
            return refuse(format!("cluster {name:?} has no zones"));
        }
        let listeners = spec.listeners;
        if !(listeners.plaintext || listeners.tls || listeners.sasl_scram || listeners.sasl_iam) {
            return refuse(format!("cluster {name:?} has no listener that is open to clients"));
        }
        if spec.reach != Reach::default() && spec.broker_count > SHARED_BROKERS_MAX {
            return refuse(format!(
                "cluster {name:?} cannot have {} brokers and a public or IPv6 address: there are ports for {SHARED_BROKERS_MAX}",
                spec.broker_count
            ));
        }
        let running = self.slots.running(spec.cluster_id);
        if let Some(cluster) = &running
            && let Some((topic, replicas)) = cluster.image().widest_topic()
            && usize::try_from(spec.broker_count).is_ok_and(|brokers| brokers < replicas)
        {
            return Err(EngineError::too_few_brokers(name, spec.broker_count, &topic, replicas));
        }
        if let Some(cluster) = &running
            && let Some(reason) = cluster::too_crowded(&cluster.image(), cluster.description().resources, spec)
        {
            return refuse(reason);
        }
        Ok(())
    }
}

#[async_trait]
impl Engine for EmbeddedEngine {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn validate(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let mut properties = spec.server_properties.iter();
        if let Some(reason) = properties.find_map(|(name, value)| server_properties::refusal(name, value)) {
            return Err(EngineError::Unsupported { reason });
        }
        self.check(spec)
    }

    async fn ensure(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        self.check(spec)?;
        let slot = self.slots.of(spec.cluster_id);
        let _held = slot.hold().await;
        let ensuring = self.bring_up_and_ensure(&slot, spec);
        let ensured = slot.unless_removed(&spec.cluster_name, ensuring).await?;
        if let Err(error) = &ensured {
            self.undo_failed_creation(&slot, spec.cluster_id, error).await;
        }
        ensured
    }

    fn authenticate_with(&self, authenticator: Arc<dyn IamAuthenticator>) {
        // The first one stays: there is one control plane.
        let _ = self.settings.authenticator.set(authenticator);
    }

    fn progress(&self, cluster_id: Uuid) -> Option<Progress> {
        self.slots.running(cluster_id)?.progress()
    }

    async fn observe(&self, cluster_id: Uuid) -> Result<Option<ObservedCluster>, EngineError> {
        match self.slots.running(cluster_id) {
            Some(cluster) => cluster.observe().await.map(Some),
            None => cluster::observe_at_rest(self.layout(cluster_id)).await,
        }
    }

    async fn remove(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        let slot = self.slots.of(cluster_id);
        let _held = slot.hold_to_remove().await;
        let removed = self.tear_down(&slot, cluster_id).await;
        self.slots.removed(cluster_id, &slot, removed)
    }

    async fn rebalance(&self, cluster_id: Uuid) -> Result<usize, EngineError> {
        let Some(_held) = self.try_hold(cluster_id) else {
            return Ok(0);
        };
        match self.slots.running(cluster_id) {
            Some(cluster) => cluster.move_some().await,
            None => Ok(0),
        }
    }

    fn storage(&self) -> Result<Storage, EngineError> {
        room(&self.directory)
    }

    async fn renew_certificates(&self, cluster_id: Uuid) -> Result<usize, EngineError> {
        let Some(_held) = self.try_hold(cluster_id) else {
            return Ok(0);
        };
        match self.slots.running(cluster_id) {
            Some(cluster) => cluster.renew_certificates().await,
            None => Ok(0),
        }
    }

    async fn list(&self) -> Result<Vec<Uuid>, EngineError> {
        durable_file::cluster_ids(&self.directory)
    }

    fn hands_over(&self) -> Option<&dyn HandsOver> {
        Some(self)
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
