//! What an `msk_cluster` is: the names of `aws_msk_cluster` where the thing is the same.

use std::collections::BTreeMap;

use control_plane_api::{clusters::ENGINES, instance_types::INSTANCE_TYPES};
use plugin_framework::{
    model::{Distinct, Field, Model},
    value::Value,
};

use super::{
    connectivity::{ConnectivityInfo, RebalancingBlock},
    encryption::EncryptionInfo,
    monitoring::{LoggingInfo, OpenMonitoring},
};
use crate::{arn, bootstrap::BootstrapStrings, timeouts::Timeouts};

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

/// A cluster of Kafka brokers.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct ClusterModel {
    /// Name of the cluster: 1 to 64 letters, digits and hyphens.
    #[attribute(required, replaces = "the name is the identity of a cluster", check = is_name)]
    pub(super) cluster_name: Field<String>,
    /// Number of brokers. It grows and shrinks while clients work: data is moved onto brokers that join and away from those that
    /// leave. Fewer than a topic has replicas is refused by the plan.
    #[attribute(required, between = (1, BROKERS_MAX))]
    pub(super) number_of_broker_nodes: Field<i64>,
    /// Version of Kafka the brokers behave as. It can be raised, by a rolling restart, and never lowered. Default: the newest the
    /// runtime offers when the cluster is made.
    #[attribute(optional, computed, stable)]
    pub(super) kafka_version: Field<String>,
    /// What runs the brokers: `embedded`, brokers of this project on the machine of the runtime, or `apache-kafka`, Apache Kafka
    /// itself on the hosts of the runtime. Apache Kafka takes a cluster over when it is changed to that; there is no way back.
    /// Default: `embedded`.
    #[attribute(optional, computed, stable, one_of = ENGINES)]
    pub(super) engine: Field<String>,
    /// How much brokers report to the control plane's page of metrics. Default: `DEFAULT`.
    #[attribute(optional, computed, stable, one_of = MONITORING)]
    pub(super) enhanced_monitoring: Field<String>,
    /// `LOCAL`; `TIERED` is refused, because nothing moves segments elsewhere. Default: `LOCAL`.
    #[attribute(optional, one_of = STORAGE_MODES)]
    pub(super) storage_mode: Field<String>,
    /// Whether a plan that destroys or replaces it is refused. Set it to `false`, and apply that, to destroy it. Default: `false`.
    #[attribute(optional)]
    pub(super) deletion_protection: Field<bool>,
    /// Tags of the cluster.
    #[attribute(optional)]
    pub(super) tags: Field<BTreeMap<String, String>>,

    /// ARN of the cluster.
    #[attribute(computed, stable)]
    pub(super) arn: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed, stable)]
    pub(super) id: Field<String>,
    /// The last part of the ARN.
    #[attribute(computed, stable)]
    pub(super) cluster_uuid: Field<String>,
    /// Version of the cluster's settings; each change gives it another.
    #[attribute(computed)]
    pub(super) current_version: Field<String>,
    #[flatten]
    pub(super) bootstrap: BootstrapStrings,
    /// Certificate of the authority that signs the brokers' certificates, in PEM.
    #[attribute(computed, stable)]
    pub(super) certificate_authority_pem: Field<String>,

    #[block]
    pub(super) configuration_info: Field<ConfigurationInfo>,
    #[block]
    pub(super) client_authentication: Field<ClientAuthentication>,
    #[block]
    pub(super) encryption_info: Field<EncryptionInfo>,
    #[block]
    pub(super) broker_node_group_info: Field<BrokerNodeGroupInfo>,
    #[block]
    pub(super) open_monitoring: Field<OpenMonitoring>,
    #[block]
    pub(super) logging_info: Field<LoggingInfo>,
    #[block]
    pub(super) rebalancing: Field<RebalancingBlock>,
    #[block]
    pub(super) timeouts: Field<Timeouts>,
}

/// The `msk_configuration` the brokers use.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct ConfigurationInfo {
    /// ARN of the configuration.
    #[attribute(required, check = is_configuration)]
    pub(super) arn: Field<String>,
    /// Revision of the configuration; usually its `latest_revision`.
    #[attribute(required, between = (1, i64::MAX))]
    pub(super) revision: Field<i64>,
}

/// How clients prove who they are. Without the block, clients need no authentication.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct ClientAuthentication {
    /// Whether clients may connect without authentication. Default: only if nothing else is enabled.
    #[attribute(optional)]
    pub(super) unauthenticated: Field<bool>,
    #[block]
    pub(super) sasl: Field<Sasl>,
    #[block]
    pub(super) tls: Field<Tls>,
}

/// Authentication over SASL.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct Sasl {
    /// User name and password, over TLS. Users are `msk_scram_secret`s.
    #[attribute(optional)]
    pub(super) scram: Field<bool>,
    /// Signature of an access key of the runtime, over TLS. The key's principal needs every permission for the data of the
    /// cluster (`kafka-cluster:*`).
    #[attribute(optional)]
    pub(super) iam: Field<bool>,
}

/// Client certificates, on the listener for TLS.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct Tls {
    /// ARNs of the authorities whose certificates are good, as `broker-runtime authorities` gives them.
    #[attribute(optional)]
    pub(super) certificate_authority_arns: Field<Distinct<String>>,
}

/// Accepted so that blocks of `aws_msk_cluster` paste over. What names hardware and networks of AWS has no effect.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct BrokerNodeGroupInfo {
    /// What each broker may use of the machine, as MSK's types have it: processors and memory. It is changed by a rolling
    /// restart. Default: what the broker needs.
    #[attribute(optional, check = is_instance_type)]
    pub(super) instance_type: Field<String>,
    /// Has no effect here.
    #[attribute(optional)]
    pub(super) az_distribution: Field<String>,
    /// Has no effect here.
    #[attribute(optional)]
    pub(super) client_subnets: Field<Distinct<String>>,
    /// Has no effect here.
    #[attribute(optional)]
    pub(super) security_groups: Field<Distinct<String>>,
    #[block]
    pub(super) storage_info: Field<StorageInfo>,
    #[block]
    pub(super) connectivity_info: Field<ConnectivityInfo>,
}

/// Storage of brokers.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct StorageInfo {
    #[block]
    pub(super) ebs_storage_info: Field<EbsStorageInfo>,
}

/// The volume of each broker.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct EbsStorageInfo {
    /// Size in GiB; it grows and never shrinks. From 90 % on, the cluster's `customer_action_status` asks for action. A broker whose
    /// logs have all of it refuses producers until there is room. Default: what the disk has.
    #[attribute(optional, between = (1, VOLUME_GIB_MAX))]
    pub(super) volume_size: Field<i64>,
    #[block]
    pub(super) provisioned_throughput: Field<ProvisionedThroughput>,
}

/// Has no effect here: a broker has what the disk gives.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct ProvisionedThroughput {
    /// Has no effect here.
    #[attribute(optional)]
    pub(super) enabled: Field<bool>,
    /// Has no effect here.
    #[attribute(optional, between = (THROUGHPUT_MIN, THROUGHPUT_MAX))]
    volume_throughput: Field<i64>,
}

fn is_configuration(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(text) if !arn::is_configuration(text) => {
            vec![format!(
                "{text:?} is not the ARN of a configuration; use the arn of an msk_configuration"
            )]
        }
        _ => Vec::new(),
    }
}

fn is_instance_type(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(name) if INSTANCE_TYPES.iter().all(|known| known.name != name) => {
            let names: Vec<&str> = INSTANCE_TYPES.iter().map(|known| known.name).collect();
            vec![format!("{name:?} is no type of brokers; use {}", names.join(", "))]
        }
        _ => Vec::new(),
    }
}

fn is_name(value: &Value) -> Vec<String> {
    check_name(value.as_str().unwrap_or_default())
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
        assert_eq!(ClusterModel::schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn names_are_msks() {
        assert!(check_name("orders-1").is_empty());
        for wrong in ["", "-a", "a_b", "a b", "ä", &"a".repeat(65)] {
            assert!(!check_name(wrong).is_empty(), "{wrong:?}");
        }
    }
}
