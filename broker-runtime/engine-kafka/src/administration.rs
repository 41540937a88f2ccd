//! Topics, access control lists and quotas, as the control plane asks for them.

use std::sync::Arc;

use async_trait::async_trait;
use engine::{
    Acl, AclAdmin, Elected, NewTopic, Quota, QuotaAdmin, Replicated, TopicAdmin, TopicDescription, TopicError,
    TopicSummary, TopicUpdate,
};
use uuid::Uuid;

use crate::{KafkaEngine, cluster::Cluster};

impl KafkaEngine {
    fn running(&self, cluster_id: Uuid) -> Result<Arc<Cluster>, TopicError> {
        self.cluster(cluster_id)
            .ok_or_else(|| TopicError::ClusterConnectivity(format!("cluster {cluster_id} does not run")))
    }
}

#[async_trait]
impl TopicAdmin for KafkaEngine {
    async fn create_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<TopicDescription, TopicError> {
        self.running(cluster_id)?.kafka.create_topic(topic).await
    }

    async fn validate_topic(&self, cluster_id: Uuid, topic: &NewTopic) -> Result<(), TopicError> {
        self.running(cluster_id)?.kafka.validate_topic(topic).await
    }

    async fn describe_topic(&self, cluster_id: Uuid, name: &str) -> Result<TopicDescription, TopicError> {
        self.running(cluster_id)?.kafka.describe_topic(name).await
    }

    async fn describe_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicDescription>, TopicError> {
        self.running(cluster_id)?.kafka.describe_topics().await
    }

    async fn list_topics(&self, cluster_id: Uuid) -> Result<Vec<TopicSummary>, TopicError> {
        self.running(cluster_id)?.kafka.list_topics().await
    }

    async fn update_topic(&self, cluster_id: Uuid, name: &str, update: &TopicUpdate) -> Result<(), TopicError> {
        self.running(cluster_id)?.kafka.update_topic(name, update).await
    }

    async fn update_replication_factor(
        &self,
        cluster_id: Uuid,
        name: &str,
        factor: i16,
    ) -> Result<Replicated, TopicError> {
        let cluster = self.running(cluster_id)?;
        let held = self.try_hold(cluster_id);
        cluster
            .kafka
            .update_replication_factor(name, factor, held.is_some())
            .await
    }

    async fn validate_replication_factor(&self, cluster_id: Uuid, name: &str, factor: i16) -> Result<(), TopicError> {
        self.running(cluster_id)?
            .kafka
            .validate_replication_factor(name, factor)
            .await
    }

    async fn delete_topic(&self, cluster_id: Uuid, name: &str) -> Result<(), TopicError> {
        self.running(cluster_id)?.kafka.delete_topic(name).await
    }

    async fn elect_preferred_leaders(&self, cluster_id: Uuid) -> Result<Elected, TopicError> {
        self.running(cluster_id)?.kafka.elect_preferred_leaders().await
    }
}

#[async_trait]
impl AclAdmin for KafkaEngine {
    async fn list_acls(&self, cluster_id: Uuid) -> Result<Vec<Acl>, TopicError> {
        self.running(cluster_id)?.kafka.acls().await
    }

    async fn create_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError> {
        self.running(cluster_id)?.kafka.create_acls(acls).await
    }

    async fn delete_acls(&self, cluster_id: Uuid, acls: &[Acl]) -> Result<(), TopicError> {
        self.running(cluster_id)?.kafka.delete_acls(acls).await
    }
}

#[async_trait]
impl QuotaAdmin for KafkaEngine {
    async fn list_quotas(&self, cluster_id: Uuid) -> Result<Vec<Quota>, TopicError> {
        self.running(cluster_id)?.kafka.quotas().await
    }

    async fn put_quotas(&self, cluster_id: Uuid, quotas: &[Quota]) -> Result<(), TopicError> {
        self.running(cluster_id)?.kafka.put_quotas(quotas).await
    }
}
