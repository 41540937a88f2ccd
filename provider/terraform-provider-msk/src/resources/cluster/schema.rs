//! The schema of `msk_cluster`: the names of `aws_msk_cluster` where the thing is the same.

use control_plane_api::instance_types::INSTANCE_TYPES;
use plugin_framework::schema::{Attribute, Nesting, Schema};

use super::{connectivity, encryption, monitoring};
use crate::{arn, resources::deletion_protection, timeouts};

/// Most brokers a cluster may have, as MSK has it.
const BROKERS_MAX: i64 = 15;
/// Largest volume, GiB, as MSK has it.
const VOLUME_GIB_MAX: i64 = 16_384;
/// Least and most throughput of a volume, MiB a second, as MSK has it.
const THROUGHPUT_MIN: i64 = 250;
const THROUGHPUT_MAX: i64 = 2375;
/// Where segments may be, as MSK has it.
const STORAGE_MODES: &[&str] = &["LOCAL", "TIERED"];
/// What `enhanced_monitoring` may be.
const MONITORING: &[&str] = &[
    "DEFAULT",
    "PER_BROKER",
    "PER_TOPIC_PER_BROKER",
    "PER_TOPIC_PER_PARTITION",
];
/// Longest name, as MSK has it.
const NAME_CHARS_MAX: usize = 64;

/// Arguments of `broker_node_group_info` that describe hardware and networks of AWS.
pub(super) const WITHOUT_EFFECT: &[&str] = &["client_subnets", "security_groups", "az_distribution"];

/// The schema.
pub(super) fn schema() -> Schema {
    let schema = Schema::new().description("A cluster of Kafka brokers.");
    blocks(computed(configurable(schema)))
}

fn configurable(schema: Schema) -> Schema {
    schema
        .attribute(
            "cluster_name",
            Attribute::string()
                .required()
                .replaces("the name is the identity of a cluster")
                .check(|value| check_name(value.as_str().unwrap_or_default()))
                .description("Name of the cluster: 1 to 64 letters, digits and hyphens."),
        )
        .attribute(
            "number_of_broker_nodes",
            Attribute::number()
                .required()
                .between(1, BROKERS_MAX)
                .description(
                    "Number of brokers. It grows and shrinks while clients work: data is moved onto brokers that join and away \
                     from those that leave. Fewer than a topic has replicas is refused by the plan.",
                ),
        )
        .attribute(
            "kafka_version",
            Attribute::string()
                .optional()
                .computed()
                .stable()
                .description(
                    "Version of Kafka the brokers behave as. It can be raised, by a rolling restart, and never lowered. \
                     Default: the newest the runtime offers when the cluster is made.",
                ),
        )
        .attribute(
            "enhanced_monitoring",
            Attribute::string()
                .optional()
                .computed()
                .stable()
                .one_of(MONITORING)
                .description("How much brokers report to the control plane's page of metrics. Default: `DEFAULT`."),
        )
        .attribute(
            "storage_mode",
            Attribute::string()
                .optional()
                .one_of(STORAGE_MODES)
                .description("`LOCAL`; `TIERED` is refused, because nothing moves segments elsewhere. Default: `LOCAL`."),
        )
        .attribute("deletion_protection", deletion_protection::attribute())
        .attribute(
            "tags",
            Attribute::map_of_strings()
                .optional()
                .description("Tags of the cluster."),
        )
}

fn computed(schema: Schema) -> Schema {
    let stable = |description| Attribute::string().computed().stable().description(description);
    schema
        .attribute("arn", stable("ARN of the cluster."))
        .attribute("id", stable("ARN of the cluster."))
        .attribute("cluster_uuid", stable("The last part of the ARN."))
        .attribute(
            "current_version",
            Attribute::string()
                .computed()
                .description("Version of the cluster's settings; each change gives it another."),
        )
        .attribute(
            "bootstrap_brokers",
            stable("`host:port,…` for plaintext; empty unless clients may use it."),
        )
        .attribute(
            "bootstrap_brokers_tls",
            stable("`host:port,…` for TLS without authentication; empty unless clients may use it."),
        )
        .attribute(
            "bootstrap_brokers_sasl_scram",
            stable("`host:port,…` for SASL/SCRAM over TLS; empty unless it is enabled."),
        )
        .attribute(
            "bootstrap_brokers_sasl_iam",
            stable("`host:port,…` for SASL/IAM over TLS; empty unless it is enabled."),
        )
        .attribute(
            "bootstrap_brokers_public_sasl_scram",
            stable("`host:port,…` for SASL/SCRAM from other machines; empty unless public access is on."),
        )
        .attribute(
            "bootstrap_brokers_public_sasl_iam",
            stable("`host:port,…` for SASL/IAM from other machines; empty unless public access is on."),
        )
        .attribute(
            "bootstrap_brokers_ipv6",
            stable("As `bootstrap_brokers`, over IPv6; empty unless the network type is `DUAL`."),
        )
        .attribute(
            "bootstrap_brokers_tls_ipv6",
            stable("As `bootstrap_brokers_tls`, over IPv6; empty unless the network type is `DUAL`."),
        )
        .attribute(
            "bootstrap_brokers_sasl_scram_ipv6",
            stable("As `bootstrap_brokers_sasl_scram`, over IPv6; empty unless the network type is `DUAL`."),
        )
        .attribute(
            "bootstrap_brokers_sasl_iam_ipv6",
            stable("As `bootstrap_brokers_sasl_iam`, over IPv6; empty unless the network type is `DUAL`."),
        )
        .attribute(
            "certificate_authority_pem",
            stable("Certificate of the authority that signs the brokers' certificates, in PEM."),
        )
}

fn blocks(schema: Schema) -> Schema {
    schema
        .block("configuration_info", Nesting::Single, configuration_info())
        .block("client_authentication", Nesting::Single, client_authentication())
        .block(encryption::BLOCK, Nesting::Single, encryption::schema())
        .block("broker_node_group_info", Nesting::Single, broker_node_group_info())
        .block("open_monitoring", Nesting::Single, monitoring::open_monitoring())
        .block("logging_info", Nesting::Single, monitoring::logging_info())
        .block("rebalancing", Nesting::Single, connectivity::rebalancing())
        .block("timeouts", Nesting::Single, timeouts::block())
}

fn configuration_info() -> Schema {
    Schema::new()
        .description("The `msk_configuration` the brokers use.")
        .attribute(
            "arn",
            Attribute::string()
                .required()
                .check(|value| match value.as_str() {
                    Some(text) if !arn::is_configuration(text) => {
                        vec![format!(
                            "{text:?} is not the ARN of a configuration; use the arn of an msk_configuration"
                        )]
                    }
                    _ => Vec::new(),
                })
                .description("ARN of the configuration."),
        )
        .attribute(
            "revision",
            Attribute::number()
                .required()
                .between(1, i64::MAX)
                .description("Revision of the configuration; usually its `latest_revision`."),
        )
}

fn client_authentication() -> Schema {
    let sasl = Schema::new()
        .description("Authentication over SASL.")
        .attribute(
            "scram",
            Attribute::bool()
                .optional()
                .description("User name and password, over TLS. Users are `msk_scram_secret`s."),
        )
        .attribute(
            "iam",
            Attribute::bool().optional().description(
                "Signature of an access key of the runtime, over TLS. The key's principal needs every permission for the \
                 data of the cluster (`kafka-cluster:*`).",
            ),
        );
    let tls = Schema::new()
        .description("Client certificates, on the listener for TLS.")
        .attribute(
            "certificate_authority_arns",
            Attribute::set_of_strings().optional().description(
                "ARNs of the authorities whose certificates are good, as `broker-runtime authorities` gives them.",
            ),
        );
    Schema::new()
        .description("How clients prove who they are. Without the block, clients need no authentication.")
        .attribute(
            "unauthenticated",
            Attribute::bool().optional().description(
                "Whether clients may connect without authentication. Default: only if nothing else is enabled.",
            ),
        )
        .block("sasl", Nesting::Single, sasl)
        .block("tls", Nesting::Single, tls)
}

fn broker_node_group_info() -> Schema {
    let throughput = Schema::new()
        .description("Has no effect here: a broker has what the disk gives.")
        .attribute(
            "enabled",
            Attribute::bool().optional().description("Has no effect here."),
        )
        .attribute(
            "volume_throughput",
            Attribute::number()
                .optional()
                .between(THROUGHPUT_MIN, THROUGHPUT_MAX)
                .description("Has no effect here."),
        );
    let ebs = Schema::new().description("The volume of each broker.").attribute(
        "volume_size",
        Attribute::number().optional().between(1, VOLUME_GIB_MAX).description(
            "Size in GiB; it grows and never shrinks. From 90 % on, the cluster's `customer_action_status` asks for action. A \
             broker whose logs have all of it refuses producers until there is room. Default: what the disk has.",
        ),
    );
    let ebs = ebs.block("provisioned_throughput", Nesting::Single, throughput);
    let storage = Schema::new()
        .description("Storage of brokers.")
        .block("ebs_storage_info", Nesting::Single, ebs);
    let text = || Attribute::string().optional().description("Has no effect here.");
    let texts = || {
        Attribute::set_of_strings()
            .optional()
            .description("Has no effect here.")
    };
    Schema::new()
        .description(
            "Accepted so that blocks of `aws_msk_cluster` paste over. What names hardware and networks of AWS has no effect.",
        )
        .attribute(
            "instance_type",
            Attribute::string()
                .optional()
                .check(|value| match value.as_str() {
                    Some(name) if INSTANCE_TYPES.iter().all(|known| known.name != name) => {
                        let names: Vec<&str> = INSTANCE_TYPES.iter().map(|known| known.name).collect();
                        vec![format!("{name:?} is no type of brokers; use {}", names.join(", "))]
                    }
                    _ => Vec::new(),
                })
                .description(
                    "What each broker may use of the machine, as MSK's types have it: processors and memory. It is changed by a \
                     rolling restart. Default: what the broker needs.",
                ),
        )
        .attribute("az_distribution", text())
        .attribute("client_subnets", texts())
        .attribute("security_groups", texts())
        .block("storage_info", Nesting::Single, storage)
        .block("connectivity_info", Nesting::Single, connectivity::connectivity_info())
}

pub(in crate::resources) fn check_name(name: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        problems.push(format!("a name has 1 to {NAME_CHARS_MAX} characters"));
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if let Some(wrong) = name.chars().find(|character| !allowed(*character)) {
        problems.push(format!(
            "{wrong:?} may not be in a name, which has letters, digits and hyphens only"
        ));
    } else if name.starts_with('-') {
        problems.push("a name begins with a letter or a digit".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn names_are_msks() {
        assert!(check_name("orders-1").is_empty());
        for wrong in ["", "-a", "a_b", "a b", "ä", &"a".repeat(65)] {
            assert!(!check_name(wrong).is_empty(), "{wrong:?}");
        }
    }
}
