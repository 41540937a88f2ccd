//! `msk_rebalance`: evens replicas out among the brokers of a cluster, once.

use std::time::Duration;

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{Progress, value::Object};

use super::of_cluster::{Deed, cluster};

/// How often it looks, and asks for the next partitions.
const PAUSE: Duration = Duration::from_millis(500);

/// The action.
pub(super) struct Rebalance;

#[async_trait]
impl Deed for Rebalance {
    const TYPE_NAME: &'static str = "msk_rebalance";
    const DESCRIPTION: &'static str = "Evens replicas out among the brokers of a cluster, once: a few partitions at a time move from \
                                       brokers with many to brokers with few, until all have equal shares.";

    fn describe(asked: &Object) -> String {
        format!("even out cluster {}", cluster(asked))
    }

    async fn carry_out(client: &Client, asked: &Object, limit: Duration, progress: &Progress) -> Result<(), Error> {
        client.wait_for_cluster(cluster(asked), limit).await?;
        let mut last = None;
        loop {
            let moving = client.rebalance(cluster(asked)).await?.moving_partitions;
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
