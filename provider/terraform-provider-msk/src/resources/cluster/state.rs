//! From what the control plane answers to the state.

use control_plane_api::clusters::{Cluster, ENGINE_DEFAULT, Provisioned};
use plugin_framework::model::Field;

use super::{
    access::{Access, CLIENT_BROKER_DEFAULT},
    connectivity::Connectivity,
    encryption,
    model::{ClusterModel, ConfigurationInfo},
    monitoring::Monitoring,
};
use crate::arn;

/// A cluster exists: who it is.
pub(super) fn write_identity(state: &mut ClusterModel, cluster_arn: &str) {
    state.arn = cluster_arn.into();
    state.id = cluster_arn.into();
    state.cluster_uuid = arn::cluster(cluster_arn).map(|name| name.uuid).into();
}

/// What a cluster is. Where the state says the same in other words, it keeps them.
pub(super) fn write_cluster(state: &mut ClusterModel, cluster: &Cluster) {
    write_identity(state, &cluster.cluster_arn);
    state.cluster_name = cluster.cluster_name.as_str().into();
    state.current_version = cluster.current_version.as_str().into();
    state.tags.follow(cluster.tags.clone());
    let Some(provisioned) = &cluster.provisioned else {
        return;
    };
    state.engine = provisioned.engine.as_deref().unwrap_or(ENGINE_DEFAULT).into();
    state.number_of_broker_nodes = provisioned.number_of_broker_nodes.into();
    let software = &provisioned.current_broker_software_info;
    state.kafka_version = software.kafka_version.as_deref().into();
    let configuration = software
        .configuration_arn
        .as_deref()
        .zip(software.configuration_revision);
    let configuration = configuration.map(|(arn, revision)| ConfigurationInfo {
        arn: arn.into(),
        revision: revision.into(),
    });
    state.configuration_info = configuration.into();
    if !provisioned.enhanced_monitoring.is_empty() {
        state.enhanced_monitoring = provisioned.enhanced_monitoring.as_str().into();
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
fn write_hardware(state: &mut ClusterModel, provisioned: &Provisioned) {
    let Some(group) = state.broker_node_group_info.known_mut() else {
        return;
    };
    let info = &provisioned.broker_node_group_info;
    if !group.instance_type.is_null() {
        group.instance_type = info.instance_type.as_str().into();
    }
    let volume = info
        .storage_info
        .as_ref()
        .and_then(|storage| storage.ebs_storage_info.as_ref());
    let ebs = group
        .storage_info
        .known_mut()
        .and_then(|storage| storage.ebs_storage_info.known_mut());
    if let Some(size) = volume.and_then(|volume| volume.volume_size)
        && let Some(ebs) = ebs.filter(|ebs| !ebs.volume_size.is_null())
    {
        ebs.volume_size = size.into();
    }
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

/// Keeps what the plan has promised already. What has become different since, the next read finds.
pub(super) fn settle(state: &mut ClusterModel, mut planned: ClusterModel) {
    let keep = |state: &mut Field<String>, planned: &Field<String>| {
        if !planned.is_unknown() {
            state.clone_from(planned);
        }
    };
    for (state, planned) in state.bootstrap.all().into_iter().zip(planned.bootstrap.all()) {
        keep(state, planned);
    }
    keep(&mut state.certificate_authority_pem, &planned.certificate_authority_pem);
    keep(&mut state.current_version, &planned.current_version);
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
        let mut state = ClusterModel::default();
        write_cluster(&mut state, &cluster());
        assert_eq!(state.cluster_uuid.as_str(), Some("u-1"));
        assert_eq!(requests::configuration_info(&state).unwrap().revision, 2);
        assert!(state.client_authentication.is_null() && state.encryption_info.is_null() && state.tags.is_null());
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
        let mut state = ClusterModel {
            tags: BTreeMap::new().into(),
            ..ClusterModel::default()
        };
        write_cluster(&mut state, &cluster());
        assert_eq!(state.tags, Field::Known(BTreeMap::new()));
    }
}
