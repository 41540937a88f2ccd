//! `msk_elect_leaders`: gives partitions back to their preferred replicas.

use std::time::Duration;

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{Progress, value::Object};

use super::of_cluster::{Deed, cluster};

/// The action.
pub(super) struct ElectLeaders;

#[async_trait]
impl Deed for ElectLeaders {
    const TYPE_NAME: &'static str = "msk_elect_leaders";
    const DESCRIPTION: &'static str = "Gives every partition that another replica leads to its preferred one, where that one is in \
                                       sync: what a restart has moved away comes back at once.";

    fn describe(asked: &Object) -> String {
        format!("elect preferred leaders of cluster {}", cluster(asked))
    }

    async fn carry_out(client: &Client, asked: &Object, _limit: Duration, progress: &Progress) -> Result<(), Error> {
        let elections = client.elect_leaders(cluster(asked)).await?;
        progress.say(format!(
            "Partitions with another leader now: {}. Their preferred replica is away or not in sync: {}.",
            elections.elected_partitions, elections.not_possible_partitions
        ));
        Ok(())
    }
}
