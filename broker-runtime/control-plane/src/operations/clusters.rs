//! Clusters are made and deleted here. The intent and its Operation are one transaction; a reconciler carries it out.

use std::collections::BTreeMap;

use control_plane_api::{
    clusters::{
        BrokerNodeGroupInfo, CreateClusterRequest, CreateClusterResponse, CreateClusterV2Request, DeleteClusterResponse,
    },
    operations::{ErrorInfo, MutableClusterInfo},
    security::{ClientAuthentication, Sasl},
    serverless::Serverless,
    updates::BrokerEbsVolumeInfo,
};

use engine::request_id;

use super::{
    checks, client_authorities,
    creations::{Attempt, Creation},
    encryption,
};
use crate::{
    arn::{self, Scope},
    error::OperationError,
    queries::{self, current_version},
    reconcilers::Bounds,
    services::Services,
    store::{
        ClusterRecord, ClusterSettings, ClusterState, OperationKind, OperationRecord, OperationState, StoreError,
        Transaction, default_engine,
    },
};

/// `CreateCluster`.
pub(crate) async fn create_cluster(
    services: &Services,
    world: &Scope,
    request: CreateClusterRequest,
    attempt: Attempt,
) -> Result<CreateClusterResponse, OperationError> {
    let creation = Creation::new(attempt.idempotency_token.clone(), &request);
    checks::check_name(&request.cluster_name)?;
    let settings = ClusterSettings {
        engine: request.engine.unwrap_or_else(default_engine),
        broker_count: checks::broker_count("numberOfBrokerNodes", request.number_of_broker_nodes)?,
        kafka_version: checks::kafka_version("kafkaVersion", request.kafka_version.as_deref())?,
        broker_node_group_info: request.broker_node_group_info.unwrap_or_default(),
        client_authentication: request.client_authentication,
        encryption_info: request
            .encryption_info
            .map(|info| encryption::resolve(info, world))
            .transpose()?,
        configuration_info: request.configuration_info,
        enhanced_monitoring: checks::monitoring(request.enhanced_monitoring),
        open_monitoring: request.open_monitoring,
        logging_info: request.logging_info,
        rebalancing: request.rebalancing,
        public_address: None,
        serverless: None,
        reboots: BTreeMap::new(),
        certificate_rotations: 0,
    };
    checks::check_storage_mode(request.storage_mode.as_deref())?;
    create(
        services,
        world,
        (request.cluster_name, request.tags),
        settings,
        (creation, attempt.validate_only),
    )
}

/// A cluster with this name, these tags and these settings.
fn create(
    services: &Services,
    world: &Scope,
    (name, tags): (String, BTreeMap<String, String>),
    mut settings: ClusterSettings,
    (creation, validate_only): (Option<Creation>, bool),
) -> Result<CreateClusterResponse, OperationError> {
    checks::check_settings(&settings)?;
    client_authorities::check(services, world, settings.client_authentication.as_ref())?;
    checks::resolve_public_address(services, &mut settings)?;
    let uuid = services.new_uuid();
    let operation = services.new_uuid();
    let cluster = ClusterRecord {
        uuid,
        arn: world.cluster(&name, uuid),
        name,
        created_ms: services.clock.now_ms(),
        state: ClusterState::Creating,
        state_message: None,
        version: 0,
        settings: settings.clone(),
        active_operation: Some(operation),
        tags,
        secret_arns: Vec::new(),
        policy: None,
    };
    checks::check_with_engine(services, &cluster, &settings)?;
    let operation = OperationRecord {
        uuid: operation,
        ..new_operation(services, &cluster, OperationKind::CreateCluster, settings)
    };
    let cluster = services.store.transaction(|transaction| {
        if let Some(there) = same_name(transaction, world, &cluster.name)? {
            let made_before = creation.as_ref().map(|it| it.made_before(transaction)).transpose()?;
            return if made_before.flatten().as_ref() == Some(&there.arn) {
                Ok(there)
            } else {
                Err(already_there(&there))
            };
        }
        if validate_only {
            return Ok(cluster);
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
    world: &Scope,
    request: CreateClusterV2Request,
    attempt: Attempt,
) -> Result<CreateClusterResponse, OperationError> {
    let provisioned = match (request.provisioned, request.serverless) {
        (Some(provisioned), None) => provisioned,
        (None, Some(serverless)) => {
            let (name, tags) = (request.cluster_name, request.tags);
            return create_serverless(services, world, (name, tags), serverless, attempt);
        }
        (None, None) => {
            let message = "the cluster has to be provisioned or serverless";
            return Err(OperationError::invalid("provisioned", message));
        }
        (Some(_), Some(_)) => {
            let message = "a cluster is provisioned or serverless, not both";
            return Err(OperationError::invalid("serverless", message));
        }
    };
    let request = CreateClusterRequest {
        cluster_name: request.cluster_name,
        kafka_version: provisioned.kafka_version,
        number_of_broker_nodes: provisioned.number_of_broker_nodes,
        broker_node_group_info: provisioned.broker_node_group_info,
        client_authentication: provisioned.client_authentication,
        configuration_info: provisioned.configuration_info,
        encryption_info: provisioned.encryption_info,
        enhanced_monitoring: provisioned.enhanced_monitoring,
        open_monitoring: provisioned.open_monitoring,
        logging_info: provisioned.logging_info,
        rebalancing: provisioned.rebalancing,
        storage_mode: provisioned.storage_mode,
        tags: request.tags,
        engine: provisioned.engine,
    };
    let mut response = create_cluster(services, world, request, attempt).await?;
    response.cluster_type = Some("PROVISIONED".to_owned());
    Ok(response)
}

/// The other kind of `CreateClusterV2`: a cluster whose number of brokers follows the load.
fn create_serverless(
    services: &Services,
    world: &Scope,
    (name, tags): (String, BTreeMap<String, String>),
    serverless: Serverless,
    attempt: Attempt,
) -> Result<CreateClusterResponse, OperationError> {
    let creation = Creation::new(attempt.idempotency_token.clone(), &(&name, &tags, &serverless));
    checks::check_name(&name)?;
    let bounds = Bounds::of(&tags).map_err(|message| OperationError::invalid("tags", message))?;
    let iam = serverless
        .client_authentication
        .as_ref()
        .and_then(|it| it.sasl.as_ref()?.iam);
    // The model has its own shape here: IAM or nothing.
    let client_authentication = iam.filter(|iam| iam.enabled).map(|iam| ClientAuthentication {
        sasl: Some(Sasl {
            scram: None,
            iam: Some(iam),
        }),
        ..ClientAuthentication::default()
    });
    let vpcs = &serverless.vpc_configs;
    let settings = ClusterSettings {
        engine: default_engine(),
        broker_count: bounds.min,
        kafka_version: checks::kafka_version("kafkaVersion", None)?,
        broker_node_group_info: BrokerNodeGroupInfo {
            client_subnets: vpcs.iter().flat_map(|vpc| vpc.subnet_ids.clone()).collect(),
            security_groups: vpcs.iter().flat_map(|vpc| vpc.security_group_ids.clone()).collect(),
            ..BrokerNodeGroupInfo::default()
        },
        client_authentication,
        encryption_info: None,
        configuration_info: None,
        enhanced_monitoring: checks::monitoring(None),
        open_monitoring: None,
        logging_info: None,
        rebalancing: None,
        public_address: None,
        serverless: Some(serverless),
        reboots: BTreeMap::new(),
        certificate_rotations: 0,
    };
    let mut response = create(
        services,
        world,
        (name, tags),
        settings,
        (creation, attempt.validate_only),
    )?;
    response.cluster_type = Some("SERVERLESS".to_owned());
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

/// The record as it is now.
pub(super) fn again(transaction: &Transaction<'_>, cluster: &ClusterRecord) -> Result<ClusterRecord, OperationError> {
    let found = transaction.get(&cluster.uuid.to_string())?;
    found.ok_or_else(|| OperationError::NotFound(format!("cluster {} does not exist", cluster.arn)))
}

pub(super) fn check_updatable(cluster: &ClusterRecord, version: Option<&str>) -> Result<(), OperationError> {
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

fn same_name(transaction: &Transaction<'_>, world: &Scope, name: &str) -> Result<Option<ClusterRecord>, StoreError> {
    let mut all = transaction.all::<ClusterRecord>()?.into_iter();
    Ok(all.find(|cluster| cluster.name == name && world.holds(&cluster.arn)))
}

fn already_there(there: &ClusterRecord) -> OperationError {
    let message = format!(
        "cluster {:?} already exists, in state {}",
        there.name,
        there.state.name()
    );
    OperationError::Conflict(message)
}

pub(super) fn new_operation(
    services: &Services,
    cluster: &ClusterRecord,
    kind: OperationKind,
    wanted: ClusterSettings,
) -> OperationRecord {
    let uuid = services.new_uuid();
    OperationRecord {
        uuid,
        arn: arn::operation(&cluster.arn, uuid),
        cluster_uuid: cluster.uuid,
        cluster_arn: cluster.arn.clone(),
        kind,
        state: OperationState::Pending,
        created_ms: services.clock.now_ms(),
        ended_ms: None,
        error: None,
        request_id: request_id::current(),
        source: Some(mutable(&cluster.settings)),
        target: Some(mutable(&wanted)),
        wanted,
    }
}

fn mutable(settings: &ClusterSettings) -> MutableClusterInfo {
    let group = &settings.broker_node_group_info;
    let volume = group
        .storage_info
        .as_ref()
        .and_then(|info| info.ebs_storage_info.as_ref());
    MutableClusterInfo {
        number_of_broker_nodes: Some(i64::from(settings.broker_count)),
        configuration_info: settings.configuration_info.clone(),
        client_authentication: settings.client_authentication.clone(),
        encryption_info: settings.encryption_info.clone(),
        kafka_version: Some(settings.kafka_version.clone()),
        instance_type: Some(group.instance_type.clone()).filter(|name| !name.is_empty()),
        broker_ebs_volume_info: volume
            .map(|volume| BrokerEbsVolumeInfo {
                kafka_broker_node_id: "All".to_owned(),
                provisioned_throughput: volume.provisioned_throughput,
                volume_size_gb: volume.volume_size,
            })
            .into_iter()
            .collect(),
        enhanced_monitoring: Some(settings.enhanced_monitoring.clone()),
        open_monitoring: settings.open_monitoring.clone(),
        logging_info: settings.logging_info.clone(),
        connectivity_info: group.connectivity_info.clone(),
        rebalancing: settings.rebalancing.clone(),
        engine: Some(settings.engine.clone()).filter(|engine| *engine != default_engine()),
    }
}
