//! `msk_bootstrap_brokers` and `msk_broker_nodes`.

use async_trait::async_trait;
use control_plane_api::bootstrap::GetBootstrapBrokersResponse;
use control_plane_client::Client;
use plugin_framework::{
    schema::{Attribute, Schema},
    value::{Object, Type, Value},
};

use super::look_up::{Answer, Question, computed, computed_objects};

/// Strings and what they are for.
const STRINGS: [(&str, &str); 10] = [
    ("bootstrap_brokers", "plaintext"),
    ("bootstrap_brokers_tls", "TLS without authentication"),
    ("bootstrap_brokers_sasl_scram", "SASL/SCRAM over TLS"),
    (
        "bootstrap_brokers_public_sasl_scram",
        "SASL/SCRAM over TLS from other machines",
    ),
    ("bootstrap_brokers_ipv6", "plaintext over IPv6"),
    ("bootstrap_brokers_tls_ipv6", "TLS without authentication over IPv6"),
    ("bootstrap_brokers_sasl_scram_ipv6", "SASL/SCRAM over TLS and IPv6"),
    ("bootstrap_brokers_sasl_iam", "SASL/IAM over TLS"),
    (
        "bootstrap_brokers_public_sasl_iam",
        "SASL/IAM over TLS from other machines",
    ),
    ("bootstrap_brokers_sasl_iam_ipv6", "SASL/IAM over TLS and IPv6"),
];

/// Adds the strings to a schema.
pub(super) fn bootstrap_attributes(schema: Schema) -> Schema {
    STRINGS.iter().fold(schema, |schema, (name, way)| {
        let description = format!("`host:port,…` for {way}; empty unless clients may use it.");
        schema.attribute(name, computed(&description))
    })
}

/// Writes the strings; what is not offered is empty.
pub(super) fn write_bootstrap(found: &mut Object, strings: &GetBootstrapBrokersResponse) {
    let values = [
        &strings.bootstrap_broker_string,
        &strings.bootstrap_broker_string_tls,
        &strings.bootstrap_broker_string_sasl_scram,
        &strings.bootstrap_broker_string_public_sasl_scram,
        &strings.bootstrap_broker_string_ipv6,
        &strings.bootstrap_broker_string_tls_ipv6,
        &strings.bootstrap_broker_string_sasl_scram_ipv6,
        &strings.bootstrap_broker_string_sasl_iam,
        &strings.bootstrap_broker_string_public_sasl_iam,
        &strings.bootstrap_broker_string_sasl_iam_ipv6,
    ];
    for ((name, _), value) in STRINGS.iter().zip(values) {
        found.set_string(name, value.as_deref().unwrap_or_default());
    }
}

fn cluster_arn() -> Attribute {
    Attribute::string().required().description("ARN of the cluster.")
}

/// Where clients connect to.
pub(super) struct BootstrapBrokers;

#[async_trait]
impl Question for BootstrapBrokers {
    const TYPE_NAME: &'static str = "msk_bootstrap_brokers";

    fn schema() -> Schema {
        let schema = Schema::new()
            .description("Where clients of a cluster connect to.")
            .attribute("cluster_arn", cluster_arn())
            .attribute("id", computed("ARN of the cluster."));
        bootstrap_attributes(schema)
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let arn = asked.string("cluster_arn").unwrap_or_default().to_owned();
        write_bootstrap(&mut asked, &client.get_bootstrap_brokers(&arn).await?);
        asked.set_string("id", &arn);
        Ok(Ok(asked))
    }
}

/// The brokers of a cluster.
pub(super) struct BrokerNodes;

#[async_trait]
impl Question for BrokerNodes {
    const TYPE_NAME: &'static str = "msk_broker_nodes";

    fn schema() -> Schema {
        let row = [
            ("broker_id", Type::Number),
            ("client_subnet", Type::String),
            ("client_vpc_ip_address", Type::String),
            ("endpoints", Type::list_of_strings()),
            ("node_arn", Type::String),
        ];
        Schema::new()
            .description("The brokers of a cluster.")
            .attribute("cluster_arn", cluster_arn())
            .attribute("id", computed("ARN of the cluster."))
            .attribute(
                "node_info_list",
                computed_objects(
                    &row,
                    "The brokers by id: the zone of each (`client_subnet`), its address, and its host names.",
                ),
            )
    }

    async fn ask(client: &Client, mut asked: Object) -> Answer {
        let arn = asked.string("cluster_arn").unwrap_or_default().to_owned();
        let nodes = client.list_nodes(&arn).await?;
        let rows = nodes.iter().filter_map(|node| {
            let broker = node.broker_node_info.as_ref()?;
            let mut row = Object::new();
            #[expect(clippy::cast_possible_truncation, reason = "MSK has ids of brokers as doubles")]
            row.set_i64("broker_id", broker.broker_id as i64)
                .set_string("client_subnet", &broker.client_subnet)
                .set_string("client_vpc_ip_address", &broker.client_vpc_ip_address)
                .set("endpoints", Value::strings(&broker.endpoints))
                .set_string("node_arn", &node.node_arn);
            Some(row.into_value())
        });
        let rows = Value::List(rows.collect());
        asked.set_string("id", &arn).set("node_info_list", rows);
        Ok(Ok(asked))
    }
}
