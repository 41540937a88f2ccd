//! A broker's life: open the logs, bind the listeners, register, serve, and stop in order.

use std::{fs, future::Future, sync::Arc, time::Duration};

use clock::Clock;
use kafka_client::{ConnectionOptions, TlsOptions};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    broker::{Broker, Stopping},
    config::{BrokerConfig, ListenerName},
    connection::{BoundListener, ConnectionLimits, MemoryBudget, OwnCertificate, TlsIdentity},
    controller::{ControllerClient, Incarnation, controlled_shutdown, stay_connected},
    error::BrokerError,
    exporters,
    groups::GroupManager,
    handlers::RefusedBatches,
    kafka_version::KafkaVersion,
    loggers::Loggers,
    maintenance,
    metadata::MetadataCache,
    metrics::Metrics,
    partition::{LogStore, PartitionRegistry, Volume},
    peers::Peers,
    producer_ids::ProducerIds,
    quotas::ClientQuotas,
    replication::{FetchSessions, IsrChanges, LostLeaders, ReplicaFetchers, ReplicationThrottles},
    security::Authorizer,
    settings::{Settings, SocketSettings},
    transactions::TransactionManager,
};

/// Where Linux tells which boot this is.
const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

/// How long connections get to write their last replies.
const CONNECTIONS_WAIT: Duration = Duration::from_secs(2);

/// Limit for reaching another broker.
const PEER_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Records in replies that clients have not read yet may hold this much memory.
const REPLY_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Runs a broker until SIGTERM or SIGINT, then shuts it down in an orderly way. Needs a multi-threaded tokio runtime.
pub async fn run(config: BrokerConfig, clock: Arc<dyn Clock>, loggers: Arc<Loggers>) -> Result<(), BrokerError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(BrokerError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(BrokerError::System)?;
    let asked = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    run_until(config, clock, loggers, asked).await
}

/// Runs a broker until `asked` completes.
pub async fn run_until(
    config: BrokerConfig,
    clock: Arc<dyn Clock>,
    loggers: Arc<Loggers>,
    asked: impl Future<Output = ()>,
) -> Result<(), BrokerError> {
    config.check()?;
    let identity = config.tls.as_ref().map(TlsIdentity::load).transpose()?;
    // Listeners are bound before anything else is done, so that a taken port is found at once; connections wait in the
    // kernel until the broker knows the cluster.
    let sockets = SocketSettings::read(&config.server_properties);
    let listeners = config
        .listeners
        .iter()
        .map(|listener| BoundListener::bind(listener, identity.as_ref(), &sockets))
        .collect::<Result<Vec<_>, _>>()?;
    let broker = Arc::new(build(config, clock, loggers, identity)?);
    let tasks = TaskTracker::new();
    tasks.spawn(stay_connected(Arc::clone(&broker), incarnation()));
    maintenance::start(&broker, &tasks);
    exporters::start(&broker, &tasks);
    tokio::pin!(asked);
    let ready = async {
        known(&broker).await;
        for listener in listeners {
            tasks.spawn(listener.accept(Arc::clone(&broker), tasks.clone()));
        }
        info!(broker = %broker.config.broker_id, "broker serves");
        broker.store.report_strays();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = ready => {}
        () = &mut asked => {}
    }
    stop(&broker, &tasks).await;
    Ok(())
}

fn build(
    config: BrokerConfig,
    clock: Arc<dyn Clock>,
    loggers: Arc<Loggers>,
    identity: Option<TlsIdentity>,
) -> Result<Broker, BrokerError> {
    let settings = Settings::read(&config.server_properties);
    let store = tokio::task::block_in_place(|| LogStore::open(&config, settings.recovery_threads))?;
    let shutdown = CancellationToken::new();
    let metadata = Arc::new(MetadataCache::new());
    let controller = Arc::new(ControllerClient::new(config.broker_id));
    let isr_changes = IsrChanges::start(Arc::clone(&metadata), Arc::clone(&controller), shutdown.clone());
    let internal = config.listener(ListenerName::Internal);
    let peer_tls = internal.is_some_and(|listener| listener.tls);
    // From there others know that it is this broker. On other addresses there may be no way out.
    let peer_source = internal.map(|listener| listener.host).filter(|host| host.is_loopback());
    let peer_options = ConnectionOptions {
        client_id: format!("broker-{}", config.broker_id),
        tls: match &identity {
            Some(identity) if peer_tls => Some(TlsOptions {
                config: identity.client()?,
            }),
            _ => None,
        },
        source: peer_source,
        connect_timeout: settings
            .connection_setup_timeout_ms
            .map_or(PEER_CONNECT_TIMEOUT, Duration::from_millis),
        response_bytes_max: settings.socket_request_max_bytes,
        receive_buffer_bytes: None,
    };
    let quotas = ClientQuotas::new(&config.server_properties);
    let connections = ConnectionLimits::new(config.broker_id, &config.server_properties, quotas.window());
    Ok(Broker {
        started: clock.monotonic(),
        request_memory: MemoryBudget::new(settings.request_memory_bytes, settings.socket_request_max_bytes),
        reply_memory: MemoryBudget::new(REPLY_MEMORY_BYTES, settings.fetch_max_bytes),
        lost_leaders: LostLeaders::default(),
        fetch_sessions: FetchSessions::new(settings.fetch_session_slots),
        partitions: PartitionRegistry::default(),
        groups: GroupManager::default(),
        transactions: TransactionManager::default(),
        producer_ids: ProducerIds::default(),
        peers: Peers::default(),
        fetchers: ReplicaFetchers::default(),
        stopping: Stopping::default(),
        kafka_version: KafkaVersion::of(&config.version),
        loggers,
        metrics: Arc::new(Metrics::new(&config)),
        authorizer: Authorizer::new(settings.allow_everyone_if_no_acl_found),
        quotas,
        connections: Arc::new(connections),
        throttles: ReplicationThrottles::new(&config.server_properties),
        config,
        settings,
        clock,
        metadata,
        controller,
        shutdown,
        store,
        volume: Volume::default(),
        refused_batches: RefusedBatches::default(),
        certificate: OwnCertificate::new(identity),
        isr_changes,
        peer_options,
    })
}

fn incarnation() -> Incarnation {
    // Without a boot id every restart counts as one of the machine: slower, never wrong.
    let boot_id = fs::read_to_string(BOOT_ID_PATH).map_or_else(
        |error| {
            warn!(%error, "boot id cannot be read");
            Uuid::new_v4().to_string()
        },
        |text| text.trim().to_owned(),
    );
    Incarnation {
        id: Uuid::new_v4(),
        boot_id,
    }
}

/// Waits until the metadata shows this broker registered and alive.
async fn known(broker: &Arc<Broker>) {
    let mut changes = broker.metadata.changes();
    loop {
        let image = broker.metadata.image();
        if broker.is_current(&image) {
            return;
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn stop(broker: &Arc<Broker>, tasks: &TaskTracker) {
    controlled_shutdown(broker).await;
    broker.groups.shutdown();
    broker.transactions.shutdown();
    broker.fetchers.shutdown();
    broker.shutdown.cancel();
    tasks.close();
    if tokio::time::timeout(CONNECTIONS_WAIT, tasks.wait()).await.is_err() {
        warn!("some connections did not end in time");
    }
    tokio::task::block_in_place(|| broker.store.close(broker.clock.now_ms()));
    info!(broker = %broker.config.broker_id, "broker stopped");
}
