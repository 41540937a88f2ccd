//! The engine: which clusters there are, one change of a cluster at a time, and places for their nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use clock::Clock;
use cluster_files::durable_file;
use engine::{
    AclAdmin, ClusterSpec, Engine, EngineError, Hold, IamAuthenticator, Leftovers, ObservedCluster, Progress,
    QuotaAdmin, Slot, Slots, Storage, TakesOver, TopicAdmin, chain,
};
use hosts::{Fleet, Host};
use uuid::Uuid;

use crate::{
    bundle::Bundles,
    classes::MissingArchives,
    cluster::{self, Cluster, Displaced, Settings},
    description::{Description, Layout, Phase},
    placement::Nodes,
    releases::Release,
    validate::validate,
};

/// A disk with less space than this is full for our purposes.
pub(crate) const FREE_BYTES_MIN: u64 = 64 << 20;

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
    /// This machine as one of them, where the log directories of clusters are that are taken over from other engines; `None` takes
    /// nothing over.
    pub here: Option<Arc<dyn Host>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How long after a change classes are archived on hosts where nodes had to start without an archive.
    pub archive_classes_after: Duration,
}

/// Runs clusters of Apache Kafka on the hosts of a fleet.
pub struct KafkaEngine {
    directory: PathBuf,
    pub(crate) settings: Arc<Settings>,
    pub(crate) slots: Slots<Cluster>,
    pub(crate) here: Option<Arc<dyn Host>>,
    /// Held while places are chosen and written down.
    pub(crate) allocation: tokio::sync::Mutex<()>,
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
            archive_classes_after: config.archive_classes_after,
            missing_archives: MissingArchives::default(),
        };
        let engine = Arc::new(Self {
            directory: config.directory,
            settings: Arc::new(settings),
            slots: Slots::default(),
            here: config.here,
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
        self.slots.running(cluster_id)
    }

    /// Keeps others from changing a cluster for as long as it is held; `None` while somebody does.
    pub(crate) fn try_hold(&self, cluster_id: Uuid) -> Option<Hold> {
        self.slots.try_hold(cluster_id)
    }

    pub(crate) fn layout(&self, cluster_id: Uuid) -> Layout {
        Layout::new(self.directory.join(cluster_id.to_string()))
    }

    pub(crate) fn cluster_ids(&self) -> Result<Vec<Uuid>, EngineError> {
        durable_file::cluster_ids(&self.directory)
    }

    async fn take_up(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        let layout = self.layout(cluster_id);
        match layout.read()? {
            Some(description) if ![Phase::Removing, Phase::TakingOver].contains(&description.phase) => {
                let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
                self.slots.of(cluster_id).put(cluster);
                Ok(())
            }
            // What is left of it is removed by whoever asks for that, once hosts are known.
            _ => Ok(()),
        }
    }

    async fn bring_up_and_ensure(&self, slot: &Slot<Cluster>, spec: &ClusterSpec) -> Result<(), EngineError> {
        let release = release_of(spec)?;
        let layout = self.layout(spec.cluster_id);
        let cluster = if let Some(cluster) = slot.running() {
            cluster
        } else {
            let description = match layout.read()? {
                Some(description) if description.phase == Phase::TakingOver => {
                    return Err(EngineError::Unsupported {
                        reason: format!("cluster {:?} has been taken over in part only", spec.cluster_name),
                    });
                }
                Some(description) if description.phase != Phase::Removing => description,
                _ => self.create(&layout, spec, release).await?,
            };
            let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
            slot.put(Arc::clone(&cluster));
            cluster
        };
        cluster.refuse_to_go_back(spec)?;
        let begun = {
            // Held until the places are written down: nobody else may choose the same.
            let _allocation = self.allocation.lock().await;
            let nodes = self.place(spec, &cluster.description().nodes, None).await?;
            cluster.begin(spec, nodes, release).await?
        };
        cluster.ensure(spec, begun).await
    }

    /// Moves one node that is not where it should be, and whatever follows from that. Returns whether there was one.
    async fn relocate_one(&self, slot: &Slot<Cluster>, spec: &ClusterSpec) -> Result<bool, EngineError> {
        let Some(cluster) = slot.running() else {
            return Ok(false);
        };
        let id = match cluster.displaced() {
            None => return Ok(false),
            Some(Displaced::Unsettled) => {
                self.bring_up_and_ensure(slot, spec).await?;
                return Ok(true);
            }
            Some(Displaced::OnDrainingHost(id)) => id,
        };
        cluster.leave_classes().await;
        // Before anything is stopped: is there a place at all?
        self.place(spec, &cluster.description().nodes, Some(id)).await?;
        cluster.vacate(id).await?;
        let begun = {
            let _allocation = self.allocation.lock().await;
            match self.place(spec, &cluster.description().nodes, Some(id)).await {
                Ok(nodes) => cluster.begin(spec, nodes, release_of(spec)?).await?,
                Err(error) => {
                    cluster.start_again(id).await?;
                    return Err(error);
                }
            }
        };
        cluster.ensure(spec, begun).await?;
        Ok(true)
    }

    /// Chooses places and writes them down.
    async fn create(&self, layout: &Layout, spec: &ClusterSpec, release: Release) -> Result<Description, EngineError> {
        cluster::remove(&self.settings, layout, spec.cluster_id).await?;
        let _allocation = self.allocation.lock().await;
        let nodes = self.place(spec, &Nodes::new(), None).await?;
        let principal = format!("openmsk-{}", Uuid::new_v4().simple());
        let description = Description::new(spec, release.number, nodes, principal);
        durable_file::create_directory(layout.root())?;
        layout.write(&description)?;
        Ok(description)
    }

    /// A first creation that failed for good leaves nothing behind.
    async fn undo_failed_creation(&self, slot: &Slot<Cluster>, cluster_id: Uuid, error: &EngineError) {
        if matches!(error, EngineError::Timeout { .. }) {
            return;
        }
        let layout = self.layout(cluster_id);
        let phase = layout.read().ok().flatten().map(|description| description.phase);
        if phase.is_none_or(|phase| phase == Phase::Creating) {
            slot.take();
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
        match image.widest_topic() {
            Some((topic, replicas)) if usize::try_from(spec.broker_count).is_ok_and(|brokers| brokers < replicas) => {
                Err(EngineError::too_few_brokers(
                    &spec.cluster_name,
                    spec.broker_count,
                    &topic,
                    replicas,
                ))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn release_of(spec: &ClusterSpec) -> Result<Release, EngineError> {
    Release::of(&spec.kafka_version).ok_or_else(|| EngineError::Unsupported {
        reason: format!(
            "there is no release of Apache Kafka for version {:?}",
            spec.kafka_version
        ),
    })
}

#[async_trait]
impl Engine for KafkaEngine {
    fn name(&self) -> &'static str {
        "apache-kafka"
    }

    fn validate(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        validate(spec)?;
        if let Some(cluster) = self.cluster(spec.cluster_id) {
            return cluster.refuse_to_go_back(spec);
        }
        self.check_place(spec)
    }

    async fn ensure(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        validate(spec)?;
        let slot = self.slots.of(spec.cluster_id);
        let _held = slot.hold().await;
        self.refuse_to_shrink(spec).await?;
        let ensuring = self.bring_up_and_ensure(&slot, spec);
        let ensured = slot.unless_removed(&spec.cluster_name, ensuring).await?;
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
        if [Phase::Removing, Phase::TakingOver].contains(&description.phase) {
            return Ok(Some(cluster::at_rest(&description)));
        }
        let cluster = Cluster::open(Arc::clone(&self.settings), layout, description).await?;
        cluster.observe().await.map(Some)
    }

    async fn remove(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        let slot = self.slots.of(cluster_id);
        let _held = slot.hold_to_remove().await;
        if let Some(cluster) = slot.take() {
            cluster.leave_classes().await;
        }
        let removed = cluster::remove(&self.settings, &self.layout(cluster_id), cluster_id).await;
        self.slots.removed(cluster_id, &slot, removed)
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

    async fn relocate(&self, spec: &ClusterSpec) -> Result<bool, EngineError> {
        validate(spec)?;
        let Some(_held) = self.try_hold(spec.cluster_id) else {
            return Ok(false);
        };
        let slot = self.slots.of(spec.cluster_id);
        let relocating = self.relocate_one(&slot, spec);
        let relocated = slot.unless_removed(&spec.cluster_name, relocating).await?;
        if relocated.is_err()
            && let Some(cluster) = slot.running()
        {
            cluster.report_nothing();
        }
        relocated
    }

    fn placed(&self) -> Result<BTreeMap<Uuid, usize>, EngineError> {
        let mut counts = BTreeMap::new();
        for cluster_id in self.cluster_ids()? {
            for node in self
                .layout(cluster_id)
                .read()?
                .iter()
                .flat_map(|found| found.nodes.values())
            {
                *counts.entry(node.host_id).or_default() += 1;
            }
        }
        Ok(counts)
    }

    async fn leftovers(&self, remove: bool) -> Result<Leftovers, EngineError> {
        self.find_leftovers(remove).await
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

    fn takes_over(&self) -> Option<&dyn TakesOver> {
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
