//! What all parts of a broker share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use clock::Clock;
use kafka_client::ConnectionOptions;
use kafka_codec::ErrorCode;
use kafka_metadata::MetadataImage;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    config::BrokerConfig,
    connection::{ConnectionLimits, MemoryBudget, OwnCertificate},
    controller::ControllerClient,
    groups::GroupManager,
    handlers::RefusedBatches,
    kafka_version::KafkaVersion,
    loggers::Loggers,
    metadata::MetadataCache,
    metrics::Metrics,
    partition::{LogStore, PartitionRegistry, Volume},
    peers::Peers,
    producer_ids::ProducerIds,
    quotas::ClientQuotas,
    replication::{FetchSessions, IsrChanges, LostLeaders, ReplicaFetchers, ReplicationThrottles},
    security::Authorizer,
    settings::{Settings, dynamic_text},
    transactions::TransactionManager,
};

/// Whether leaders verify transactions; it may change while the broker runs.
const VERIFICATION_ENABLE: &str = "transaction.partition.verification.enable";

/// One broker. Handlers get it as `&Arc<Broker>`.
pub struct Broker {
    /// As read at start.
    pub config: BrokerConfig,
    /// The server properties as numbers.
    pub settings: Settings,
    /// The version of Kafka that the cluster has.
    pub(crate) kafka_version: &'static KafkaVersion,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
    /// Cluster metadata: `broker.metadata.image()`.
    pub metadata: Arc<MetadataCache>,
    /// Partitions this broker holds a replica of: `broker.partitions.get(topic, index)`.
    pub partitions: PartitionRegistry,
    /// Asks the controller: `broker.controller.call(request).await`.
    pub controller: Arc<ControllerClient>,
    /// The group coordinator.
    pub groups: GroupManager,
    /// The transaction coordinator.
    pub transactions: TransactionManager,
    /// Producer ids the controller gave to this broker, and that no producer has yet.
    pub(crate) producer_ids: ProducerIds,
    /// Asks other brokers.
    pub(crate) peers: Peers,
    /// Cancelled when the broker stops.
    pub shutdown: CancellationToken,
    /// Who may do what.
    pub(crate) authorizer: Authorizer,
    /// How much clients may ask for.
    pub(crate) quotas: ClientQuotas,
    /// How many connections there may be.
    pub(crate) connections: Arc<ConnectionLimits>,
    /// How fast replicas catch up.
    pub(crate) throttles: ReplicationThrottles,
    /// Which lines are logged.
    pub(crate) loggers: Arc<Loggers>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Log directories.
    pub(crate) store: LogStore,
    /// How large they may become.
    pub(crate) volume: Volume,
    /// What producers were refused lately.
    pub(crate) refused_batches: RefusedBatches,
    /// What it shows in handshakes.
    pub(crate) certificate: OwnCertificate,
    /// Follows other brokers.
    pub(crate) fetchers: ReplicaFetchers,
    /// Leaders that have just been lost.
    pub(crate) lost_leaders: LostLeaders,
    /// Takes ISR changes to the controller.
    pub(crate) isr_changes: IsrChanges,
    /// Fetch sessions of clients and followers.
    pub(crate) fetch_sessions: FetchSessions,
    /// How other brokers are reached.
    pub(crate) peer_options: ConnectionOptions,
    /// Memory for unfinished requests.
    pub(crate) request_memory: MemoryBudget,
    /// Memory for records that clients have asked for and not read yet.
    pub(crate) reply_memory: MemoryBudget,
    /// Beginning of monotonic time.
    pub(crate) started: Instant,
    /// State of the controlled shutdown.
    pub(crate) stopping: Stopping,
}

/// How far a controlled shutdown has come.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    wanted: AtomicBool,
    allowed: AtomicBool,
    changed: Notify,
}

impl Stopping {
    /// Asks for it: the next heartbeats say so.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Release);
    }

    /// It was asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// The controller has moved the leaderships away.
    pub(crate) fn allow(&self) {
        self.allowed.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Waits for [`Self::allow`].
    pub(crate) async fn allowed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.allowed.load(Ordering::Acquire) {
                return;
            }
            changed.await;
        }
    }
}

impl Broker {
    /// The version of Kafka that the cluster has.
    pub(crate) fn kafka_version(&self) -> &'static KafkaVersion {
        self.kafka_version
    }

    /// The controller counts on this broker, and `image` shows it: an image that is still being caught up does not know all
    /// topics there are.
    pub(crate) fn is_current(&self, image: &MetadataImage) -> bool {
        let registered = image.brokers.get(&self.config.broker_id);
        registered.is_some_and(|broker| !broker.fenced && broker.broker_epoch == self.controller.broker_epoch())
    }

    /// Kafka's code for a partition of which there is no replica here.
    pub(crate) fn absent_partition_code(&self, topic: &str, partition: i32) -> ErrorCode {
        if self.metadata.image().partition(topic, partition).is_some() {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::UnknownTopicOrPartition
        }
    }

    /// Leaders verify that transactions are open before they take records of them
    /// (`transaction.partition.verification.enable`).
    pub(crate) fn verifies_transactions(&self) -> bool {
        let image = self.metadata.image();
        let properties = &self.config.server_properties;
        let value = dynamic_text(&image, self.config.broker_id, properties, VERIFICATION_ENABLE);
        value.is_none_or(|value| value.trim() != "false")
    }

    /// Milliseconds since the broker started.
    pub(crate) fn uptime_ms(&self) -> i64 {
        let uptime = self.clock.monotonic().saturating_duration_since(self.started);
        i64::try_from(uptime.as_millis()).unwrap_or(i64::MAX)
    }
}
