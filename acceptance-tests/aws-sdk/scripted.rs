//! A control plane in this process whose engine starts nothing and answers requests about topics with the error that the
//! topic is named after. Some of the API's errors come from an Apache Kafka that is in a state the bundled brokers are
//! never in: here it is shown that they reach a caller as the model has them.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use acceptance_tests::folder;
use anyhow::{Context, Result};
use async_trait::async_trait;
use clock::SystemClock;
use control_plane::{ApiListener, ControlPlane, ControlPlaneConfig};
use engine::{
    Acl, AclAdmin, BootstrapBrokers, ClusterSpec, Elected, Engine, EngineError, IamAuthenticator, NewTopic,
    ObservedCluster, Progress, Quota, QuotaAdmin, Replicated, Storage, TopicAdmin, TopicDescription, TopicError,
    TopicSummary, TopicUpdate,
};
use host_link::RemoteFleet;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Serves until it is dropped.
pub struct Scripted {
    folder: TempDir,
    address: SocketAddr,
    // The last field to go: what it runs uses the folder.
    _runtime: tokio::runtime::Runtime,
}

impl Scripted {
    /// Opens it in a folder of its own.
    pub fn start() -> Result<Self> {
        let folder = folder::fresh("openmsk-test-")?;
        std::fs::create_dir(folder.path().join("logs"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let config = ControlPlaneConfig {
            data_dir: folder.path().to_owned(),
            engine: Arc::new(ScriptedEngine),
            fleet: Arc::new(RemoteFleet::new(folder.path().join("fleet"), Arc::new(SystemClock))),
            clock: Arc::new(SystemClock),
            version: "0".to_owned(),
            public_address: None,
            host_dead_after: None,
        };
        let (control_plane, listener) = runtime.block_on(async {
            let control_plane = ControlPlane::open(config).await.context("the control plane")?;
            Ok::<_, anyhow::Error>((control_plane, TcpListener::bind("127.0.0.1:0").await?))
        })?;
        let address = listener.local_addr()?;
        let listeners = vec![ApiListener { listener, tls: None }];
        runtime.spawn(control_plane.serve(listeners, CancellationToken::new()));
        Ok(Self {
            folder,
            address,
            _runtime: runtime,
        })
    }

    /// `http://host:port` of the control plane.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its credentials file.
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }
}

struct ScriptedEngine;

#[async_trait]
impl Engine for ScriptedEngine {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn validate(&self, _: &ClusterSpec) -> Result<(), EngineError> {
        Ok(())
    }

    async fn ensure(&self, _: &ClusterSpec) -> Result<(), EngineError> {
        Ok(())
    }

    fn authenticate_with(&self, _: Arc<dyn IamAuthenticator>) {}

    fn progress(&self, _: Uuid) -> Option<Progress> {
        None
    }

    async fn observe(&self, cluster_id: Uuid) -> Result<Option<ObservedCluster>, EngineError> {
        Ok(Some(ObservedCluster {
            cluster_id,
            brokers: Vec::new(),
            controllers: Vec::new(),
            bootstrap: BootstrapBrokers::default(),
            certificate_authority_pem: String::new(),
            authority_expires_at_ms: None,
            log_bytes: 0,
            counts: engine::Counts::default(),
        }))
    }

    async fn remove(&self, _: Uuid) -> Result<(), EngineError> {
        Ok(())
    }

    async fn rebalance(&self, _: Uuid) -> Result<usize, EngineError> {
        Ok(0)
    }

    fn storage(&self) -> Result<Storage, EngineError> {
        Ok(Storage::default())
    }

    async fn renew_certificates(&self, _: Uuid) -> Result<usize, EngineError> {
        Ok(0)
    }

    async fn list(&self) -> Result<Vec<Uuid>, EngineError> {
        Ok(Vec::new())
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

#[async_trait]
impl QuotaAdmin for ScriptedEngine {
    async fn list_quotas(&self, _: Uuid) -> Result<Vec<Quota>, TopicError> {
        Ok(Vec::new())
    }

    async fn put_quotas(&self, _: Uuid, _: &[Quota]) -> Result<(), TopicError> {
        Ok(())
    }
}

#[async_trait]
impl AclAdmin for ScriptedEngine {
    async fn list_acls(&self, _: Uuid) -> Result<Vec<Acl>, TopicError> {
        Ok(Vec::new())
    }

    async fn create_acls(&self, _: Uuid, _: &[Acl]) -> Result<(), TopicError> {
        Ok(())
    }

    async fn delete_acls(&self, _: Uuid, _: &[Acl]) -> Result<(), TopicError> {
        Ok(())
    }
}

/// The error that a topic is named after.
fn named(topic: &str) -> TopicError {
    let why = "so it was asked for".to_owned();
    match topic {
        "NotController" => TopicError::NotController(why),
        "ControllerMoved" => TopicError::ControllerMoved(why),
        "ReassignmentInProgress" => TopicError::ReassignmentInProgress(why),
        "GroupSubscribedToTopic" => TopicError::GroupSubscribedToTopic(why),
        _ => TopicError::UnknownTopic(topic.to_owned()),
    }
}

#[async_trait]
impl TopicAdmin for ScriptedEngine {
    async fn create_topic(&self, _: Uuid, topic: &NewTopic) -> Result<TopicDescription, TopicError> {
        Err(named(&topic.name))
    }

    async fn validate_topic(&self, _: Uuid, topic: &NewTopic) -> Result<(), TopicError> {
        Err(named(&topic.name))
    }

    async fn describe_topic(&self, _: Uuid, name: &str) -> Result<TopicDescription, TopicError> {
        Err(named(name))
    }

    async fn describe_topics(&self, _: Uuid) -> Result<Vec<TopicDescription>, TopicError> {
        Err(named("NotController"))
    }

    async fn list_topics(&self, _: Uuid) -> Result<Vec<TopicSummary>, TopicError> {
        Err(named("NotController"))
    }

    async fn elect_preferred_leaders(&self, _: Uuid) -> Result<Elected, TopicError> {
        Err(named("NotController"))
    }

    async fn update_topic(&self, _: Uuid, name: &str, _: &TopicUpdate) -> Result<(), TopicError> {
        Err(named(name))
    }

    async fn update_replication_factor(&self, _: Uuid, name: &str, _: i16) -> Result<Replicated, TopicError> {
        Err(named(name))
    }

    async fn validate_replication_factor(&self, _: Uuid, name: &str, _: i16) -> Result<(), TopicError> {
        Err(named(name))
    }

    async fn delete_topic(&self, _: Uuid, name: &str) -> Result<(), TopicError> {
        Err(named(name))
    }
}
