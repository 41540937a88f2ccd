//! Our extensions of the API, under `/openmsk/v1`.

use control_plane_api::{
    acls::{Acl, Acls},
    extensions::{
        CertificateAuthority, CertificateRotation, DescribedTopics, LeaderElections, Rebalance,
        ReplicationFactorUpdate, RuntimeInfo, RuntimeStorage, Status, TopicToValidate, UpdateEngineRequest,
        UpdateReplicationFactorRequest, ValidateTopicsRequest, ValidatedTopics,
    },
    quotas::{Quota, Quotas},
    updates::UpdateClusterResponse,
};

use http::Method;

use crate::{
    error::Result,
    transport::{Call, Client, Retry, segment},
};

fn acls_path(cluster_arn: &str) -> String {
    format!("/openmsk/v1/clusters/{}/acls", segment(cluster_arn))
}

fn quotas_path(cluster_arn: &str) -> String {
    format!("/openmsk/v1/clusters/{}/quotas", segment(cluster_arn))
}

fn replication_factor(operation: &'static str, (cluster_arn, topic): (&str, &str), factor: i64) -> Call {
    let (cluster, topic) = (segment(cluster_arn), segment(topic));
    let path = format!("/openmsk/v1/clusters/{cluster}/topics/{topic}/replication-factor");
    Call::new(operation, Method::PUT, path).json(&UpdateReplicationFactorRequest {
        replication_factor: factor,
    })
}

fn engine(operation: &'static str, cluster_arn: &str, request: &UpdateEngineRequest) -> Call {
    let path = format!("/openmsk/v1/clusters/{}/engine", segment(cluster_arn));
    Call::new(operation, Method::PUT, path).json(request)
}

impl Client {
    /// Who answers; needs no credentials. An answer of anything but OpenMSK is [`crate::Error::Malformed`].
    pub async fn describe_runtime(&self) -> Result<RuntimeInfo> {
        const OPERATION: &str = "describe_runtime";
        let call = Call::get(OPERATION, "/openmsk/v1/runtime".to_owned());
        let runtime: RuntimeInfo = self.call(call).await?;
        if runtime.product != "openmsk" {
            return Err(self.malformed(OPERATION, format!("the product is {:?}", runtime.product)));
        }
        Ok(runtime)
    }

    /// The runtime and its clusters, as they are now.
    pub async fn describe_status(&self) -> Result<Status> {
        self.call(Call::get("describe_status", "/openmsk/v1/status".to_owned()))
            .await
    }

    /// Room on the disk that the runtime keeps clusters on.
    pub async fn get_storage(&self) -> Result<RuntimeStorage> {
        self.call(Call::get("get_storage", "/openmsk/v1/storage".to_owned()))
            .await
    }

    /// The authority that signs the certificates of a cluster's brokers.
    pub async fn describe_certificate_authority(&self, cluster_arn: &str) -> Result<CertificateAuthority> {
        let path = format!("/openmsk/v1/clusters/{}/certificate-authority", segment(cluster_arn));
        self.call(Call::get("describe_certificate_authority", path)).await
    }

    /// Access control lists of a cluster.
    pub async fn list_acls(&self, cluster_arn: &str) -> Result<Vec<Acl>> {
        let listed: Acls = self.call(Call::get("list_acls", acls_path(cluster_arn))).await?;
        Ok(listed.acls)
    }

    /// Creates access control lists; one that is there already is fine.
    pub async fn create_acls(&self, cluster_arn: &str, acls: &[Acl]) -> Result<()> {
        self.change_acls("create_acls", acls_path(cluster_arn), acls).await
    }

    /// Deletes exactly these; one that is not there is fine.
    pub async fn delete_acls(&self, cluster_arn: &str, acls: &[Acl]) -> Result<()> {
        self.change_acls("delete_acls", acls_path(cluster_arn) + "/delete", acls)
            .await
    }

    async fn change_acls(&self, operation: &'static str, path: String, acls: &[Acl]) -> Result<()> {
        let body = Acls { acls: acls.to_vec() };
        let call = Call::new(operation, Method::POST, path).json(&body);
        self.call_for_nothing(call.retry(Retry::Always)).await
    }

    /// Client quotas of a cluster.
    pub async fn list_quotas(&self, cluster_arn: &str) -> Result<Vec<Quota>> {
        let listed: Quotas = self.call(Call::get("list_quotas", quotas_path(cluster_arn))).await?;
        Ok(listed.quotas)
    }

    /// Gives an entity exactly these values; without any it has no quota any more.
    pub async fn put_quota(&self, cluster_arn: &str, quota: &Quota) -> Result<()> {
        let body = Quotas {
            quotas: vec![quota.clone()],
        };
        let call = Call::new("put_quota", Method::PUT, quotas_path(cluster_arn)).json(&body);
        self.call_for_nothing(call.retry(Retry::Always)).await
    }

    /// All topics of a cluster in full; none where there are more than `limit`.
    pub async fn describe_topics(&self, cluster_arn: &str, limit: usize) -> Result<DescribedTopics> {
        let path = format!("/openmsk/v1/clusters/{}/topics", segment(cluster_arn));
        self.call(Call::get("describe_topics", path).query("limit", Some(limit)))
            .await
    }

    /// Which of the topics could not be created; creates none.
    pub async fn validate_topics(&self, cluster_arn: &str, topics: Vec<TopicToValidate>) -> Result<ValidatedTopics> {
        let path = format!("/openmsk/v1/clusters/{}/topics/validate", segment(cluster_arn));
        let call = Call::new("validate_topics", Method::POST, path).json(&ValidateTopicsRequest { topics });
        self.call(call.retry(Retry::Always)).await
    }

    /// Brings a topic nearer to another number of replicas of each partition; to be called again until no partition remains.
    pub async fn update_replication_factor(
        &self,
        cluster_arn: &str,
        topic: &str,
        factor: i64,
    ) -> Result<ReplicationFactorUpdate> {
        let call = replication_factor("update_replication_factor", (cluster_arn, topic), factor);
        self.call(call.retry(Retry::Always)).await
    }

    /// Says whether a topic could have another number of replicas, and changes nothing.
    pub async fn validate_replication_factor(&self, cluster_arn: &str, topic: &str, factor: i64) -> Result<()> {
        let call = replication_factor("validate_replication_factor", (cluster_arn, topic), factor);
        self.call_for_nothing(call.validate_only()).await
    }

    /// Moves some replicas from brokers with many to brokers with few; to be called again until none moves.
    pub async fn rebalance(&self, cluster_arn: &str) -> Result<Rebalance> {
        let path = format!("/openmsk/v1/clusters/{}/rebalance", segment(cluster_arn));
        self.call(Call::new("rebalance", Method::POST, path).retry(Retry::Always))
            .await
    }

    /// Gives partitions to their preferred replicas.
    pub async fn elect_leaders(&self, cluster_arn: &str) -> Result<LeaderElections> {
        let path = format!("/openmsk/v1/clusters/{}/leader-elections", segment(cluster_arn));
        self.call(Call::new("elect_leaders", Method::POST, path).retry(Retry::Always))
            .await
    }

    /// Begins to give every broker of a cluster a new certificate. While that is being done, the answer is the same operation.
    pub async fn rotate_certificates(&self, cluster_arn: &str) -> Result<CertificateRotation> {
        let path = format!("/openmsk/v1/clusters/{}/certificate-rotations", segment(cluster_arn));
        self.call(Call::new("rotate_certificates", Method::POST, path).retry(Retry::Always))
            .await
    }

    /// Begins to have another engine take a cluster over.
    pub async fn update_engine(
        &self,
        cluster_arn: &str,
        request: &UpdateEngineRequest,
    ) -> Result<UpdateClusterResponse> {
        self.call(engine("update_engine", cluster_arn, request)).await
    }

    /// Says whether another engine could take a cluster over, and changes nothing.
    pub async fn validate_engine(&self, cluster_arn: &str, request: &UpdateEngineRequest) -> Result<()> {
        self.call_for_nothing(engine("validate_engine", cluster_arn, request).validate_only())
            .await
    }

    /// Gives up the token of a creation whose answer has been written down. A token nobody knows is fine.
    pub async fn forget_idempotency_token(&self, token: &str) -> Result<()> {
        let path = format!("/openmsk/v1/idempotency-tokens/{}", segment(token));
        self.call_for_nothing(Call::new("forget_idempotency_token", Method::DELETE, path).retry(Retry::Always))
            .await
    }
}
