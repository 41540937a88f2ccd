//! Operations on clusters. Each writes the intent and its Operation in one transaction; a reconciler carries it out.

use std::collections::BTreeMap;

use control_plane_api::{
    clusters::{
        BrokerNodeGroupInfo, ClientAuthentication, CreateClusterRequest, CreateClusterResponse, CreateClusterV2Request,
        DeleteClusterResponse, EncryptionInfo, RebootBrokerRequest, UpdateBrokerCountRequest,
        UpdateClusterConfigurationRequest, UpdateClusterResponse, UpdateSecurityRequest,
    },
    operations::{ErrorInfo, MutableClusterInfo},
};
use engine::EngineError;

use super::creations::Creation;
use crate::{
    arn,
    error::OperationError,
    queries::{self, KAFKA_VERSIONS, current_version},
    reconcilers::{chain, listeners, specification},
    services::Services,
    store::{
        ClusterRecord, ClusterSettings, ClusterState, OperationKind, OperationRecord, OperationState, StoreError,
        Transaction,
    },
};

/// Longest name of a cluster.
const NAME_CHARS_MAX: usize = 64;
/// Metrics level of a cluster that names none.
const MONITORING_DEFAULT: &str = "DEFAULT";
/// Metrics levels.
const MONITORING: [&str; 4] = [
    "DEFAULT",
    "PER_BROKER",
    "PER_TOPIC_PER_BROKER",
    "PER_TOPIC_PER_PARTITION",
];

/// `CreateCluster`.
pub(crate) async fn create_cluster(
    services: &Services,
    request: CreateClusterRequest,
    idempotency_token: Option<String>,
) -> Result<CreateClusterResponse, OperationError> {
    let creation = Creation::new(idempotency_token, &request);
    check_name(&request.cluster_name)?;
    let settings = ClusterSettings {
        broker_count: broker_count("numberOfBrokerNodes", request.number_of_broker_nodes)?,
        kafka_version: kafka_version(request.kafka_version.as_deref())?,
        broker_node_group_info: request.broker_node_group_info.unwrap_or_default(),
        client_authentication: request.client_authentication,
        encryption_info: request.encryption_info,
        configuration_info: request.configuration_info,
        enhanced_monitoring: monitoring(request.enhanced_monitoring)?,
        reboots: BTreeMap::new(),
    };
    check_storage_mode(request.storage_mode.as_deref())?;
    check_access(
        settings.client_authentication.as_ref(),
        settings.encryption_info.as_ref(),
    )?;
    check_zones(&settings.broker_node_group_info)?;
    let uuid = services.new_uuid();
    let operation = services.new_uuid();
    let cluster = ClusterRecord {
        uuid,
        arn: arn::cluster(&request.cluster_name, uuid),
        name: request.cluster_name,
        created_ms: services.clock.now_ms(),
        state: ClusterState::Creating,
        state_message: None,
        version: 0,
        settings: settings.clone(),
        active_operation: Some(operation),
        tags: request.tags,
        secret_arns: Vec::new(),
    };
    check_with_engine(services, &cluster, &settings)?;
    let operation = OperationRecord {
        uuid: operation,
        ..new_operation(services, &cluster, OperationKind::CreateCluster, settings)
    };
    let cluster = services.store.transaction(|transaction| {
        if let Some(there) = same_name(transaction, &cluster.name)? {
            let made_before = creation.as_ref().map(|it| it.made_before(transaction)).transpose()?;
            return if made_before.flatten().as_ref() == Some(&there.arn) {
                Ok(there)
            } else {
                Err(already_there(&there))
            };
        }
        if let Some(creation) = &creation {
            creation.remember(transaction, &cluster.arn)?;
        }
        transaction.put(&operation)?;
        transaction.put(&cluster)?;
        Ok(cluster)
    })?;
    services.wake();
    Ok(CreateClusterResponse {
        cluster_arn: cluster.arn,
        cluster_name: Some(cluster.name),
        state: cluster.state.name().to_owned(),
        cluster_type: None,
    })
}

/// `CreateClusterV2`.
pub(crate) async fn create_cluster_v2(
    services: &Services,
    request: CreateClusterV2Request,
    idempotency_token: Option<String>,
) -> Result<CreateClusterResponse, OperationError> {
    if request.serverless.is_some() {
        let message = "serverless clusters are not available yet: use provisioned";
        return Err(OperationError::invalid("serverless", message));
    }
    let provisioned = request
        .provisioned
        .ok_or_else(|| OperationError::invalid("provisioned", "provisioned is missing"))?;
    let request = CreateClusterRequest {
        cluster_name: request.cluster_name,
        kafka_version: provisioned.kafka_version,
        number_of_broker_nodes: provisioned.number_of_broker_nodes,
        broker_node_group_info: provisioned.broker_node_group_info,
        client_authentication: provisioned.client_authentication,
        configuration_info: provisioned.configuration_info,
        encryption_info: provisioned.encryption_info,
        enhanced_monitoring: provisioned.enhanced_monitoring,
        storage_mode: provisioned.storage_mode,
        tags: request.tags,
    };
    let mut response = create_cluster(services, request, idempotency_token).await?;
    response.cluster_type = Some("PROVISIONED".to_owned());
    Ok(response)
}

/// `DeleteCluster`. Whatever is under way ends.
pub(crate) async fn delete_cluster(
    services: &Services,
    arn: &str,
    version: Option<&str>,
) -> Result<DeleteClusterResponse, OperationError> {
    let found = queries::cluster_record(services, arn)?;
    let now_ms = services.clock.now_ms();
    let operation = new_operation(services, &found, OperationKind::DeleteCluster, found.settings.clone());
    let cluster = services.store.transaction(|transaction| {
        let mut cluster = again(transaction, &found)?;
        if version.is_some_and(|version| version != current_version(&cluster)) {
            return Err(stale(&cluster));
        }
        if cluster.state == ClusterState::Deleting {
            return Ok(cluster);
        }
        if let Some(under_way) = cluster.active_operation
            && let Some(mut under_way) = transaction.get::<OperationRecord>(&under_way.to_string())?
        {
            under_way.state = OperationState::UpdateFailed;
            under_way.ended_ms = Some(now_ms);
            under_way.error = Some(ErrorInfo {
                error_code: "CLUSTER_DELETED".to_owned(),
                error_string: format!("cluster {:?} is being deleted", cluster.name),
            });
            transaction.put(&under_way)?;
        }
        cluster.state = ClusterState::Deleting;
        cluster.active_operation = Some(operation.uuid);
        transaction.put(&operation)?;
        transaction.put(&cluster)?;
        Ok(cluster)
    })?;
    services.wake();
    Ok(DeleteClusterResponse {
        cluster_arn: cluster.arn,
        cluster_name: Some(cluster.name),
        state: cluster.state.name().to_owned(),
        cluster_type: None,
    })
}

/// `UpdateBrokerCount`. Growing only: nothing moves data yet.
pub(crate) async fn update_broker_count(
    services: &Services,
    arn: &str,
    request: UpdateBrokerCountRequest,
) -> Result<UpdateClusterResponse, OperationError> {
    const PARAMETER: &str = "targetNumberOfBrokerNodes";
    let wanted = broker_count(PARAMETER, request.target_number_of_broker_nodes)?;
    let kind = OperationKind::IncreaseBrokerCount;
    update(services, arn, Some(&request.current_version), kind, |settings| {
        if wanted < settings.broker_count {
            return Err(OperationError::invalid(
                PARAMETER,
                format!(
                    "the cluster has {} brokers: removing brokers is not available yet, because their data would have to be \
                     moved first",
                    settings.broker_count
                ),
            ));
        }
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
        if request.encryption_info.is_some() {
            settings.encryption_info = request.encryption_info;
        }
        check_access(
            settings.client_authentication.as_ref(),
            settings.encryption_info.as_ref(),
        )
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

/// Begins an update: `change` makes the wanted settings out of those in force.
fn update(
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
    check_with_engine(services, &found, &wanted)?;
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

/// The record as it is now.
fn again(transaction: &Transaction<'_>, cluster: &ClusterRecord) -> Result<ClusterRecord, OperationError> {
    let found = transaction.get(&cluster.uuid.to_string())?;
    found.ok_or_else(|| OperationError::NotFound(format!("cluster {} does not exist", cluster.arn)))
}

fn check_updatable(cluster: &ClusterRecord, version: Option<&str>) -> Result<(), OperationError> {
    if cluster.state != ClusterState::Active {
        let message = format!(
            "cluster {:?} is {}: it can be updated when it is ACTIVE",
            cluster.name,
            cluster.state.name()
        );
        return Err(OperationError::invalid("clusterArn", message));
    }
    if version.is_some_and(|version| version != current_version(cluster)) {
        return Err(stale(cluster));
    }
    Ok(())
}

fn stale(cluster: &ClusterRecord) -> OperationError {
    let message = format!(
        "the cluster has version {}; somebody changed it since it was read",
        current_version(cluster)
    );
    OperationError::invalid("currentVersion", message)
}

fn same_name(transaction: &Transaction<'_>, name: &str) -> Result<Option<ClusterRecord>, StoreError> {
    let all = transaction.all::<ClusterRecord>()?;
    Ok(all.into_iter().find(|cluster| cluster.name == name))
}

fn already_there(there: &ClusterRecord) -> OperationError {
    let message = format!(
        "cluster {:?} already exists, in state {}",
        there.name,
        there.state.name()
    );
    OperationError::Conflict(message)
}

fn new_operation(
    services: &Services,
    cluster: &ClusterRecord,
    kind: OperationKind,
    wanted: ClusterSettings,
) -> OperationRecord {
    let uuid = services.new_uuid();
    OperationRecord {
        uuid,
        arn: arn::operation(&cluster.name, cluster.uuid, uuid),
        cluster_uuid: cluster.uuid,
        cluster_arn: cluster.arn.clone(),
        kind,
        state: OperationState::Pending,
        created_ms: services.clock.now_ms(),
        ended_ms: None,
        error: None,
        source: Some(mutable(&cluster.settings)),
        target: Some(mutable(&wanted)),
        wanted,
    }
}

fn mutable(settings: &ClusterSettings) -> MutableClusterInfo {
    MutableClusterInfo {
        number_of_broker_nodes: Some(i64::from(settings.broker_count)),
        configuration_info: settings.configuration_info.clone(),
        client_authentication: settings.client_authentication.clone(),
        encryption_info: settings.encryption_info.clone(),
    }
}

fn check_with_engine(
    services: &Services,
    cluster: &ClusterRecord,
    settings: &ClusterSettings,
) -> Result<(), OperationError> {
    let spec = specification(services, cluster, settings)?;
    services.engine.validate(&spec).map_err(|error| match error {
        EngineError::Unsupported { reason } => OperationError::InvalidRequest {
            parameter: None,
            message: reason,
        },
        error => OperationError::Internal(chain(&error)),
    })
}

fn check_name(name: &str) -> Result<(), OperationError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let valid =
        (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && name.chars().all(allowed) && !name.starts_with('-');
    if valid {
        return Ok(());
    }
    let message = format!(
        "{name:?} is not a name of a cluster: it has 1 to {NAME_CHARS_MAX} letters, digits and hyphens, and no hyphen first"
    );
    Err(OperationError::invalid("clusterName", message))
}

fn broker_count(parameter: &'static str, count: i64) -> Result<u32, OperationError> {
    let valid = u32::try_from(count).ok().filter(|count| *count > 0);
    valid.ok_or_else(|| OperationError::invalid(parameter, format!("{count} is not a number of brokers")))
}

fn kafka_version(version: Option<&str>) -> Result<String, OperationError> {
    let newest = KAFKA_VERSIONS[KAFKA_VERSIONS.len() - 1];
    let version = version.unwrap_or(newest);
    if KAFKA_VERSIONS.contains(&version) {
        return Ok(version.to_owned());
    }
    let message = format!(
        "{version:?} is not a version that is offered: use {}",
        KAFKA_VERSIONS.join(", ")
    );
    Err(OperationError::invalid("kafkaVersion", message))
}

fn monitoring(level: Option<String>) -> Result<String, OperationError> {
    let level = level.unwrap_or_else(|| MONITORING_DEFAULT.to_owned());
    if MONITORING.contains(&level.as_str()) {
        return Ok(level);
    }
    let message = format!("{level:?} is not a level of monitoring: use {}", MONITORING.join(", "));
    Err(OperationError::invalid("enhancedMonitoring", message))
}

fn check_storage_mode(mode: Option<&str>) -> Result<(), OperationError> {
    match mode {
        None | Some("LOCAL") => Ok(()),
        Some(mode) => {
            let message = format!("storage mode {mode:?} is not available yet: use LOCAL");
            Err(OperationError::invalid("storageMode", message))
        }
    }
}

fn check_zones(info: &BrokerNodeGroupInfo) -> Result<(), OperationError> {
    let empty = |names: &[String]| names.iter().any(|name| name.trim().is_empty());
    if empty(&info.zone_ids) || empty(&info.client_subnets) {
        return Err(OperationError::invalid(
            "brokerNodeGroupInfo",
            "a zone or subnet without a name",
        ));
    }
    Ok(())
}

fn check_access(
    authentication: Option<&ClientAuthentication>,
    encryption: Option<&EncryptionInfo>,
) -> Result<(), OperationError> {
    let refuse = |parameter, message: &str| Err(OperationError::invalid(parameter, message));
    let sasl = authentication.and_then(|it| it.sasl.as_ref());
    if sasl.and_then(|it| it.iam).is_some_and(|it| it.enabled) {
        return refuse(
            "clientAuthentication",
            "IAM access control is not available yet: use SASL/SCRAM",
        );
    }
    if authentication
        .and_then(|it| it.tls.as_ref())
        .is_some_and(|it| it.enabled)
    {
        return refuse(
            "clientAuthentication",
            "client certificates are not available yet: use SASL/SCRAM",
        );
    }
    let in_transit = encryption.and_then(|it| it.encryption_in_transit.as_ref());
    let client_broker = in_transit.and_then(|it| it.client_broker.as_deref());
    if client_broker.is_some_and(|it| !["TLS", "TLS_PLAINTEXT", "PLAINTEXT"].contains(&it)) {
        return refuse(
            "encryptionInfo",
            "clientBroker is one of TLS, TLS_PLAINTEXT and PLAINTEXT",
        );
    }
    if in_transit.and_then(|it| it.in_cluster) == Some(false) {
        return refuse(
            "encryptionInfo",
            "traffic between brokers is always encrypted: inCluster cannot be false",
        );
    }
    let open = listeners(authentication, encryption);
    if !(open.plaintext || open.tls || open.sasl_scram) {
        return refuse(
            "clientAuthentication",
            "no client could connect: enable SASL/SCRAM, or unauthenticated access",
        );
    }
    Ok(())
}
