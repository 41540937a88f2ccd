//! Changes of clusters. Each makes the wanted settings out of those in force and writes them with their Operation in one
//! transaction; a reconciler carries it out.

use control_plane_api::{
    storage::ProvisionedThroughput,
    updates::{
        RebootBrokerRequest, UpdateBrokerCountRequest, UpdateBrokerStorageRequest, UpdateBrokerTypeRequest,
        UpdateClusterConfigurationRequest, UpdateClusterKafkaVersionRequest, UpdateClusterResponse,
        UpdateConnectivityRequest, UpdateMonitoringRequest, UpdateRebalancingRequest, UpdateSecurityRequest,
        UpdateStorageRequest,
    },
};

use super::{
    checks, client_authorities,
    clusters::{again, check_updatable, new_operation},
    encryption,
    logging::check_logging,
};
use crate::{
    arn::Scope,
    error::OperationError,
    queries,
    services::Services,
    store::{ClusterSettings, ClusterState, OperationKind},
};

/// Largest volume, GiB.
const VOLUME_GIB_MAX: i64 = 16_384;

/// `UpdateBrokerCount`, both ways: data is moved onto new brokers, and away from those that leave.
pub(crate) async fn update_broker_count(
    services: &Services,
    arn: &str,
    request: UpdateBrokerCountRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    const PARAMETER: &str = "targetNumberOfBrokerNodes";
    let wanted = checks::broker_count(PARAMETER, request.target_number_of_broker_nodes)?;
    let has = queries::cluster_record(services, arn)?.settings.broker_count;
    let kind = if wanted < has {
        OperationKind::DecreaseBrokerCount
    } else {
        OperationKind::IncreaseBrokerCount
    };
    update(services, arn, Some(&request.current_version), kind, |settings| {
        if wanted == settings.broker_count {
            let message = format!("the cluster has {wanted} brokers already");
            return Err(OperationError::invalid(PARAMETER, message));
        }
        settings.broker_count = wanted;
        Ok(())
    })
}

/// `UpdateClusterConfiguration`.
pub(crate) async fn update_cluster_configuration(
    services: &Services,
    arn: &str,
    request: UpdateClusterConfigurationRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    let kind = OperationKind::UpdateClusterConfiguration;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        settings.configuration_info = Some(request.configuration_info);
        Ok(())
    })
}

/// `UpdateSecurity`. What is not named stays as it is.
pub(crate) async fn update_security(
    services: &Services,
    arn: &str,
    request: UpdateSecurityRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    let kind = OperationKind::UpdateSecurity;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        if request.client_authentication.is_some() {
            settings.client_authentication = request.client_authentication;
        }
        if let Some(named) = request.encryption_info {
            encryption::change(settings, arn, named)?;
        }
        checks::check_access(
            settings.client_authentication.as_ref(),
            settings.encryption_info.as_ref(),
        )?;
        if let Some(world) = Scope::of(arn) {
            client_authorities::check(services, &world, settings.client_authentication.as_ref())?;
        }
        checks::check_connectivity(settings)
    })
}

/// `RebootBroker`. The broker gives up its leaderships, stops in good order and comes back; one at a time, as in MSK.
pub(crate) async fn reboot_broker(
    services: &Services,
    arn: &str,
    request: &RebootBrokerRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    const PARAMETER: &str = "brokerIds";
    let [broker] = request.broker_ids.as_slice() else {
        let message = format!("one broker is restarted at a time, not {}", request.broker_ids.len());
        return Err(OperationError::invalid(PARAMETER, message));
    };
    update(services, arn, None, OperationKind::RebootNode, |settings| {
        let id: Option<u32> = broker
            .parse()
            .ok()
            .filter(|id| (1..=settings.broker_count).contains(id));
        let Some(id) = id.and_then(|id| i32::try_from(id).ok()) else {
            let message = format!(
                "{broker:?} is no broker: the cluster has 1 to {}",
                settings.broker_count
            );
            return Err(OperationError::invalid(PARAMETER, message));
        };
        *settings.reboots.entry(id).or_default() += 1;
        Ok(())
    })
}

/// `UpdateBrokerStorage`: the declared size of every broker's volume, which only grows.
pub(crate) async fn update_broker_storage(
    services: &Services,
    arn: &str,
    request: UpdateBrokerStorageRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    const PARAMETER: &str = "targetBrokerEBSVolumeInfo";
    let [target] = request.target_broker_ebs_volume_info.as_slice() else {
        let message = "name one target with kafkaBrokerNodeId All: the volumes of all brokers have one size";
        return Err(OperationError::invalid(PARAMETER, message));
    };
    if target.kafka_broker_node_id != "All" {
        let message = "kafkaBrokerNodeId must be All: the volumes of all brokers have one size";
        return Err(OperationError::invalid(PARAMETER, message));
    }
    let (size, throughput) = (target.volume_size_gb, target.provisioned_throughput);
    let kind = OperationKind::UpdateBrokerStorage;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        change_storage(settings, PARAMETER, size, throughput)
    })
}

/// `UpdateStorage`: the same, and the storage mode, of which there is one.
pub(crate) async fn update_storage(
    services: &Services,
    arn: &str,
    request: UpdateStorageRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    checks::check_storage_mode(request.storage_mode.as_deref())?;
    let (size, throughput) = (request.volume_size_gb, request.provisioned_throughput);
    let kind = OperationKind::UpdateBrokerStorage;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        change_storage(settings, "volumeSizeGB", size, throughput)
    })
}

fn change_storage(
    settings: &mut ClusterSettings,
    parameter: &str,
    size: Option<i64>,
    throughput: Option<ProvisionedThroughput>,
) -> Result<(), OperationError> {
    checks::check_throughput(throughput)?;
    let info = &mut settings.broker_node_group_info.storage_info;
    let volume = info.get_or_insert_default().ebs_storage_info.get_or_insert_default();
    let before = volume.clone();
    if let Some(size) = size {
        if !(1..=VOLUME_GIB_MAX).contains(&size) {
            let message = format!("a volume has 1 to {VOLUME_GIB_MAX} GiB, not {size}");
            return Err(OperationError::invalid(parameter, message));
        }
        if volume.volume_size.is_some_and(|now| size < now) {
            let message = format!(
                "volumes never shrink: they have {} GiB",
                volume.volume_size.unwrap_or_default()
            );
            return Err(OperationError::invalid(parameter, message));
        }
        volume.volume_size = Some(size);
    }
    if throughput.is_some() {
        volume.provisioned_throughput = throughput;
    }
    if *volume == before {
        return Err(OperationError::invalid(parameter, "the storage is like this already"));
    }
    Ok(())
}

/// `UpdateBrokerType`: what each broker may use of the machine, by a rolling restart.
pub(crate) async fn update_broker_type(
    services: &Services,
    arn: &str,
    request: UpdateBrokerTypeRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    checks::check_type("targetInstanceType", &request.target_instance_type)?;
    let kind = OperationKind::UpdateBrokerType;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        let group = &mut settings.broker_node_group_info;
        if group.instance_type == request.target_instance_type {
            let message = format!("brokers have type {:?} already", group.instance_type);
            return Err(OperationError::invalid("targetInstanceType", message));
        }
        group.instance_type = request.target_instance_type;
        Ok(())
    })
}

/// `UpdateClusterKafkaVersion`: up only, by a rolling restart.
pub(crate) async fn update_cluster_kafka_version(
    services: &Services,
    arn: &str,
    request: UpdateClusterKafkaVersionRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    const PARAMETER: &str = "targetKafkaVersion";
    let target = checks::kafka_version(PARAMETER, Some(&request.target_kafka_version))?;
    let kind = OperationKind::UpdateClusterKafkaVersion;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        if !queries::newer_versions(&settings.kafka_version).contains(&target.as_str()) {
            let message = format!(
                "version {} cannot follow {}: versions only go up, because brokers of an older one could not read what \
                 newer ones have written",
                target, settings.kafka_version
            );
            return Err(OperationError::invalid(PARAMETER, message));
        }
        settings.kafka_version = target;
        if request.configuration_info.is_some() {
            settings.configuration_info = request.configuration_info;
        }
        Ok(())
    })
}

/// `UpdateMonitoring`. What is not named stays as it is.
pub(crate) async fn update_monitoring(
    services: &Services,
    arn: &str,
    request: UpdateMonitoringRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    check_logging(request.logging_info.as_ref())?;
    if request.enhanced_monitoring.is_none() && request.open_monitoring.is_none() && request.logging_info.is_none() {
        let message = "name enhancedMonitoring, openMonitoring or loggingInfo: there is nothing to change";
        return Err(OperationError::unreadable(message));
    }
    let kind = OperationKind::UpdateMonitoring;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        if let Some(level) = request.enhanced_monitoring {
            settings.enhanced_monitoring = level;
        }
        if request.open_monitoring.is_some() {
            settings.open_monitoring = request.open_monitoring;
        }
        if request.logging_info.is_some() {
            settings.logging_info = request.logging_info;
        }
        Ok(())
    })
}

/// `UpdateConnectivity`. What is not named stays as it is.
pub(crate) async fn update_connectivity(
    services: &Services,
    arn: &str,
    request: UpdateConnectivityRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    if request.zookeeper_access.is_some_and(|access| access.enabled) {
        let message = "there is no ZooKeeper to have access to: clusters run in KRaft mode";
        return Err(OperationError::invalid("zookeeperAccess", message));
    }
    let kind = OperationKind::UpdateConnectivity;
    begin(services, arn, Some(&request.current_version), kind, |settings| {
        let info = settings
            .broker_node_group_info
            .connectivity_info
            .get_or_insert_default();
        let named = request.connectivity_info.unwrap_or_default();
        info.public_access = named.public_access.or(info.public_access.take());
        info.vpc_connectivity = named.vpc_connectivity.or(info.vpc_connectivity.take());
        info.network_type = named.network_type.or(info.network_type.take());
        if settings.serverless.is_some() && checks::is_public(info) {
            let message = "serverless clusters have no public access";
            return Err(OperationError::invalid("connectivityInfo", message));
        }
        checks::check_connectivity(settings)?;
        checks::resolve_public_address(services, settings)
    })
}

/// `UpdateRebalancing`.
pub(crate) async fn update_rebalancing(
    services: &Services,
    arn: &str,
    request: UpdateRebalancingRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    let kind = OperationKind::UpdateRebalancing;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        if settings.rebalancing.as_ref() == Some(&request.rebalancing) {
            let message = format!("rebalancing is {} already", request.rebalancing.status);
            return Err(OperationError::invalid("rebalancing", message));
        }
        settings.rebalancing = Some(request.rebalancing);
        Ok(())
    })
}

/// The number of brokers of a serverless cluster, which follows the load.
pub(crate) async fn follow_load(services: &Services, arn: &str, brokers: u32) -> Result<(), OperationError> {
    let has = queries::cluster_record(services, arn)?.settings.broker_count;
    let kind = if brokers < has {
        OperationKind::DecreaseBrokerCount
    } else {
        OperationKind::IncreaseBrokerCount
    };
    begin(services, arn, None, kind, |settings| {
        settings.broker_count = brokers;
        Ok(())
    })
    .map(drop)
}

/// Begins an update of a provisioned cluster: `change` makes the wanted settings out of those in force.
fn update(
    services: &Services,
    arn: &str,
    version: Option<&str>,
    kind: OperationKind,
    change: impl FnOnce(&mut ClusterSettings) -> Result<(), OperationError>,
) -> Result<UpdateClusterResponse, OperationError> {
    begin(services, arn, version, kind, |settings| {
        checks::check_provisioned(settings)?;
        change(settings)
    })
}

/// Begins an update.
pub(super) fn begin(
    services: &Services,
    arn: &str,
    version: Option<&str>,
    kind: OperationKind,
    change: impl FnOnce(&mut ClusterSettings) -> Result<(), OperationError>,
) -> Result<UpdateClusterResponse, OperationError> {
    let found = queries::cluster_record(services, arn)?;
    check_updatable(&found, version)?;
    let mut wanted = found.settings.clone();
    change(&mut wanted)?;
    checks::check_with_engine(services, &found, &wanted)?;
    let operation = new_operation(services, &found, kind, wanted);
    services.store.transaction(|transaction| {
        let mut cluster = again(transaction, &found)?;
        check_updatable(&cluster, version)?;
        cluster.state = match kind {
            OperationKind::RebootNode => ClusterState::RebootingBroker,
            _ => ClusterState::Updating,
        };
        cluster.active_operation = Some(operation.uuid);
        transaction.put(&operation)?;
        transaction.put(&cluster)?;
        Ok::<_, OperationError>(())
    })?;
    services.wake();
    Ok(UpdateClusterResponse {
        cluster_arn: found.arn,
        cluster_operation_arn: operation.arn,
    })
}
