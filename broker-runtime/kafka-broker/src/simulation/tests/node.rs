//! One broker of a simulation: a disk that stays, and a process that comes and goes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use clock::Clock;
use kafka_log::{Log, LogConfig, LogDir, LogDirConfig};
use kafka_metadata::{
    BrokerEpoch, BrokerId, MetadataImage, MetadataOffset, MetadataRecord, PartitionState, TopicId,
    rpc::ControllerResponse,
};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::{clock::SimulatedClock, disk::SimulatedDisk};
use crate::{
    config::BrokerConfig,
    controller::ControllerClient,
    metadata::MetadataCache,
    metrics::Metrics,
    partition::{Flusher, OpenedLog, Partition, PartitionContext},
    replication::{Followed, IsrChanges, Submission},
    settings::TopicSettings,
};

/// Id of the simulated cluster.
pub(super) const CLUSTER: &str = "simulation";
/// Its only topic.
pub(super) const TOPIC: &str = "orders";
/// `replica.lag.time.max.ms`.
const LAG_TIME_MAX_MS: i64 = 1_000;

/// A broker, running or not.
pub(super) struct Node {
    pub(super) id: BrokerId,
    pub(super) disk: Arc<SimulatedDisk>,
    /// How often it got another disk.
    pub(super) disks: u32,
    directory: PathBuf,
    /// How often its process was started.
    pub(super) lives: u32,
    /// How often its machine was started.
    pub(super) boots: u32,
    pub(super) process: Option<Process>,
}

/// What a replica follows, and the fetch it waits for.
pub(super) struct Following {
    pub(super) leader: BrokerId,
    pub(super) followed: Followed,
    pub(super) asked: Option<u64>,
}

/// A running broker.
pub(super) struct Process {
    dir: LogDir,
    loaded: HashMap<(TopicId, i32), Arc<Log>>,
    pub(super) flusher: Arc<Flusher<Partition>>,
    metadata: Arc<MetadataCache>,
    pub(super) controller: Arc<ControllerClient>,
    isr: IsrChanges,
    pub(super) submissions: UnboundedReceiver<Submission>,
    metrics: Arc<Metrics>,
    clock: SimulatedClock,
    started: Instant,
    broker_id: BrokerId,
    pub(super) image: MetadataImage,
    /// Connected with the controller.
    pub(super) attached: bool,
    /// Everything that it has missed comes in one message.
    pub(super) missed: bool,
    pub(super) partitions: BTreeMap<i32, Arc<Partition>>,
    pub(super) following: BTreeMap<i32, Following>,
}

impl Node {
    pub(super) fn new(id: i32, directory: PathBuf) -> Self {
        Self {
            id: BrokerId(id),
            disk: Arc::default(),
            disks: 0,
            directory,
            lives: 0,
            boots: 0,
            process: None,
        }
    }

    /// Id of the log directory on the disk that it has now.
    pub(super) fn directory_id(&self) -> Uuid {
        Uuid::from_u64_pair(u64::from(self.id.0.unsigned_abs()), u64::from(self.disks))
    }

    /// Starts its process, which recovers its logs.
    pub(super) fn start(&mut self, clock: &SimulatedClock) -> anyhow::Result<()> {
        self.lives += 1;
        let identity = LogDirConfig {
            cluster_id: CLUSTER.to_owned(),
            node_id: self.id.0,
            directory_id: Some(self.directory_id()),
            data_key: None,
        };
        let (dir, found) = LogDir::open_on(Arc::clone(&self.disk) as _, &self.directory, identity)?;
        let mut loaded = HashMap::new();
        for found in found {
            if let Some(topic_id) = found.topic_id {
                let log = dir.load_log(&found, LogConfig::default())?;
                loaded.insert((TopicId(topic_id), found.partition), log);
            }
        }
        let metadata = Arc::new(MetadataCache::new());
        let controller = Arc::new(ControllerClient::new(self.id));
        let (isr, submissions) = IsrChanges::unattended(Arc::clone(&metadata), Arc::clone(&controller));
        self.process = Some(Process {
            dir,
            loaded,
            flusher: Arc::new(Flusher::idle()),
            metadata,
            controller,
            isr,
            submissions,
            metrics: Arc::new(Metrics::new(&config(self.id))),
            clock: clock.clone(),
            started: clock.monotonic(),
            broker_id: self.id,
            image: MetadataImage::default(),
            attached: false,
            missed: false,
            partitions: BTreeMap::new(),
            following: BTreeMap::new(),
        });
        Ok(())
    }
}

fn config(broker_id: BrokerId) -> BrokerConfig {
    BrokerConfig {
        cluster_id: CLUSTER.to_owned(),
        broker_id,
        rack: None,
        log_dirs: Vec::new(),
        encryption: None,
        listeners: Vec::new(),
        tls: None,
        controller_socket: PathBuf::new(),
        server_properties: BTreeMap::new(),
        version: "4.1.x".to_owned(),
        vcpus: None,
        memory_bytes: None,
        jmx_exporter: None,
        node_exporter: None,
        reboots: 0,
        runtime_restart: None,
    }
}

/// Small segments, so that a few records fill several.
fn settings() -> TopicSettings {
    let own = [
        ("min.insync.replicas", "2"),
        ("segment.bytes", "1500"),
        ("index.interval.bytes", "200"),
        ("retention.ms", "-1"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    TopicSettings::from_maps(&BTreeMap::from(own), &BTreeMap::new())
}

impl Process {
    /// The controller knows this process.
    pub(super) fn registered(&mut self, broker_epoch: BrokerEpoch) {
        self.controller
            .answered(0, Ok(ControllerResponse::Registered { broker_epoch }));
        (self.attached, self.missed) = (true, true);
    }

    /// Takes over records of the metadata log, as `controller/apply.rs` does.
    pub(super) fn apply(&mut self, first_offset: i64, records: &[MetadataRecord]) -> anyhow::Result<()> {
        let mut touched = BTreeSet::new();
        for (offset, record) in (first_offset..).zip(records) {
            if offset < self.image.next_offset().0 {
                continue;
            }
            if let MetadataRecord::Partition { partition, .. } = record {
                touched.insert(*partition);
            }
            self.image.apply(MetadataOffset(offset), record);
        }
        let image = Arc::new(self.image.clone());
        for index in touched {
            if let Some(state) = image.partition(TOPIC, index) {
                self.place(&image, index, state)?;
            }
        }
        self.metadata.publish(image);
        Ok(())
    }

    fn place(&mut self, image: &MetadataImage, index: i32, state: &PartitionState) -> anyhow::Result<()> {
        if !state.replicas.contains(&self.broker_id) {
            self.following.remove(&index);
            if let Some(partition) = self.partitions.remove(&index) {
                partition.retire();
                self.dir.delete_log(partition.log())?;
            }
            return Ok(());
        }
        let partition = match self.partitions.get(&index) {
            Some(held) => Arc::clone(held),
            None => self.open(image.topics[TOPIC].topic_id, index)?,
        };
        if partition.assume_role(state)? {
            partition.request_flush();
        }
        let leader = state.leader.filter(|_| !partition.is_leader());
        let Some(leader) = leader else {
            self.following.remove(&index);
            return Ok(());
        };
        let leader_epoch = state.leader_epoch;
        let same = |before: &Following| (before.leader, before.followed.leader_epoch) == (leader, leader_epoch);
        if !self.following.get(&index).is_some_and(same) {
            let followed = Followed {
                partition,
                leader_epoch,
            };
            let following = Following {
                leader,
                followed,
                asked: None,
            };
            self.following.insert(index, following);
        }
        Ok(())
    }

    pub(super) fn open(&mut self, topic_id: TopicId, index: i32) -> anyhow::Result<Arc<Partition>> {
        let settings = settings();
        let log = match self.loaded.remove(&(topic_id, index)) {
            Some(log) => {
                log.configure(settings.log.clone());
                log
            }
            None => self.dir.create_log(TOPIC, topic_id.0, index, settings.log.clone())?,
        };
        let opened = OpenedLog {
            log,
            flusher: Arc::clone(&self.flusher),
            directory: 0,
        };
        let context = PartitionContext {
            broker_id: self.broker_id,
            clock: Arc::new(self.clock.clone()),
            started: self.started,
            flusher: Arc::clone(&self.flusher),
            isr: self.isr.clone(),
            replica_lag_time_max_ms: LAG_TIME_MAX_MS,
            metrics: Arc::clone(&self.metrics),
        };
        let partition = Partition::new((Arc::from(TOPIC), topic_id, index), opened, settings, context);
        let partition = Arc::new(partition);
        self.partitions.insert(index, Arc::clone(&partition));
        Ok(partition)
    }

    /// Milliseconds since it was started.
    pub(super) fn uptime_ms(&self, now: Instant) -> i64 {
        let uptime = now.saturating_duration_since(self.started);
        i64::try_from(uptime.as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn checkpoint(&self) -> anyhow::Result<()> {
        Ok(self.dir.checkpoint()?)
    }

    /// Ends in good order.
    pub(super) fn close(self) -> anyhow::Result<()> {
        while self.flusher.flush_one() {}
        Ok(self.dir.clean_shutdown(self.clock.now_ms())?)
    }
}
