//! A cluster of which something runs: its controller, in this process, and the supervision of its brokers.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use clock::Clock;
use cluster_files::certificates::Authority;
use engine::{EngineError, IamAuthenticator, Progress, Step};
use futures::future::try_join_all;
use kafka_metadata::{
    MetadataImage,
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};
use kms::KeyStore;
use parking_lot::Mutex;
use supervisor::Supervised;
use tokio_util::sync::CancellationToken;

use super::{Description, Layout, broker, moving_rate::MovingRate};
use crate::{
    addresses::SharedPorts,
    controller::{Controller, ControllerConfig, Logins},
};

/// Whoever decides on logins by signature, once it is there.
pub(crate) type Authenticator = Arc<OnceLock<Arc<dyn IamAuthenticator>>>;

/// What is the same for all clusters of the engine.
pub(crate) struct Settings {
    /// Keys that users name for encryption at rest.
    pub(crate) keys: KeyStore,
    /// The program that runs a broker.
    pub(crate) program: PathBuf,
    /// The environment brokers get.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How often logs of brokers are delivered.
    pub(crate) log_delivery_interval: Duration,
    /// Decides on logins by signature.
    pub(crate) authenticator: Authenticator,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// A cluster of which something runs.
pub(crate) struct Cluster {
    pub(super) settings: Arc<Settings>,
    pub(super) layout: Layout,
    pub(super) controller: Controller,
    pub(super) authority: Arc<Authority>,
    description: Mutex<Description>,
    brokers: Mutex<BTreeMap<i32, Arc<Supervised>>>,
    /// Of the change that is under way.
    progress: Mutex<Option<Progress>>,
    /// Of data that moves.
    pub(super) moving_rate: Mutex<MovingRate>,
    /// Held by who delivers logs.
    pub(super) delivering: Arc<tokio::sync::Mutex<()>>,
    /// Cancelled when nothing of the cluster is to run in this process any more.
    pub(super) closed: CancellationToken,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("root", &self.layout.root())
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Starts the controller of a cluster that has a description, and takes up the brokers that have a configuration.
    pub(crate) async fn open(
        settings: Arc<Settings>,
        layout: Layout,
        description: Description,
    ) -> Result<Arc<Self>, EngineError> {
        let config = ControllerConfig {
            cluster_id: description.kafka_cluster_id(),
            directory: layout.root().to_owned(),
            socket_path: layout.controller_socket(),
            default_properties: description.server_properties.clone(),
            clock: Arc::clone(&settings.clock),
            logins: Logins::new(description.cluster_id, Arc::clone(&settings.authenticator)),
        };
        let authority = {
            let (layout, name) = (layout.clone(), description.cluster_name.clone());
            let now_ms = settings.clock.now_ms();
            blocking(move || Authority::open(&layout.ca_certificate(), &layout.ca_key(), &name, now_ms))
        };
        let controller = async {
            Controller::start(config).await.map_err(|source| EngineError::Internal {
                context: format!("starting the controller of cluster {:?}", description.cluster_name),
                source: source.into(),
            })
        };
        let (controller, authority) = futures::try_join!(controller, authority)?;
        let cluster = Arc::new(Self {
            settings,
            layout,
            controller,
            authority: Arc::new(authority),
            brokers: Mutex::default(),
            progress: Mutex::default(),
            moving_rate: Mutex::default(),
            delivering: Arc::default(),
            closed: CancellationToken::new(),
            description: Mutex::new(description),
        });
        let configured = cluster
            .broker_ids()
            .filter(|id| cluster.layout.broker(*id).config().exists());
        try_join_all(configured.map(|id| cluster.supervise(id))).await?;
        cluster.keep_delivering();
        Ok(cluster)
    }

    /// Ends what runs in this process; brokers go on.
    pub(crate) async fn close(&self) {
        self.closed.cancel();
        self.brokers.lock().clear();
        self.controller.stop().await;
    }

    /// The newest metadata.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        Arc::clone(&self.controller.image().borrow())
    }

    /// Asks the controller.
    pub(crate) async fn call(&self, request: ControllerRequest) -> Result<ControllerResponse, ControllerError> {
        self.controller.call(request).await
    }

    /// The description as it is on the disk.
    pub(crate) fn description(&self) -> Description {
        self.description.lock().clone()
    }

    /// Replaces the description, on the disk first.
    pub(super) async fn describe(&self, description: Description) -> Result<(), EngineError> {
        if *self.description.lock() == description {
            return Ok(());
        }
        let (layout, written) = (self.layout.clone(), description.clone());
        blocking(move || written.write(&layout)).await?;
        *self.description.lock() = description;
        Ok(())
    }

    /// Writes down which ports it has on shared addresses.
    pub(crate) async fn share_ports(&self, ports: SharedPorts) -> Result<(), EngineError> {
        let mut description = self.description();
        description.shared_ports = Some(ports);
        self.describe(description).await
    }

    /// How far the change that is under way has come.
    pub(crate) fn progress(&self) -> Option<Progress> {
        *self.progress.lock()
    }

    pub(super) fn report(&self, progress: Option<Progress>) {
        *self.progress.lock() = progress;
    }

    pub(super) fn report_step(&self, step: Step) {
        self.report(Some(Progress::begun(step)));
    }

    /// Ids of the brokers the cluster should have.
    pub(crate) fn broker_ids(&self) -> impl Iterator<Item = i32> + use<> {
        self.description.lock().broker_ids()
    }

    /// The supervision of a broker.
    pub(super) fn broker(&self, broker_id: i32) -> Option<Arc<Supervised>> {
        self.brokers.lock().get(&broker_id).cloned()
    }

    /// Ends the supervision of a broker that has ended.
    pub(super) fn forget(&self, broker_id: i32) {
        self.brokers.lock().remove(&broker_id);
    }

    /// All supervised brokers.
    pub(super) fn brokers(&self) -> Vec<Arc<Supervised>> {
        self.brokers.lock().values().cloned().collect()
    }

    /// Supervises a broker whose files are there, unless that is so already.
    pub(super) async fn supervise(&self, broker_id: i32) -> Result<(), EngineError> {
        if self.broker(broker_id).is_none() {
            let supervised = broker::supervise(&self.settings, &self.layout, &self.controller, broker_id).await?;
            self.brokers.lock().insert(broker_id, supervised);
        }
        Ok(())
    }
}

/// Runs something that waits for the disk where it holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|source| EngineError::Internal {
            context: "running a file operation".to_owned(),
            source: source.into(),
        })?
}
