//! Clusters: the calls of MSK's API, and waiting for a state.

use std::time::Duration;

use control_plane_api::{bootstrap::*, clusters::*, nodes::*, updates::*};
use http::Method;

use crate::{
    error::{Error, Result},
    paging::{Page, Paged},
    transport::{Call, Client, segment},
    waiting,
};

impl Paged for ListClustersV2Response {
    type Item = Cluster;

    fn into_page(self) -> Page<Cluster> {
        (self.cluster_info_list, self.next_token)
    }
}

impl Paged for ListNodesResponse {
    type Item = NodeInfo;

    fn into_page(self) -> Page<NodeInfo> {
        (self.node_info_list, self.next_token)
    }
}

/// The path of a cluster, and what is below it.
pub(crate) fn cluster_path(arn: &str, below: &str) -> String {
    format!("/v1/clusters/{}{below}", segment(arn))
}

fn cluster_v2_path(arn: &str) -> String {
    format!("/api/v2/clusters/{}", segment(arn))
}

impl Client {
    /// Begins to create a cluster. With a token, the same request again has the first answer instead of a conflict, so
    /// the call is also repeated when its answer was lost.
    pub async fn create_cluster(
        &self,
        request: &CreateClusterRequest,
        idempotency_token: Option<&str>,
    ) -> Result<CreateClusterResponse> {
        let call = Call::new("create_cluster", Method::POST, "/v1/clusters".to_owned())
            .idempotent(idempotency_token)
            .json(request);
        self.call(call).await
    }

    /// Says whether a cluster could be created, and creates none. The token is that of the creation to come.
    pub async fn validate_cluster(&self, request: &CreateClusterRequest, idempotency_token: &str) -> Result<()> {
        let call = Call::new("validate_cluster", Method::POST, "/v1/clusters".to_owned())
            .idempotent(Some(idempotency_token))
            .json(request);
        self.call_for_nothing(call.validate_only()).await
    }

    /// Begins to create a cluster of either type; see [`Client::create_cluster`].
    pub async fn create_cluster_v2(
        &self,
        request: &CreateClusterV2Request,
        idempotency_token: Option<&str>,
    ) -> Result<CreateClusterResponse> {
        let call = Call::new("create_cluster_v2", Method::POST, "/api/v2/clusters".to_owned())
            .idempotent(idempotency_token)
            .json(request);
        self.call(call).await
    }

    /// A cluster, in the shape of version 1.
    pub async fn describe_cluster(&self, arn: &str) -> Result<ClusterInfo> {
        let call = Call::get("describe_cluster", cluster_path(arn, ""));
        let response: DescribeClusterResponse = self.call(call).await?;
        Ok(response.cluster_info)
    }

    /// A cluster, in the shape of version 2.
    pub async fn describe_cluster_v2(&self, arn: &str) -> Result<Cluster> {
        let call = Call::get("describe_cluster_v2", cluster_v2_path(arn));
        let response: DescribeClusterV2Response = self.call(call).await?;
        Ok(response.cluster_info)
    }

    /// All clusters whose names begin with `name_filter`.
    pub async fn list_clusters_v2(&self, name_filter: Option<&str>) -> Result<Vec<Cluster>> {
        self.all_pages::<ListClustersV2Response>("list_clusters_v2", || {
            Call::get("list_clusters_v2", "/api/v2/clusters".to_owned()).query("clusterNameFilter", name_filter)
        })
        .await
    }

    /// Begins to delete a cluster; with a version, only if the cluster still has it.
    pub async fn delete_cluster(&self, arn: &str, current_version: Option<&str>) -> Result<DeleteClusterResponse> {
        let call = Call::new("delete_cluster", Method::DELETE, cluster_path(arn, ""));
        self.call(call.query("currentVersion", current_version)).await
    }

    /// Begins to change the number of brokers.
    pub async fn update_broker_count(
        &self,
        arn: &str,
        request: &UpdateBrokerCountRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/nodes/count");
        self.call(Call::new("update_broker_count", Method::PUT, path).json(request))
            .await
    }

    /// Begins to restart a broker.
    pub async fn reboot_broker(&self, arn: &str, request: &RebootBrokerRequest) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/reboot-broker");
        self.call(Call::new("reboot_broker", Method::PUT, path).json(request))
            .await
    }

    /// Begins to give a cluster another configuration, or another revision of its configuration.
    pub async fn update_cluster_configuration(
        &self,
        arn: &str,
        request: &UpdateClusterConfigurationRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/configuration");
        self.call(Call::new("update_cluster_configuration", Method::PUT, path).json(request))
            .await
    }

    /// Begins to change who may connect.
    pub async fn update_security(&self, arn: &str, request: &UpdateSecurityRequest) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/security");
        self.call(Call::new("update_security", Method::PATCH, path).json(request))
            .await
    }

    /// Begins to change who reaches brokers from elsewhere.
    pub async fn update_connectivity(
        &self,
        arn: &str,
        request: &UpdateConnectivityRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/connectivity");
        self.call(Call::new("update_connectivity", Method::PUT, path).json(request))
            .await
    }

    /// Begins or ends keeping brokers even.
    pub async fn update_rebalancing(
        &self,
        arn: &str,
        request: &UpdateRebalancingRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/rebalancing");
        self.call(Call::new("update_rebalancing", Method::PUT, path).json(request))
            .await
    }

    /// Begins to change the declared size of volumes.
    pub async fn update_broker_storage(
        &self,
        arn: &str,
        request: &UpdateBrokerStorageRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/nodes/storage");
        self.call(Call::new("update_broker_storage", Method::PUT, path).json(request))
            .await
    }

    /// Begins to change the type of brokers.
    pub async fn update_broker_type(
        &self,
        arn: &str,
        request: &UpdateBrokerTypeRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/nodes/type");
        self.call(Call::new("update_broker_type", Method::PUT, path).json(request))
            .await
    }

    /// Begins to raise the version of Kafka.
    pub async fn update_cluster_kafka_version(
        &self,
        arn: &str,
        request: &UpdateClusterKafkaVersionRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/version");
        self.call(Call::new("update_cluster_kafka_version", Method::PUT, path).json(request))
            .await
    }

    /// Begins to change what is measured.
    pub async fn update_monitoring(
        &self,
        arn: &str,
        request: &UpdateMonitoringRequest,
    ) -> Result<UpdateClusterResponse> {
        let path = cluster_path(arn, "/monitoring");
        self.call(Call::new("update_monitoring", Method::PUT, path).json(request))
            .await
    }

    /// Where clients connect to.
    pub async fn get_bootstrap_brokers(&self, arn: &str) -> Result<GetBootstrapBrokersResponse> {
        let path = cluster_path(arn, "/bootstrap-brokers");
        self.call(Call::get("get_bootstrap_brokers", path)).await
    }

    /// All brokers of a cluster.
    pub async fn list_nodes(&self, arn: &str) -> Result<Vec<NodeInfo>> {
        self.all_pages::<ListNodesResponse>("list_nodes", || Call::get("list_nodes", cluster_path(arn, "/nodes")))
            .await
    }

    /// Waits until a cluster can be changed: it is `ACTIVE`, or `HEALING`, which a change may be the cure for. One that has
    /// become `FAILED` is [`Error::Failed`] with the reason.
    pub async fn wait_for_cluster(&self, arn: &str, within: Duration) -> Result<Cluster> {
        let what = &format!("cluster {arn}");
        waiting::until(what, within, || async move {
            let cluster = self.describe_cluster_v2_when_final(arn).await?;
            match cluster.state.as_str() {
                "ACTIVE" | "HEALING" => Ok(Some(cluster)),
                "FAILED" => Err(failed(what, cluster)),
                _ => Ok(None),
            }
        })
        .await
    }

    /// Waits until a cluster that is being deleted is gone.
    pub async fn wait_for_deleted(&self, arn: &str, within: Duration) -> Result<()> {
        let what = &format!("the deletion of cluster {arn}");
        waiting::until(what, within, || async move {
            match self.describe_cluster_v2_when_final(arn).await {
                Err(error) if error.is_not_found() => Ok(Some(())),
                Err(error) => Err(error),
                Ok(cluster) if cluster.state == "FAILED" => Err(failed(what, cluster)),
                Ok(_) => Ok(None),
            }
        })
        .await
    }

    async fn describe_cluster_v2_when_final(&self, arn: &str) -> Result<Cluster> {
        let call = waiting::long(Call::get("describe_cluster_v2", cluster_v2_path(arn)));
        let response: DescribeClusterV2Response = self.call(call).await?;
        Ok(response.cluster_info)
    }
}

fn failed(what: &str, cluster: Cluster) -> Error {
    let message = cluster.state_info.map(|info| info.message);
    Error::Failed {
        what: what.to_owned(),
        message: message
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "its state is FAILED".to_owned()),
    }
}
