//! From what the control plane answers to the state.

use control_plane_api::{
    bootstrap::GetBootstrapBrokersResponse,
    clusters::{Cluster, Provisioned},
};
use plugin_framework::value::{Object, Value};

use super::{
    access::{Access, CLIENT_BROKER_DEFAULT},
    connectivity::Connectivity,
    encryption,
    monitoring::Monitoring,
};
use crate::{arn, resources::existing::write_tags};

/// What the plan may know before the apply, and what the state then has to say too.
const SETTLED: [&str; 12] = [
    "bootstrap_brokers",
    "bootstrap_brokers_ipv6",
    "bootstrap_brokers_public_sasl_iam",
    "bootstrap_brokers_public_sasl_scram",
    "bootstrap_brokers_sasl_iam",
    "bootstrap_brokers_sasl_iam_ipv6",
    "bootstrap_brokers_sasl_scram",
    "bootstrap_brokers_sasl_scram_ipv6",
    "bootstrap_brokers_tls",
    "bootstrap_brokers_tls_ipv6",
    "certificate_authority_pem",
    "current_version",
];

/// A cluster exists: who it is.
pub(super) fn write_identity(state: &mut Object, cluster_arn: &str) {
    state.set_string("arn", cluster_arn).set_string("id", cluster_arn);
    state.set_optional_string("cluster_uuid", arn::cluster(cluster_arn).map(|name| name.uuid));
}

/// What a cluster is. Where the state says the same in other words, it keeps them.
pub(super) fn write_cluster(state: &mut Object, cluster: &Cluster) {
    write_identity(state, &cluster.cluster_arn);
    state
        .set_string("cluster_name", &cluster.cluster_name)
        .set_string("current_version", &cluster.current_version);
    write_tags(state, &cluster.tags);
    let Some(provisioned) = &cluster.provisioned else {
        return;
    };
    state.set_i64("number_of_broker_nodes", provisioned.number_of_broker_nodes);
    let software = &provisioned.current_broker_software_info;
    state.set_optional_string("kafka_version", software.kafka_version.as_deref());
    let configuration = software.configuration_arn.as_ref().zip(software.configuration_revision);
    let configuration = configuration.map_or(Value::Null, |(arn, revision)| {
        let mut block = Object::new();
        block.set_string("arn", arn).set_i64("revision", revision);
        block.into_value()
    });
    state.set("configuration_info", configuration);
    if !provisioned.enhanced_monitoring.is_empty() {
        state.set_string("enhanced_monitoring", &provisioned.enhanced_monitoring);
    }
    write_hardware(state, provisioned);
    access(provisioned).write(state);
    let encryption = provisioned.encryption_info.as_ref();
    let at_rest = encryption.and_then(|it| it.encryption_at_rest.as_ref());
    encryption::write_key(state, at_rest.map(|it| it.data_volume_kms_key_id.as_str()));
    Connectivity::of_cluster(provisioned).write(state);
    Monitoring::of_cluster(provisioned).write(state);
}

/// Instance type and size of volumes, where the state has a place for them: a block that nobody has written stays away.
fn write_hardware(state: &mut Object, provisioned: &Provisioned) {
    let Some(mut group) = state.block("broker_node_group_info") else {
        return;
    };
    let info = &provisioned.broker_node_group_info;
    if !group.is_null("instance_type") {
        group.set_string("instance_type", &info.instance_type);
    }
    let volume = info
        .storage_info
        .as_ref()
        .and_then(|storage| storage.ebs_storage_info.as_ref());
    let size = volume.and_then(|volume| volume.volume_size);
    if let Some(mut storage) = group.block("storage_info")
        && let Some(mut ebs) = storage.block("ebs_storage_info")
        && let Some(size) = size
        && !ebs.is_null("volume_size")
    {
        ebs.set_i64("volume_size", size);
        storage.set("ebs_storage_info", ebs.into_value());
        group.set("storage_info", storage.into_value());
    }
    state.set("broker_node_group_info", group.into_value());
}

/// The ways in that a cluster offers, with the control plane's defaults filled in.
pub(super) fn access(provisioned: &Provisioned) -> Access {
    let authentication = provisioned.client_authentication.as_ref();
    let sasl = authentication.and_then(|it| it.sasl.as_ref());
    let scram = sasl.and_then(|it| it.scram).is_some_and(|it| it.enabled);
    let iam = sasl.and_then(|it| it.iam).is_some_and(|it| it.enabled);
    let mut authorities = authentication.map_or_else(Vec::new, |it| it.client_authorities().to_vec());
    authorities.sort();
    let unauthenticated = authentication.and_then(|it| it.unauthenticated).map(|it| it.enabled);
    let encryption = provisioned.encryption_info.as_ref();
    let in_transit = encryption.and_then(|it| it.encryption_in_transit.as_ref());
    let client_broker = in_transit.and_then(|it| it.client_broker.clone());
    Access {
        scram,
        iam,
        unauthenticated: unauthenticated.unwrap_or(!scram && !iam && authorities.is_empty()),
        authorities,
        client_broker: client_broker.unwrap_or_else(|| CLIENT_BROKER_DEFAULT.to_owned()),
    }
}

/// Where clients connect to; what is not offered is empty.
pub(super) fn write_bootstrap(state: &mut Object, bootstrap: &GetBootstrapBrokersResponse) {
    let mut write = |name, brokers: &Option<String>| {
        state.set_string(name, brokers.as_deref().unwrap_or_default());
    };
    write("bootstrap_brokers", &bootstrap.bootstrap_broker_string);
    write("bootstrap_brokers_tls", &bootstrap.bootstrap_broker_string_tls);
    write(
        "bootstrap_brokers_sasl_scram",
        &bootstrap.bootstrap_broker_string_sasl_scram,
    );
    write(
        "bootstrap_brokers_sasl_iam",
        &bootstrap.bootstrap_broker_string_sasl_iam,
    );
    write(
        "bootstrap_brokers_public_sasl_iam",
        &bootstrap.bootstrap_broker_string_public_sasl_iam,
    );
    write(
        "bootstrap_brokers_sasl_iam_ipv6",
        &bootstrap.bootstrap_broker_string_sasl_iam_ipv6,
    );
    write(
        "bootstrap_brokers_public_sasl_scram",
        &bootstrap.bootstrap_broker_string_public_sasl_scram,
    );
    write("bootstrap_brokers_ipv6", &bootstrap.bootstrap_broker_string_ipv6);
    write(
        "bootstrap_brokers_tls_ipv6",
        &bootstrap.bootstrap_broker_string_tls_ipv6,
    );
    write(
        "bootstrap_brokers_sasl_scram_ipv6",
        &bootstrap.bootstrap_broker_string_sasl_scram_ipv6,
    );
}

/// Keeps what the plan has promised already. What has become different since, the next read finds.
pub(super) fn settle(state: &mut Object, planned: &Object) {
    for name in SETTLED {
        if !planned.is_unknown(name) {
            state.set(name, planned.get(name).clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use control_plane_api::clusters::BrokerSoftwareInfo;

    use super::*;
    use crate::resources::cluster::requests;

    fn cluster() -> Cluster {
        Cluster {
            cluster_arn: "arn:aws:kafka:us-east-1:000000000000:cluster/orders/u-1".to_owned(),
            cluster_name: "orders".to_owned(),
            current_version: "K1".to_owned(),
            provisioned: Some(Provisioned {
                number_of_broker_nodes: 3,
                current_broker_software_info: BrokerSoftwareInfo {
                    configuration_arn: Some("arn:c".to_owned()),
                    configuration_revision: Some(2),
                    kafka_version: Some("4.0.x.kraft".to_owned()),
                },
                ..Provisioned::default()
            }),
            ..Cluster::default()
        }
    }

    #[test]
    fn an_imported_cluster_asks_for_what_it_is() {
        let mut state = Object::new();
        write_cluster(&mut state, &cluster());
        assert_eq!(state.string("cluster_uuid"), Some("u-1"));
        assert_eq!(requests::configuration_info(&state).unwrap().revision, 2);
        assert!(state.is_null("client_authentication") && state.is_null("encryption_info") && state.is_null("tags"));
    }

    #[test]
    fn access_survives_the_way_to_the_control_plane_and_back() {
        for scram in [false, true] {
            for client_broker in ["TLS", "TLS_PLAINTEXT", "PLAINTEXT"] {
                let asked = Access {
                    scram,
                    iam: false,
                    authorities: Vec::new(),
                    unauthenticated: !scram,
                    client_broker: client_broker.to_owned(),
                };
                let provisioned = Provisioned {
                    client_authentication: Some(requests::client_authentication(&asked)),
                    encryption_info: Some(requests::encryption_info(&asked)),
                    ..Provisioned::default()
                };
                assert_eq!(access(&provisioned), asked);
            }
        }
    }

    #[test]
    fn no_tags_and_empty_tags_are_one() {
        let mut state = Object::new();
        state.set("tags", Value::Map(BTreeMap::new()));
        write_cluster(&mut state, &cluster());
        assert_eq!(state.get("tags"), &Value::Map(BTreeMap::new()));
    }

    #[test]
    fn what_is_not_offered_is_empty() {
        let mut state = Object::new();
        write_bootstrap(&mut state, &GetBootstrapBrokersResponse::default());
        assert_eq!(state.string("bootstrap_brokers_tls"), Some(""));
    }
}
