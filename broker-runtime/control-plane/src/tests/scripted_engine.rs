//! An engine that holds specifications instead of running brokers, and does what a test tells it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use engine::{
    Acl, AclAdmin, BootstrapBrokers, ClusterSpec, Elected, Engine, EngineError, IamAuthenticator, NewTopic,
    ObservedCluster, Progress, Quota, QuotaAdmin, Replicated, Storage, TopicAdmin, TopicDescription, TopicError,
    TopicSummary, TopicUpdate,
};
use parking_lot::Mutex;
use uuid::Uuid;

/// See the module.
#[derive(Default)]
pub(crate) struct ScriptedEngine {
    pub(super) clusters: Mutex<BTreeMap<Uuid, ClusterSpec>>,
    pub(super) hangs: AtomicBool,
    pub(super) fails: AtomicBool,
    pub(super) progress: Mutex<Option<Progress>>,
    /// How often certificates were to be renewed.
    pub(super) renewals: AtomicU64,
    /// How often processes were to leave hosts.
    pub(super) relocations: AtomicU64,
}

#[async_trait]
impl Engine for ScriptedEngine {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn validate(&self, _: &ClusterSpec) -> Result<(), EngineError> {
        Ok(())
    }

    async fn ensure(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(EngineError::Environment {
                problem: "port 9092 is taken".to_owned(),
                remedy: "free it".to_owned(),
            });
        }
        self.clusters.lock().insert(spec.cluster_id, spec.clone());
        Ok(())
    }

    async fn observe(&self, cluster_id: Uuid) -> Result<Option<ObservedCluster>, EngineError> {
        Ok(self.clusters.lock().get(&cluster_id).map(|_| ObservedCluster {
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

    async fn remove(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        self.clusters.lock().remove(&cluster_id);
        Ok(())
    }

    fn authenticate_with(&self, _: Arc<dyn IamAuthenticator>) {}

    fn progress(&self, _: Uuid) -> Option<Progress> {
        *self.progress.lock()
    }

    async fn rebalance(&self, _: Uuid) -> Result<usize, EngineError> {
        Ok(0)
    }

    fn storage(&self) -> Result<Storage, EngineError> {
        Ok(Storage::default())
    }

    async fn relocate(&self, spec: &ClusterSpec) -> Result<bool, EngineError> {
        self.relocations.fetch_add(1, Ordering::SeqCst);
        self.ensure(spec).await.map(|()| false)
    }

    fn placed(&self) -> Result<BTreeMap<Uuid, usize>, EngineError> {
        Ok(BTreeMap::from([(Uuid::from_u128(1), 2)]))
    }

    async fn renew_certificates(&self, _: Uuid) -> Result<usize, EngineError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Ok(0)
    }

    async fn list(&self) -> Result<Vec<Uuid>, EngineError> {
        Ok(self.clusters.lock().keys().copied().collect())
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

#[async_trait]
impl TopicAdmin for ScriptedEngine {
    async fn create_topic(&self, _: Uuid, topic: &NewTopic) -> Result<TopicDescription, TopicError> {
        Err(TopicError::TopicExists(topic.name.clone()))
    }

    async fn validate_topic(&self, _: Uuid, topic: &NewTopic) -> Result<(), TopicError> {
        Err(TopicError::TopicExists(topic.name.clone()))
    }

    async fn describe_topic(&self, _: Uuid, name: &str) -> Result<TopicDescription, TopicError> {
        Err(TopicError::UnknownTopic(name.to_owned()))
    }

    async fn describe_topics(&self, _: Uuid) -> Result<Vec<TopicDescription>, TopicError> {
        Ok(Vec::new())
    }

    async fn list_topics(&self, _: Uuid) -> Result<Vec<TopicSummary>, TopicError> {
        Ok(Vec::new())
    }

    async fn elect_preferred_leaders(&self, _: Uuid) -> Result<Elected, TopicError> {
        Ok(Elected::default())
    }

    async fn update_topic(&self, _: Uuid, name: &str, _: &TopicUpdate) -> Result<(), TopicError> {
        Err(TopicError::UnknownTopic(name.to_owned()))
    }

    async fn update_replication_factor(&self, _: Uuid, name: &str, _: i16) -> Result<Replicated, TopicError> {
        Err(TopicError::UnknownTopic(name.to_owned()))
    }

    async fn validate_replication_factor(&self, _: Uuid, name: &str, _: i16) -> Result<(), TopicError> {
        Err(TopicError::UnknownTopic(name.to_owned()))
    }

    async fn delete_topic(&self, _: Uuid, name: &str) -> Result<(), TopicError> {
        Err(TopicError::UnknownTopic(name.to_owned()))
    }
}
