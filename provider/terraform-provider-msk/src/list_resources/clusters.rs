//! Clusters of both types.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::{
    schema::{Attribute, Schema},
    value::Object,
};

use super::listing::{Census, Found, listed};

/// `msk_cluster`.
pub(super) struct Provisioned;

/// `msk_serverless_cluster`.
pub(super) struct Serverless;

#[async_trait]
impl Census for Provisioned {
    const TYPE_NAME: &'static str = "msk_cluster";

    fn schema() -> Schema {
        schema("The clusters with a fixed number of brokers.")
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        of_type(client, asked, "PROVISIONED").await
    }
}

#[async_trait]
impl Census for Serverless {
    const TYPE_NAME: &'static str = "msk_serverless_cluster";

    fn schema() -> Schema {
        schema("The clusters whose number of brokers follows their load.")
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        of_type(client, asked, "SERVERLESS").await
    }
}

fn schema(description: &str) -> Schema {
    Schema::new().description(description).attribute(
        "name_prefix",
        Attribute::string()
            .optional()
            .description("Only clusters whose name begins like this."),
    )
}

async fn of_type(client: &Client, asked: &Object, cluster_type: &str) -> Found {
    let all = client.list_clusters_v2(asked.string("name_prefix")).await?;
    let of_type = all.iter().filter(|cluster| cluster.cluster_type == cluster_type);
    Ok(of_type
        .map(|cluster| listed(&cluster.cluster_name, &[("arn", &cluster.cluster_arn)]))
        .collect())
}
