//! Which secrets are users of a cluster.

use control_plane_api::scram::{ListScramSecretsResponse, ScramSecretsRequest, ScramSecretsResponse};
use http::Method;

use crate::{
    clusters::cluster_path,
    error::Result,
    paging::{Page, Paged},
    transport::{Call, Client, Retry},
};

impl Paged for ListScramSecretsResponse {
    type Item = String;

    fn into_page(self) -> Page<String> {
        (self.secret_arn_list, self.next_token)
    }
}

impl Client {
    /// Makes secrets users of a cluster. Look for refusals in the answer: it is a success also when there are some.
    pub async fn batch_associate_scram_secret(
        &self,
        cluster_arn: &str,
        request: &ScramSecretsRequest,
    ) -> Result<ScramSecretsResponse> {
        let path = cluster_path(cluster_arn, "/scram-secrets");
        let call = Call::new("batch_associate_scram_secret", Method::POST, path);
        self.call(call.retry(Retry::Always).until_brokers_know().json(request))
            .await
    }

    /// Takes users away from a cluster. Look for refusals in the answer: it is a success also when there are some.
    pub async fn batch_disassociate_scram_secret(
        &self,
        cluster_arn: &str,
        request: &ScramSecretsRequest,
    ) -> Result<ScramSecretsResponse> {
        let path = cluster_path(cluster_arn, "/scram-secrets");
        let call = Call::new("batch_disassociate_scram_secret", Method::PATCH, path);
        self.call(call.retry(Retry::Always).until_brokers_know().json(request))
            .await
    }

    /// ARNs of all secrets that are users of a cluster.
    pub async fn list_scram_secrets(&self, cluster_arn: &str) -> Result<Vec<String>> {
        self.all_pages::<ListScramSecretsResponse>("list_scram_secrets", || {
            Call::get("list_scram_secrets", cluster_path(cluster_arn, "/scram-secrets"))
        })
        .await
    }
}
