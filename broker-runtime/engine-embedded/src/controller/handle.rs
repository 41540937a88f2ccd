//! The controller as the engine sees it.

use std::{collections::BTreeMap, fmt, fs, io, path::PathBuf, sync::Arc};

use clock::Clock;
use engine::Metric;
use kafka_metadata::{
    BrokerId, MetadataImage, MetadataOffset,
    controller::{ControllerDefaults, ControllerEvent, LeaderBalance, decide},
    mutations::MutationBuckets,
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use uuid::Uuid;

use super::{
    command::{Asker, Command},
    connection::{Receivers, Reports, accept},
    core::Core,
    liveness::Liveness,
    log::{LogError, MetadataLog},
    logins::Logins,
    readers::Readers,
    socket::bind_unix,
    subscribers::Subscribers,
};

/// Commands that may wait for the core.
const COMMANDS_MAX: usize = 1024;

/// What a controller needs.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// Kafka's id of the cluster.
    pub cluster_id: String,
    /// Where the metadata log is kept.
    pub directory: PathBuf,
    /// Where brokers connect to.
    pub socket_path: PathBuf,
    /// Properties that brokers are started with.
    pub default_properties: BTreeMap<String, String>,
    /// Source of time.
    pub clock: Arc<dyn Clock>,
    /// Decides on logins by signature.
    pub logins: Logins,
}

/// Why a controller cannot start.
#[derive(Debug, Error)]
pub enum ControllerStartError {
    /// The metadata log cannot be used.
    #[error("metadata of cluster {cluster_id:?} cannot be opened")]
    Log {
        /// The cluster.
        cluster_id: String,
        /// Why.
        #[source]
        source: LogError,
    },
    /// The directory belongs to another cluster.
    #[error("metadata of cluster {found:?} found where that of {expected:?} is expected")]
    OtherCluster {
        /// Cluster of the log.
        found: String,
        /// Cluster of the configuration.
        expected: String,
    },
    /// The socket cannot be bound.
    #[error("controller socket {path:?} cannot be bound")]
    Socket {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A running controller. It ends with [`Controller::stop`], or when the last handle is dropped; brokers go on without it.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::Sender<Command>,
    reports: Reports,
    image: watch::Receiver<Arc<MetadataImage>>,
    applied_by: watch::Receiver<BTreeMap<BrokerId, MetadataOffset>>,
    defaults: watch::Sender<Arc<ControllerDefaults>>,
    socket_path: PathBuf,
    stop: CancellationToken,
    tasks: TaskTracker,
    _stop_on_drop: DropGuard,
}

impl fmt::Debug for Controller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Controller")
            .field("socket_path", &self.shared.socket_path)
            .finish_non_exhaustive()
    }
}

impl Controller {
    /// Opens the metadata log, begins it for a new cluster, and listens for brokers.
    pub async fn start(config: ControllerConfig) -> Result<Self, ControllerStartError> {
        let defaults = Arc::new(ControllerDefaults {
            properties: config.default_properties,
        });
        let (cluster_id, directory) = (config.cluster_id, config.directory);
        let opening = {
            let defaults = Arc::clone(&defaults);
            tokio::task::spawn_blocking(move || open(&cluster_id, &directory, &defaults))
        };
        let (log, image) = match opening.await {
            Ok(opened) => opened?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let failed = |source| ControllerStartError::Socket {
            path: config.socket_path.clone(),
            source,
        };
        let listener = bind_unix(&config.socket_path).map_err(failed)?;
        let image = Arc::new(image);
        let (images, image_receiver) = watch::channel(Arc::clone(&image));
        let (applied_by, applied_receiver) = watch::channel(BTreeMap::new());
        let (defaults, defaults_receiver) = watch::channel(defaults);
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let core = Core {
            log: Some(log),
            image,
            defaults: defaults_receiver,
            liveness: Liveness::new(config.clock.monotonic()),
            clock: config.clock,
            images,
            applied_by,
            balance: LeaderBalance::default(),
            subscribers: Subscribers::default(),
            readers: Readers::default(),
            mutations: MutationBuckets::default(),
            handed_over: std::collections::HashMap::new(),
            is_damaged: false,
        };
        tasks.spawn(core.run(received, stop.clone()));
        let reports = Reports::default();
        let receivers = Receivers {
            commands: commands.clone(),
            logins: config.logins,
            reports: Arc::clone(&reports),
        };
        tasks.spawn(accept(listener, receivers, stop.clone(), tasks.clone()));
        let shared = Shared {
            commands,
            reports,
            image: image_receiver,
            applied_by: applied_receiver,
            defaults,
            socket_path: config.socket_path,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
            tasks,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Ends the controller, closes its connections and removes its socket. The metadata can be opened again afterwards.
    pub async fn stop(&self) {
        if self.shared.stop.is_cancelled() {
            self.shared.tasks.wait().await;
            return;
        }
        // Removed before the listener closes, so that a controller which is started afterwards keeps its own.
        fs::remove_file(&self.shared.socket_path).ok();
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// The newest durable image.
    pub fn image(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.shared.image.clone()
    }

    /// The newest offset that each broker says it has applied. Brokers that are fenced are absent.
    pub fn applied_by(&self) -> watch::Receiver<BTreeMap<BrokerId, MetadataOffset>> {
        self.shared.applied_by.clone()
    }

    /// What brokers have reported last, also those that have left since.
    pub fn reports(&self) -> BTreeMap<BrokerId, Arc<Vec<Metric>>> {
        self.shared.reports.lock().clone()
    }

    /// Asks the controller; answered once what changes is durable. A controller that is stopped answers
    /// [`ControllerError::NotController`].
    pub async fn call(&self, request: ControllerRequest) -> Result<ControllerResponse, ControllerError> {
        let (sender, receiver) = oneshot::channel();
        let command = Command::Request {
            request,
            asker: Asker::Engine {
                sender,
                request_id: engine::request_id::current(),
            },
        };
        self.shared
            .commands
            .send(command)
            .await
            .map_err(|_| ControllerError::NotController)?;
        receiver.await.unwrap_or(Err(ControllerError::NotController))
    }

    /// The process of a broker is gone: it is fenced at once. Ignored when another process has registered since;
    /// `None` stands for whichever is registered.
    pub async fn broker_process_exited(&self, broker_id: BrokerId, incarnation: Option<Uuid>) {
        let (done, is_done) = oneshot::channel();
        let command = Command::ProcessExited {
            broker_id,
            incarnation,
            done,
        };
        if self.shared.commands.send(command).await.is_ok() {
            is_done.await.ok();
        }
    }

    /// Takes over new properties that brokers are started with.
    pub fn update_default_properties(&self, properties: BTreeMap<String, String>) {
        self.shared
            .defaults
            .send_replace(Arc::new(ControllerDefaults { properties }));
    }
}

fn open(
    cluster_id: &str,
    directory: &std::path::Path,
    defaults: &ControllerDefaults,
) -> Result<(MetadataLog, MetadataImage), ControllerStartError> {
    let failed = |source| ControllerStartError::Log {
        cluster_id: cluster_id.to_owned(),
        source,
    };
    let (mut log, mut image) = MetadataLog::open(directory).map_err(failed)?;
    if image.applied.is_none() {
        let event = ControllerEvent::CreateCluster {
            cluster_id: cluster_id.to_owned(),
        };
        if let Ok(decision) = decide(&image, event, defaults, &mut rand::rng()) {
            log.append(image.next_offset(), &decision.records).map_err(failed)?;
            image = decision.image;
        }
    }
    if image.cluster_id == cluster_id {
        Ok((log, image))
    } else {
        Err(ControllerStartError::OtherCluster {
            found: image.cluster_id,
            expected: cluster_id.to_owned(),
        })
    }
}
