//! `msk_rebalance`: evens replicas out among the brokers of a cluster, once.

use std::time::Duration;

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Progress,
    model::{Field, Model},
};

use super::of_cluster::Deed;
use crate::{arn, timeouts};

/// How often it looks, and asks for the next partitions.
const PAUSE: Duration = Duration::from_millis(500);

/// Evens replicas out among the brokers of a cluster, once: a few partitions at a time move from brokers with many to brokers with
/// few, until all have equal shares.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Rebalance {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// How long it may take, such as `"90s"` or `"10m"`. Default: `"10m"`.
    #[attribute(optional, check = timeouts::check)]
    timeout: Field<String>,
}

#[async_trait]
impl Deed for Rebalance {
    const TYPE_NAME: &'static str = "msk_rebalance";

    fn timeout(&self) -> &Field<String> {
        &self.timeout
    }

    fn describe(&self) -> String {
        format!("even out cluster {}", self.cluster_arn.or_default())
    }

    async fn carry_out(&self, client: &Client, limit: Duration, progress: &Progress) -> Result<(), Error> {
        let cluster_arn = self.cluster_arn.or_default();
        client.wait_for_cluster(&cluster_arn, limit).await?;
        let mut last = None;
        loop {
            let moving = client.rebalance(&cluster_arn).await?.moving_partitions;
            if moving == 0 {
                progress.say("Brokers have equal shares.");
                return Ok(());
            }
            if last != Some(moving) {
                progress.say(format!("Partitions that are being moved: {moving}."));
                last = Some(moving);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
