//! Policies of clusters.

use control_plane_api::policies::{GetClusterPolicyResponse, PutClusterPolicyRequest, PutClusterPolicyResponse};
use http::Method;

use crate::{
    clusters::cluster_path,
    error::Result,
    transport::{Call, Client, Retry},
};

impl Client {
    /// Gives a cluster a policy, or replaces the one it has.
    pub async fn put_cluster_policy(
        &self,
        cluster_arn: &str,
        request: &PutClusterPolicyRequest,
    ) -> Result<PutClusterPolicyResponse> {
        let call = Call::new("put_cluster_policy", Method::PUT, cluster_path(cluster_arn, "/policy"));
        self.call(call.json(request)).await
    }

    /// The policy of a cluster.
    pub async fn get_cluster_policy(&self, cluster_arn: &str) -> Result<GetClusterPolicyResponse> {
        let path = cluster_path(cluster_arn, "/policy");
        self.call(Call::get("get_cluster_policy", path)).await
    }

    /// Takes the policy of a cluster away.
    pub async fn delete_cluster_policy(&self, cluster_arn: &str) -> Result<()> {
        let path = cluster_path(cluster_arn, "/policy");
        let call = Call::new("delete_cluster_policy", Method::DELETE, path);
        self.call_for_nothing(call.retry(Retry::Always)).await
    }
}
