//! Clusters of both types.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model};

use super::listing::{Census, Found, listed};

/// The clusters with a fixed number of brokers.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Provisioned {
    /// Only clusters whose name begins like this.
    #[attribute(optional)]
    name_prefix: Field<String>,
}

/// The clusters whose number of brokers follows their load.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Serverless {
    /// Only clusters whose name begins like this.
    #[attribute(optional)]
    name_prefix: Field<String>,
}

#[async_trait]
impl Census for Provisioned {
    const TYPE_NAME: &'static str = "msk_cluster";

    async fn ask(&self, client: &Client) -> Found {
        of_type(client, self.name_prefix.as_str(), "PROVISIONED").await
    }
}

#[async_trait]
impl Census for Serverless {
    const TYPE_NAME: &'static str = "msk_serverless_cluster";

    async fn ask(&self, client: &Client) -> Found {
        of_type(client, self.name_prefix.as_str(), "SERVERLESS").await
    }
}

async fn of_type(client: &Client, name_prefix: Option<&str>, cluster_type: &str) -> Found {
    let all = client.list_clusters_v2(name_prefix).await?;
    let of_type = all.iter().filter(|cluster| cluster.cluster_type == cluster_type);
    Ok(of_type
        .map(|cluster| listed(&cluster.cluster_name, &[("arn", &cluster.cluster_arn)]))
        .collect())
}
