//! `msk_bootstrap_brokers` and `msk_broker_nodes`.

use async_trait::async_trait;
use control_plane_api::nodes::NodeInfo;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model, Plain};

use super::look_up::{Answer, Question};
use crate::{arn, bootstrap::BootstrapStrings};

/// Where clients of a cluster connect to.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct BootstrapBrokers {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed)]
    id: Field<String>,
    #[flatten]
    strings: BootstrapStrings,
}

#[async_trait]
impl Question for BootstrapBrokers {
    const TYPE_NAME: &'static str = "msk_bootstrap_brokers";

    async fn ask(self, client: &Client) -> Answer<Self> {
        let found = client.get_bootstrap_brokers(&self.cluster_arn.or_default()).await?;
        Ok(Ok(Self {
            id: self.cluster_arn.clone(),
            strings: found.into(),
            ..self
        }))
    }
}

/// The brokers of a cluster.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct BrokerNodes {
    /// ARN of the cluster.
    #[attribute(required, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed)]
    id: Field<String>,
    /// The brokers by id: the zone of each (`client_subnet`), its address, and its host names.
    #[attribute(computed)]
    node_info_list: Field<Plain<Vec<Node>>>,
}

/// A broker.
#[derive(Clone, Debug, Default, Model)]
struct Node {
    #[attribute(computed)]
    broker_id: Field<i64>,
    #[attribute(computed)]
    client_subnet: Field<String>,
    #[attribute(computed)]
    client_vpc_ip_address: Field<String>,
    #[attribute(computed)]
    endpoints: Field<Vec<String>>,
    #[attribute(computed)]
    node_arn: Field<String>,
}

impl Node {
    /// `None` for a controller.
    fn of(node: NodeInfo) -> Option<Self> {
        let broker = node.broker_node_info?;
        #[expect(clippy::cast_possible_truncation, reason = "MSK has ids of brokers as doubles")]
        let broker_id = broker.broker_id as i64;
        Some(Self {
            broker_id: broker_id.into(),
            client_subnet: broker.client_subnet.into(),
            client_vpc_ip_address: broker.client_vpc_ip_address.into(),
            endpoints: broker.endpoints.into(),
            node_arn: node.node_arn.into(),
        })
    }
}

#[async_trait]
impl Question for BrokerNodes {
    const TYPE_NAME: &'static str = "msk_broker_nodes";

    async fn ask(self, client: &Client) -> Answer<Self> {
        let nodes = client.list_nodes(&self.cluster_arn.or_default()).await?;
        Ok(Ok(Self {
            id: self.cluster_arn.clone(),
            node_info_list: Plain(nodes.into_iter().filter_map(Node::of).collect()).into(),
            ..self
        }))
    }
}
