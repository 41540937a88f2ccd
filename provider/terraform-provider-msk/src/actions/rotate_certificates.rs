//! `msk_rotate_certificates`: gives every broker of a cluster a new certificate.

use std::time::Duration;

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Progress,
    model::{Field, Model},
};

use super::of_cluster::Deed;
use crate::{arn, timeouts};

/// How often it looks how far the operation has come.
const PAUSE: Duration = Duration::from_millis(500);

/// Gives every broker of a cluster a new certificate of the same authority, which it takes up without a restart. Clients that trust the
/// cluster's authority go on, and need nothing new.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct RotateCertificates {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// How long it may take, such as `"90s"` or `"10m"`. Default: `"10m"`.
    #[attribute(optional, check = timeouts::check)]
    timeout: Field<String>,
}

#[async_trait]
impl Deed for RotateCertificates {
    const TYPE_NAME: &'static str = "msk_rotate_certificates";

    fn timeout(&self) -> &Field<String> {
        &self.timeout
    }

    fn describe(&self) -> String {
        format!("rotate the certificates of cluster {}", self.cluster_arn.or_default())
    }

    async fn carry_out(&self, client: &Client, limit: Duration, progress: &Progress) -> Result<(), Error> {
        let cluster_arn = self.cluster_arn.or_default();
        // What else is being done to the cluster is waited for.
        client.wait_for_cluster(&cluster_arn, limit).await?;
        let operation = client.rotate_certificates(&cluster_arn).await?.cluster_operation_arn;
        progress.say("Brokers are given new certificates.");
        let ended = client.wait_for_operation(&operation, limit);
        tokio::pin!(ended);
        let mut last = None;
        loop {
            tokio::select! {
                ended = &mut ended => break ended.map(drop)?,
                () = tokio::time::sleep(PAUSE) => (),
            }
            let steps = client.describe_cluster_operation(&operation).await?.operation_steps;
            let status = steps.into_iter().next().map(|step| step.step_info.step_status);
            if let Some(status) = status.filter(|status| last.as_ref() != Some(status)) {
                progress.say(format!("Certificates are taken up: {status}."));
                last = Some(status);
            }
        }
        progress.say("Every broker shows its new certificate.");
        Ok(())
    }
}
