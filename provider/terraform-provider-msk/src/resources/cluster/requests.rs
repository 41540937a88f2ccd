//! From what is planned to what the control plane is asked for.

use super::{access::Access, connectivity::Connectivity, encryption, model::ClusterModel, monitoring::Monitoring};
use control_plane_api::{
    clusters::{BrokerNodeGroupInfo, CreateClusterRequest},
    configurations::ConfigurationInfo,
    security::{
        ClientAuthentication, Enabled, EncryptionAtRest, EncryptionInTransit, EncryptionInfo, Sasl, TlsAuthentication,
    },
    storage::{EbsStorageInfo, StorageInfo},
};

/// MSK's instance type, where one is named.
pub(super) fn instance_type(planned: &ClusterModel) -> Option<String> {
    planned.broker_node_group_info.known()?.instance_type.known().cloned()
}

/// Declared size of volumes in GiB, where one is named.
pub(super) fn volume_size(planned: &ClusterModel) -> Option<i64> {
    let storage = planned.broker_node_group_info.known()?.storage_info.known()?;
    storage.ebs_storage_info.known()?.volume_size.copied()
}

/// The request for a new cluster. `None` while something it needs is unknown, which a plan that is applied has not.
pub(super) fn create(planned: &ClusterModel) -> Option<CreateClusterRequest> {
    let (access, connectivity) = (Access::of(planned)?, Connectivity::of(planned)?);
    let monitoring = Monitoring::of(planned)?;
    let shown = monitoring != Monitoring::default();
    Some(CreateClusterRequest {
        cluster_name: planned.cluster_name.known()?.clone(),
        kafka_version: planned.kafka_version.known().cloned(),
        number_of_broker_nodes: planned.number_of_broker_nodes.copied()?,
        client_authentication: Some(client_authentication(&access)),
        encryption_info: Some(EncryptionInfo {
            encryption_at_rest: encryption::key(planned).as_str().map(|arn| EncryptionAtRest {
                data_volume_kms_key_id: arn.to_owned(),
            }),
            ..encryption_info(&access)
        }),
        configuration_info: configuration_info(planned),
        enhanced_monitoring: planned.enhanced_monitoring.known().cloned(),
        broker_node_group_info: Some(BrokerNodeGroupInfo {
            instance_type: instance_type(planned).unwrap_or_default(),
            storage_info: volume_size(planned).map(|size| StorageInfo {
                ebs_storage_info: Some(EbsStorageInfo {
                    volume_size: Some(size),
                    provisioned_throughput: None,
                }),
            }),
            connectivity_info: connectivity.info(),
            ..BrokerNodeGroupInfo::default()
        }),
        rebalancing: connectivity.rebalancing(),
        open_monitoring: shown.then(|| monitoring.open_monitoring()),
        logging_info: shown.then(|| monitoring.logging_info()),
        tags: planned.tags.known().cloned().unwrap_or_default(),
        engine: planned.engine.known().cloned(),
        ..CreateClusterRequest::default()
    })
}

/// The configuration that is planned, if one is.
pub(super) fn configuration_info(planned: &ClusterModel) -> Option<ConfigurationInfo> {
    let block = planned.configuration_info.known()?;
    Some(ConfigurationInfo {
        arn: block.arn.known()?.clone(),
        revision: block.revision.copied()?,
    })
}

/// Who may connect. Every switch is named, so that the control plane's defaults have no say.
pub(super) fn client_authentication(access: &Access) -> ClientAuthentication {
    ClientAuthentication {
        sasl: Some(Sasl {
            scram: Some(Enabled { enabled: access.scram }),
            iam: Some(Enabled { enabled: access.iam }),
        }),
        tls: Some(TlsAuthentication {
            enabled: !access.authorities.is_empty(),
            certificate_authority_arn_list: access.authorities.clone(),
        }),
        unauthenticated: Some(Enabled {
            enabled: access.unauthenticated,
        }),
    }
}

/// What clients without authentication may use.
pub(super) fn encryption_info(access: &Access) -> EncryptionInfo {
    EncryptionInfo {
        encryption_at_rest: None,
        encryption_in_transit: Some(EncryptionInTransit {
            client_broker: Some(access.client_broker.clone()),
            in_cluster: Some(true),
        }),
    }
}

#[cfg(test)]
mod tests {
    use plugin_framework::model::Field;

    use super::*;

    fn planned() -> ClusterModel {
        ClusterModel {
            cluster_name: "orders".into(),
            number_of_broker_nodes: 3.into(),
            kafka_version: Field::unknown(),
            ..ClusterModel::default()
        }
    }

    #[test]
    fn a_name_and_a_number_are_enough() {
        let request = create(&planned()).unwrap();
        assert_eq!(request.cluster_name, "orders");
        assert_eq!(request.number_of_broker_nodes, 3);
        assert_eq!(request.kafka_version, None);
        assert_eq!(request.configuration_info, None);
        let authentication = request.client_authentication.unwrap();
        assert_eq!(authentication.unauthenticated, Some(Enabled { enabled: true }));
    }

    #[test]
    fn an_unknown_name_makes_no_request() {
        let mut planned = planned();
        planned.cluster_name = Field::unknown();
        assert_eq!(create(&planned), None);
    }
}
