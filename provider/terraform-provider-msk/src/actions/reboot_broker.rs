//! `msk_reboot_broker`: restarts brokers, one after the other.

use std::time::Duration;

use async_trait::async_trait;
use control_plane_api::updates::RebootBrokerRequest;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Progress,
    model::{Field, Model},
    value::Value,
};

use super::of_cluster::Deed;
use crate::{arn, timeouts};

/// Restarts brokers, one after the other: leaders move away first, and the next one is restarted once the last one is in sync
/// again, so clients lose nothing.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct RebootBroker {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Ids of the brokers, in the order in which they are restarted. Default: every broker.
    #[attribute(optional, check = not_empty)]
    broker_ids: Field<Vec<i64>>,
    /// How long it may take, such as `"90s"` or `"10m"`. Default: `"10m"`.
    #[attribute(optional, check = timeouts::check)]
    timeout: Field<String>,
}

#[async_trait]
impl Deed for RebootBroker {
    const TYPE_NAME: &'static str = "msk_reboot_broker";

    fn timeout(&self) -> &Field<String> {
        &self.timeout
    }

    fn describe(&self) -> String {
        format!("restart brokers of cluster {}", self.cluster_arn.or_default())
    }

    async fn carry_out(&self, client: &Client, limit: Duration, progress: &Progress) -> Result<(), Error> {
        let cluster_arn = &self.cluster_arn.or_default();
        let brokers = match self.broker_ids.known() {
            Some(ids) => ids.iter().map(i64::to_string).collect(),
            None => brokers_of(client, cluster_arn).await?,
        };
        for (index, broker) in brokers.iter().enumerate() {
            progress.say(format!(
                "Broker {broker} is restarted ({} of {}).",
                index + 1,
                brokers.len()
            ));
            // What else is being done to the cluster is waited for.
            client.wait_for_cluster(cluster_arn, limit).await?;
            let request = RebootBrokerRequest {
                broker_ids: vec![broker.clone()],
            };
            let begun = client.reboot_broker(cluster_arn, &request).await?;
            client.wait_for_operation(&begun.cluster_operation_arn, limit).await?;
            progress.say(format!("Broker {broker} is back and in sync."));
        }
        Ok(())
    }
}

fn not_empty(value: &Value) -> Vec<String> {
    match value.as_list() {
        Some([]) => vec!["it is empty; leave it out to restart every broker".to_owned()],
        _ => Vec::new(),
    }
}

/// Their ids, in order. The API has them as floating point numbers.
async fn brokers_of(client: &Client, cluster_arn: &str) -> Result<Vec<String>, Error> {
    let nodes = client.list_nodes(cluster_arn).await?;
    let brokers = nodes.iter().filter_map(|node| node.broker_node_info.as_ref());
    let mut ids: Vec<f64> = brokers.map(|broker| broker.broker_id).collect();
    ids.sort_by(f64::total_cmp);
    Ok(ids.iter().map(|id| format!("{id:.0}")).collect())
}
