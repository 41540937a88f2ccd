//! Several engines as one: each cluster belongs to the one that its specification names.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{
    Acl, AclAdmin, ClusterSpec, Elected, Engine, EngineError, IamAuthenticator, Leftovers, NewTopic, ObservedCluster,
    Progress, Quota, QuotaAdmin, Replicated, Step, Storage, TopicAdmin, TopicDescription, TopicError, TopicSummary,
    TopicUpdate,
    changes::{Changes, claim},
};

/// All engines of a runtime.
pub struct Engines {
    pub(crate) all: Vec<Arc<dyn Engine>>,
    /// Which engine has which cluster, as far as that is known.
    owners: RwLock<HashMap<Uuid, usize>>,
    pub(crate) changes: Changes,
    /// Clusters that one engine is taking over from another.
    pub(crate) taking_over: Mutex<BTreeSet<Uuid>>,
}

impl Engines {
    /// These engines; the first is the default one. What each of them has is asked for once.
    pub async fn new(all: Vec<Arc<dyn Engine>>) -> Result<Self, EngineError> {
        let mut claims: HashMap<Uuid, (u8, usize)> = HashMap::new();
        for (index, engine) in all.iter().enumerate() {
            for cluster_id in engine.list().await? {
                let claimed = (claim(&**engine, cluster_id), index);
                let strongest = claims.entry(cluster_id).or_insert(claimed);
                *strongest = claimed.max(*strongest);
            }
        }
        let owners = claims.into_iter().map(|(cluster_id, (_, index))| (cluster_id, index));
        Ok(Self {
            all,
            owners: RwLock::new(owners.collect()),
            changes: Changes::default(),
            taking_over: Mutex::default(),
        })
    }

    fn named(&self, spec: &ClusterSpec) -> Result<usize, EngineError> {
        let found = self.all.iter().position(|engine| engine.name() == spec.engine);
        found.ok_or_else(|| EngineError::Unsupported {
            reason: format!(
                "there is no engine {:?} for cluster {:?}; there are {}",
                spec.engine,
                spec.cluster_name,
                self.all
                    .iter()
                    .map(|engine| engine.name())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        })
    }

    /// The engine of a cluster; the default one for clusters that nobody has.
    fn of(&self, cluster_id: Uuid) -> &dyn Engine {
        &**self
            .all
            .get(self.noted(cluster_id).unwrap_or_default())
            .expect("every owner is an engine, and there is one at least")
    }

    /// Which engine has a cluster, as far as that has been noted.
    pub(crate) fn noted(&self, cluster_id: Uuid) -> Option<usize> {
        let owners = self.owners.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        owners.get(&cluster_id).copied()
    }

    pub(crate) fn owns(&self, cluster_id: Uuid, owner: Option<usize>) {
        let mut owners = self.owners.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(owner) = owner {
            owners.insert(cluster_id, owner);
        } else {
            owners.remove(&cluster_id);
        }
    }
}

#[async_trait]
impl Engine for Engines {
    fn name(&self) -> &'static str {
        self.all.first().map_or("none", |engine| engine.name())
    }

    fn validate(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let wanted = self.named(spec)?;
        match self.owner(spec.cluster_id) {
            Some(has) if has != wanted => self.validate_change(spec, has, wanted),
            _ => self.all[wanted].validate(spec),
        }
    }

    async fn ensure(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let wanted = self.named(spec)?;
        self.bring_to(spec, wanted).await?;
        self.all[wanted].ensure(spec).await
    }

    fn authenticate_with(&self, authenticator: Arc<dyn IamAuthenticator>) {
        for engine in &self.all {
            engine.authenticate_with(Arc::clone(&authenticator));
        }
    }

    fn progress(&self, cluster_id: Uuid) -> Option<Progress> {
        if self.taking_over.lock().contains(&cluster_id) {
            return Some(Progress::begun(Step::TakeOver));
        }
        self.of(cluster_id).progress(cluster_id)
    }

    async fn observe(&self, cluster_id: Uuid) -> Result<Option<ObservedCluster>, EngineError> {
        self.of(cluster_id).observe(cluster_id).await
    }

    async fn remove(&self, cluster_id: Uuid) -> Result<(), EngineError> {
        let owner = self.owner(cluster_id);
        self.remove_beside(cluster_id, owner).await?;
        self.owns(cluster_id, owner);
        self.of(cluster_id).remove(cluster_id).await?;
        self.owns(cluster_id, None);
        Ok(())
    }

    async fn rebalance(&self, cluster_id: Uuid) -> Result<usize, EngineError> {
        self.of(cluster_id).rebalance(cluster_id).await
    }

    async fn relocate(&self, spec: &ClusterSpec) -> Result<bool, EngineError> {
        self.of(spec.cluster_id).relocate(spec).await
    }

    fn placed(&self) -> Result<BTreeMap<Uuid, usize>, EngineError> {
        let mut counts = BTreeMap::new();
        for engine in &self.all {
            for (host_id, count) in engine.placed()? {
                *counts.entry(host_id).or_default() += count;
            }
        }
        Ok(counts)
    }

    async fn leftovers(&self, remove: bool) -> Result<Leftovers, EngineError> {
        let mut all = Leftovers::default();
        for engine in &self.all {
            let of_one = engine.leftovers(remove).await?;
            all.found.extend(of_one.found);
            all.left_out.extend(of_one.left_out);
        }
        Ok(all)
    }

    fn storage(&self) -> Result<Storage, EngineError> {
        // Of this machine, which is what it is asked for.
        match self.all.first() {
            Some(engine) => engine.storage(),
            None => Ok(Storage::default()),
        }
    }

    async fn renew_certificates(&self, cluster_id: Uuid) -> Result<usize, EngineError> {
        self.of(cluster_id).renew_certificates(cluster_id).await
    }

    async fn list(&self) -> Result<Vec<Uuid>, EngineError> {
        let mut all = Vec::new();
        for engine in &self.all {
            all.extend(engine.list().await?);
        }
        Ok(all)
    }

    fn engine_of(&self, cluster_id: Uuid) -> &'static str {
        let owner = self.owner(cluster_id).and_then(|index| self.all.get(index));
        owner.map_or(self.name(), |engine| engine.name())
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
impl TopicAdmin for Engines {
    async fn create_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<TopicDescription, TopicError> {
        self.of(cluster_id).topics().create_topic(cluster_id, topic).await
    }

    async fn validate_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<(), TopicError> {
        self.of(cluster_id).topics().validate_topic(cluster_id, topic).await
    }

    async fn describe_topic(&self, cluster_id: Uuid, name: &str) -> Result<TopicDescription, TopicError> {
        self.of(cluster_id).topics().describe_topic(cluster_id, name).await
    }

    async fn describe_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicDescription>, TopicError> {
        self.of(cluster_id).topics().describe_topics(cluster_id).await
    }

    async fn list_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicSummary>, TopicError> {
        self.of(cluster_id).topics().list_topics(cluster_id).await
    }

    async fn update_topic(&self, cluster_id: Uuid, name: &str, update: &TopicUpdate) -> Result<(), TopicError> {
        self.of(cluster_id)
            .topics()
            .update_topic(cluster_id, name, update)
            .await
    }

    async fn update_replication_factor(
        &self,
        cluster_id: Uuid,
        name: &str,
        factor: i16,
    ) -> Result<Replicated, TopicError> {
        let topics = self.of(cluster_id).topics();
        topics.update_replication_factor(cluster_id, name, factor).await
    }

    async fn validate_replication_factor(&self, cluster_id: Uuid, name: &str, factor: i16) -> Result<(), TopicError> {
        let topics = self.of(cluster_id).topics();
        topics.validate_replication_factor(cluster_id, name, factor).await
    }

    async fn delete_topic(&self, cluster_id: Uuid, name: &str) -> Result<(), TopicError> {
        self.of(cluster_id).topics().delete_topic(cluster_id, name).await
    }

    async fn elect_preferred_leaders(&self, cluster_id: Uuid) -> Result<Elected, TopicError> {
        self.of(cluster_id).topics().elect_preferred_leaders(cluster_id).await
    }
}

#[async_trait]
impl AclAdmin for Engines {
    async fn list_acls(&self, cluster_id: Uuid) -> Result<Vec<Acl>, TopicError> {
        self.of(cluster_id).acls().list_acls(cluster_id).await
    }

    async fn create_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError> {
        self.of(cluster_id).acls().create_acls(cluster_id, acls).await
    }

    async fn delete_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError> {
        self.of(cluster_id).acls().delete_acls(cluster_id, acls).await
    }
}

#[async_trait]
impl QuotaAdmin for Engines {
    async fn list_quotas(&self, cluster_id: Uuid) -> Result<Vec<Quota>, TopicError> {
        self.of(cluster_id).quotas().list_quotas(cluster_id).await
    }

    async fn put_quotas(&self, cluster_id: Uuid, quotas: &[Quota]) -> Result<(), TopicError> {
        self.of(cluster_id).quotas().put_quotas(cluster_id, quotas).await
    }
}
