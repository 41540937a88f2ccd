//! `msk_elect_leaders`: gives partitions back to their preferred replicas.

use std::time::Duration;

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Progress,
    model::{Field, Model},
};

use super::of_cluster::Deed;
use crate::{arn, timeouts};

/// Gives every partition that another replica leads to its preferred one, where that one is in sync: what a restart has moved away
/// comes back at once.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct ElectLeaders {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// How long it may take, such as `"90s"` or `"10m"`. Default: `"10m"`.
    #[attribute(optional, check = timeouts::check)]
    timeout: Field<String>,
}

#[async_trait]
impl Deed for ElectLeaders {
    const TYPE_NAME: &'static str = "msk_elect_leaders";

    fn timeout(&self) -> &Field<String> {
        &self.timeout
    }

    fn describe(&self) -> String {
        format!("elect preferred leaders of cluster {}", self.cluster_arn.or_default())
    }

    async fn carry_out(&self, client: &Client, _limit: Duration, progress: &Progress) -> Result<(), Error> {
        let elections = client.elect_leaders(&self.cluster_arn.or_default()).await?;
        progress.say(format!(
            "Partitions with another leader now: {}. Their preferred replica is away or not in sync: {}.",
            elections.elected_partitions, elections.not_possible_partitions
        ));
        Ok(())
    }
}
