//! `msk_cluster` and `msk_clusters`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model, Plain};

use super::look_up::{Answer, Missing, Question, enumerated, texts};
use crate::{arn, bootstrap::BootstrapStrings};

/// A cluster that exists, provisioned or serverless, whoever has made it.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Cluster {
    /// Name of the cluster.
    #[attribute(required)]
    cluster_name: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed)]
    arn: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed)]
    id: Field<String>,
    /// The last part of the ARN.
    #[attribute(computed)]
    cluster_uuid: Field<String>,
    /// `PROVISIONED` or `SERVERLESS`.
    #[attribute(computed)]
    cluster_type: Field<String>,
    /// MSK's name of its state, such as `ACTIVE` or `HEALING`.
    #[attribute(computed)]
    state: Field<String>,
    /// Version of the cluster's settings.
    #[attribute(computed)]
    current_version: Field<String>,
    /// Version of Kafka; null when serverless.
    #[attribute(computed)]
    kafka_version: Field<String>,
    /// Configuration in force, if there is one.
    #[attribute(computed)]
    configuration_arn: Field<String>,
    /// Number of brokers.
    #[attribute(computed)]
    number_of_broker_nodes: Field<i64>,
    /// Whether somebody has to do something: `NONE`, `ACTION_RECOMMENDED` or `CRITICAL_ACTION_REQUIRED`.
    #[attribute(computed)]
    customer_action_status: Field<String>,
    /// Authority that has signed the brokers' certificates; clients trust it.
    #[attribute(computed)]
    certificate_authority_pem: Field<String>,
    /// Tags.
    #[attribute(computed)]
    tags: Field<BTreeMap<String, String>>,
    #[flatten]
    bootstrap: BootstrapStrings,
}

#[async_trait]
impl Question for Cluster {
    const TYPE_NAME: &'static str = "msk_cluster";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let name = self.cluster_name.or_default();
        let all = client.list_clusters_v2(None).await?;
        let Some(found) = all.iter().find(|cluster| cluster.cluster_name == name) else {
            let there = enumerated(all.iter().map(|cluster| cluster.cluster_name.as_str()));
            return Ok(Err(Missing {
                argument: "cluster_name",
                detail: format!("There is no cluster {name:?}. Clusters that exist: {there}."),
            }));
        };
        let cluster = client.describe_cluster_v2(&found.cluster_arn).await?;
        let arn = cluster.cluster_arn;
        let brokers = client.list_nodes(&arn).await?;
        let count = brokers.iter().filter(|node| node.broker_node_info.is_some()).count();
        let authority = client.describe_certificate_authority(&arn).await?;
        self.bootstrap = client.get_bootstrap_brokers(&arn).await?.into();
        self.cluster_uuid = arn::cluster(&arn).map(|name| name.uuid).into();
        self.arn = arn.clone().into();
        self.id = arn.into();
        self.cluster_type = cluster.cluster_type.into();
        self.state = cluster.state.into();
        self.current_version = cluster.current_version.into();
        self.number_of_broker_nodes = i64::try_from(count).unwrap_or(i64::MAX).into();
        self.certificate_authority_pem = authority.certificate_pem.into();
        self.tags.follow(cluster.tags);
        if let Some(provisioned) = cluster.provisioned {
            let software = provisioned.current_broker_software_info;
            self.kafka_version = software.kafka_version.into();
            self.configuration_arn = software.configuration_arn.into();
            self.customer_action_status = provisioned.customer_action_status.into();
        }
        Ok(Ok(self))
    }
}

/// The clusters that exist, by name.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Clusters {
    /// Only clusters whose name begins like this.
    #[attribute(optional)]
    name_prefix: Field<String>,
    /// Their ARNs.
    #[attribute(computed)]
    arns: Field<Vec<String>>,
    /// Their names.
    #[attribute(computed)]
    names: Field<Vec<String>>,
    /// What there is to say of each in a line.
    #[attribute(computed)]
    clusters: Field<Plain<Vec<ClusterLine>>>,
}

/// A cluster in a line.
#[derive(Clone, Debug, Default, Model)]
struct ClusterLine {
    #[attribute(computed)]
    arn: Field<String>,
    #[attribute(computed)]
    cluster_name: Field<String>,
    #[attribute(computed)]
    cluster_type: Field<String>,
    #[attribute(computed)]
    state: Field<String>,
}

#[async_trait]
impl Question for Clusters {
    const TYPE_NAME: &'static str = "msk_clusters";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let all = client.list_clusters_v2(self.name_prefix.as_str()).await?;
        self.arns = texts(all.iter().map(|cluster| &cluster.cluster_arn));
        self.names = texts(all.iter().map(|cluster| &cluster.cluster_name));
        let lines = all.into_iter().map(|cluster| ClusterLine {
            arn: cluster.cluster_arn.into(),
            cluster_name: cluster.cluster_name.into(),
            cluster_type: cluster.cluster_type.into(),
            state: cluster.state.into(),
        });
        self.clusters = Plain(lines.collect()).into();
        Ok(Ok(self))
    }
}
