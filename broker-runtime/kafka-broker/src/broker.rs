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
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    config::BrokerConfig,
    controller::ControllerClient,
    groups::GroupManager,
    kafka_version::KafkaVersion,
    metadata::MetadataCache,
    metrics::Metrics,
    partition::{LogStore, PartitionRegistry, Volume},
    replication::{FetchSessions, IsrChanges, ReplicaFetchers},
    security::Authorizer,
    settings::Settings,
};

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
    /// Producer ids the controller gave to this broker, and that no producer has yet (KIP-730).
    pub(crate) producer_ids: tokio::sync::Mutex<std::ops::Range<i64>>,
    /// Cancelled when the broker stops.
    pub shutdown: CancellationToken,
    /// Who may do what.
    pub(crate) authorizer: Authorizer,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Log directories.
    pub(crate) store: LogStore,
    /// How large they may become.
    pub(crate) volume: Volume,
    /// Follows other brokers.
    pub(crate) fetchers: ReplicaFetchers,
    /// Takes ISR changes to the controller.
    pub(crate) isr_changes: IsrChanges,
    /// Fetch sessions of clients and followers.
    pub(crate) fetch_sessions: FetchSessions,
    /// How other brokers are reached.
    pub(crate) peer_options: ConnectionOptions,
    /// Memory for unfinished requests, in units of [`BUDGET_UNIT_BYTES`](crate::connection::BUDGET_UNIT_BYTES).
    pub(crate) request_memory: Arc<Semaphore>,
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

    /// Milliseconds since the broker started.
    pub(crate) fn uptime_ms(&self) -> i64 {
        let uptime = self.clock.monotonic().saturating_duration_since(self.started);
        i64::try_from(uptime.as_millis()).unwrap_or(i64::MAX)
    }
}
