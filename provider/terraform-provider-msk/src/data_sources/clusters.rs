//! `msk_cluster` and `msk_clusters`.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::{
    schema::{Attribute, Schema},
    value::{Object, Type, Value},
};

use super::{
    brokers::{bootstrap_attributes, write_bootstrap},
    look_up::{Answer, Missing, Question, computed, computed_objects, enumerated, map_or_null, name_prefix},
};
use crate::arn;

/// One cluster, by its name.
pub(super) struct Cluster;

#[async_trait]
impl Question for Cluster {
    const TYPE_NAME: &'static str = "msk_cluster";

    fn schema() -> Schema {
        let schema = Schema::new()
            .description("A cluster that exists, provisioned or serverless, whoever has made it.")
            .attribute(
                "cluster_name",
                Attribute::string().required().description("Name of the cluster."),
            )
            .attribute("arn", computed("ARN of the cluster."))
            .attribute("id", computed("ARN of the cluster."))
            .attribute("cluster_uuid", computed("The last part of the ARN."))
            .attribute("cluster_type", computed("`PROVISIONED` or `SERVERLESS`."))
            .attribute(
                "state",
                computed("MSK's name of its state, such as `ACTIVE` or `HEALING`."),
            )
            .attribute("current_version", computed("Version of the cluster's settings."))
            .attribute("kafka_version", computed("Version of Kafka; null when serverless."))
            .attribute(
                "configuration_arn",
                computed("Configuration in force, if there is one."),
            )
            .attribute(
                "number_of_broker_nodes",
                Attribute::number().computed().description("Number of brokers."),
            )
            .attribute(
                "customer_action_status",
                computed(
                    "Whether somebody has to do something: `NONE`, `ACTION_RECOMMENDED` or `CRITICAL_ACTION_REQUIRED`.",
                ),
            )
            .attribute(
                "certificate_authority_pem",
                computed("Authority that has signed the brokers' certificates; clients trust it."),
            )
            .attribute("tags", Attribute::map_of_strings().computed().description("Tags."));
        bootstrap_attributes(schema)
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let name = asked.string("cluster_name").unwrap_or_default().to_owned();
        let all = client.list_clusters_v2(None).await?;
        let Some(found) = all.iter().find(|cluster| cluster.cluster_name == name) else {
            let there = enumerated(all.iter().map(|cluster| cluster.cluster_name.as_str()));
            return Ok(Err(Missing {
                argument: "cluster_name",
                detail: format!("There is no cluster {name:?}. Clusters that exist: {there}."),
            }));
        };
        let cluster = client.describe_cluster_v2(&found.cluster_arn).await?;
        let arn = &cluster.cluster_arn;
        let brokers = client.list_nodes(arn).await?;
        let count = brokers.iter().filter(|node| node.broker_node_info.is_some()).count();
        let authority = client.describe_certificate_authority(arn).await?;
        write_bootstrap(&mut asked, &client.get_bootstrap_brokers(arn).await?);
        asked
            .set_string("arn", arn)
            .set_string("id", arn)
            .set_optional_string("cluster_uuid", arn::cluster(arn).map(|name| name.uuid))
            .set_string("cluster_type", &cluster.cluster_type)
            .set_string("state", &cluster.state)
            .set_string("current_version", &cluster.current_version)
            .set_i64("number_of_broker_nodes", i64::try_from(count).unwrap_or(i64::MAX))
            .set_string("certificate_authority_pem", &authority.certificate_pem)
            .set("tags", map_or_null(&cluster.tags));
        let provisioned = cluster.provisioned.as_ref();
        let software = provisioned.map(|it| &it.current_broker_software_info);
        asked
            .set_optional_string("kafka_version", software.and_then(|it| it.kafka_version.as_deref()))
            .set_optional_string(
                "configuration_arn",
                software.and_then(|it| it.configuration_arn.as_deref()),
            )
            .set_optional_string(
                "customer_action_status",
                provisioned.and_then(|it| it.customer_action_status.as_deref()),
            );
        Ok(Ok(asked))
    }
}

/// All clusters.
pub(super) struct Clusters;

#[async_trait]
impl Question for Clusters {
    const TYPE_NAME: &'static str = "msk_clusters";

    fn schema() -> Schema {
        let row = ["arn", "cluster_name", "cluster_type", "state"].map(|name| (name, Type::String));
        Schema::new()
            .description("The clusters that exist, by name.")
            .attribute("name_prefix", name_prefix("clusters"))
            .attribute(
                "arns",
                Attribute::list_of_strings().computed().description("Their ARNs."),
            )
            .attribute(
                "names",
                Attribute::list_of_strings().computed().description("Their names."),
            )
            .attribute(
                "clusters",
                computed_objects(&row, "What there is to say of each in a line."),
            )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let all = client.list_clusters_v2(asked.string("name_prefix")).await?;
        let rows = all.iter().map(|cluster| {
            let mut row = Object::new();
            row.set_string("arn", &cluster.cluster_arn)
                .set_string("cluster_name", &cluster.cluster_name)
                .set_string("cluster_type", &cluster.cluster_type)
                .set_string("state", &cluster.state);
            row.into_value()
        });
        let rows = Value::List(rows.collect());
        asked
            .set("arns", Value::strings(all.iter().map(|cluster| &cluster.cluster_arn)))
            .set("names", Value::strings(all.iter().map(|cluster| &cluster.cluster_name)))
            .set("clusters", rows);
        Ok(Ok(asked))
    }
}
