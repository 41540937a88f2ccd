//! `msk_rotate_certificates`: gives every broker of a cluster a new certificate.

use std::time::Duration;

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{Progress, value::Object};

use super::of_cluster::{Deed, cluster};

/// How often it looks how far the operation has come.
const PAUSE: Duration = Duration::from_millis(500);

/// The action.
pub(super) struct RotateCertificates;

#[async_trait]
impl Deed for RotateCertificates {
    const TYPE_NAME: &'static str = "msk_rotate_certificates";
    const DESCRIPTION: &'static str = "Gives every broker of a cluster a new certificate of the same authority, which it takes up without a \
                                       restart. Clients that trust the cluster's authority go on, and need nothing new.";

    fn describe(asked: &Object) -> String {
        format!("rotate the certificates of cluster {}", cluster(asked))
    }

    async fn carry_out(client: &Client, asked: &Object, limit: Duration, progress: &Progress) -> Result<(), Error> {
        // What else is being done to the cluster is waited for.
        client.wait_for_cluster(cluster(asked), limit).await?;
        let operation = client.rotate_certificates(cluster(asked)).await?.cluster_operation_arn;
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
