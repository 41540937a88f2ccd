//! Our extensions of the API, under `/openmsk/v1`.

use control_plane_api::extensions::{CertificateAuthority, RuntimeInfo, Status};

use http::Method;

use crate::{
    error::Result,
    transport::{Call, Client, Retry, segment},
};

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

    /// The authority that signs the certificates of a cluster's brokers.
    pub async fn describe_certificate_authority(&self, cluster_arn: &str) -> Result<CertificateAuthority> {
        let path = format!("/openmsk/v1/clusters/{}/certificate-authority", segment(cluster_arn));
        self.call(Call::get("describe_certificate_authority", path)).await
    }

    /// Gives up the token of a creation whose answer has been written down. A token nobody knows is fine.
    pub async fn forget_idempotency_token(&self, token: &str) -> Result<()> {
        let path = format!("/openmsk/v1/idempotency-tokens/{}", segment(token));
        self.call_for_nothing(Call::new("forget_idempotency_token", Method::DELETE, path).retry(Retry::Always))
            .await
    }
}
