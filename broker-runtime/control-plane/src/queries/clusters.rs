//! Clusters, as they are reported: desired state from the store, observed state from the engine.

use control_plane_api::{
    bootstrap::GetBootstrapBrokersResponse,
    clusters::{BrokerSoftwareInfo, Cluster, ClusterInfo, ENGINE_DEFAULT, Provisioned},
    extensions::{BrokerStatus, CertificateAuthority, ClusterStatus, RuntimeInfo, Status},
    nodes::{BrokerNodeInfo, ControllerNodeInfo, NodeInfo},
    serverless::{Serverless, ServerlessConnectivityInfo},
    tags::Tags,
};
use engine::{BrokerState, ObservedBroker, ObservedCluster, chain};

use super::{
    health::{customer_action, days_left, reported_state},
    iso8601,
};
use crate::{
    arn::{self, Scope},
    error::OperationError,
    services::Services,
    store::{ClusterRecord, ClusterSettings},
};

/// The record of a cluster.
pub(crate) fn cluster_record(services: &Services, arn: &str) -> Result<ClusterRecord, OperationError> {
    let unknown = || OperationError::NotFound(format!("cluster {arn} does not exist"));
    let uuid = arn::cluster_uuid(arn).ok_or_else(unknown)?;
    let found: Option<ClusterRecord> = services.store.get(&uuid.to_string())?;
    found.filter(|cluster| cluster.arn == arn).ok_or_else(unknown)
}

/// The version that updates have to name.
pub(crate) fn current_version(cluster: &ClusterRecord) -> String {
    format!("K{:013X}", cluster.version)
}

/// `DescribeCluster`.
pub(crate) async fn describe_cluster(services: &Services, arn: &str) -> Result<ClusterInfo, OperationError> {
    let cluster = cluster_record(services, arn)?;
    if cluster.settings.serverless.is_some() {
        let message = "the cluster is serverless: DescribeClusterV2 describes it";
        return Err(OperationError::invalid("clusterArn", message));
    }
    Ok(version_1(services, &cluster))
}

/// `DescribeClusterV2`.
pub(crate) async fn describe_cluster_v2(services: &Services, arn: &str) -> Result<Cluster, OperationError> {
    Ok(version_2(services, &cluster_record(services, arn)?))
}

/// `ListClusters`: provisioned ones by name, those whose name begins with the filter.
pub(crate) async fn list_clusters(
    services: &Services,
    world: &Scope,
    name_filter: Option<&str>,
) -> Result<Vec<ClusterInfo>, OperationError> {
    let mut records = records(services, Some(world), name_filter)?;
    records.retain(|cluster| cluster.settings.serverless.is_none());
    Ok(records.iter().map(|cluster| version_1(services, cluster)).collect())
}

/// `ListClustersV2`: the same, of one type or both.
pub(crate) async fn list_clusters_v2(
    services: &Services,
    world: &Scope,
    name_filter: Option<&str>,
    type_filter: Option<&str>,
) -> Result<Vec<Cluster>, OperationError> {
    let mut records = records(services, Some(world), name_filter)?;
    match type_filter {
        None => (),
        Some(kind @ ("PROVISIONED" | "SERVERLESS")) => records.retain(|cluster| cluster.settings.kind() == kind),
        Some(other) => {
            let message = format!("{other:?} is not a type of clusters: use PROVISIONED or SERVERLESS");
            return Err(OperationError::invalid("clusterTypeFilter", message));
        }
    }
    Ok(records.iter().map(|cluster| version_2(services, cluster)).collect())
}

/// Clusters of a world, or of all, by name.
fn records(
    services: &Services,
    world: Option<&Scope>,
    name_filter: Option<&str>,
) -> Result<Vec<ClusterRecord>, OperationError> {
    let mut all: Vec<ClusterRecord> = services.store.all()?;
    all.retain(|cluster| world.is_none_or(|world| world.holds(&cluster.arn)));
    all.retain(|cluster| name_filter.is_none_or(|prefix| cluster.name.starts_with(prefix)));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn active_operation_arn(cluster: &ClusterRecord) -> Option<String> {
    let operation = cluster.active_operation?;
    Some(arn::operation(&cluster.arn, operation))
}

fn software(cluster: &ClusterRecord) -> BrokerSoftwareInfo {
    let configuration = cluster.settings.configuration_info.as_ref();
    BrokerSoftwareInfo {
        configuration_arn: configuration.map(|info| info.arn.clone()),
        configuration_revision: configuration.map(|info| info.revision),
        kafka_version: Some(cluster.settings.kafka_version.clone()),
    }
}

fn version_1(services: &Services, cluster: &ClusterRecord) -> ClusterInfo {
    let observation = services.observation(cluster.uuid);
    let (state, state_info) = reported_state(services, cluster, observation.as_ref());
    let settings = &cluster.settings;
    ClusterInfo {
        active_operation_arn: active_operation_arn(cluster),
        broker_node_group_info: settings.broker_node_group_info.clone(),
        client_authentication: settings.client_authentication.clone(),
        cluster_arn: cluster.arn.clone(),
        cluster_name: cluster.name.clone(),
        creation_time: iso8601(cluster.created_ms),
        current_broker_software_info: software(cluster),
        current_version: current_version(cluster),
        encryption_info: settings.encryption_info.clone(),
        enhanced_monitoring: settings.enhanced_monitoring.clone(),
        open_monitoring: settings.open_monitoring.clone(),
        logging_info: settings.logging_info.clone(),
        number_of_broker_nodes: i64::from(settings.broker_count),
        state: state.to_owned(),
        state_info,
        storage_mode: Some("LOCAL".to_owned()),
        tags: cluster.tags.clone(),
        customer_action_status: Some(customer_action(cluster, observation.as_ref()).to_owned()),
        rebalancing: settings.rebalancing.clone(),
        engine: (settings.engine != ENGINE_DEFAULT).then(|| settings.engine.clone()),
    }
}

fn version_2(services: &Services, cluster: &ClusterRecord) -> Cluster {
    let info = version_1(services, cluster);
    Cluster {
        active_operation_arn: info.active_operation_arn,
        cluster_type: cluster.settings.kind().to_owned(),
        cluster_arn: info.cluster_arn,
        cluster_name: info.cluster_name,
        creation_time: info.creation_time,
        current_version: info.current_version,
        state: info.state,
        state_info: info.state_info,
        tags: info.tags,
        serverless: serverless(&cluster.settings),
        provisioned: cluster.settings.serverless.is_none().then_some(Provisioned {
            broker_node_group_info: info.broker_node_group_info,
            current_broker_software_info: info.current_broker_software_info,
            client_authentication: info.client_authentication,
            encryption_info: info.encryption_info,
            enhanced_monitoring: info.enhanced_monitoring,
            open_monitoring: info.open_monitoring,
            logging_info: info.logging_info,
            number_of_broker_nodes: info.number_of_broker_nodes,
            storage_mode: info.storage_mode,
            customer_action_status: info.customer_action_status,
            rebalancing: info.rebalancing,
            engine: info.engine,
        }),
    }
}

/// The serverless part, with the network type that is in force.
fn serverless(settings: &ClusterSettings) -> Option<Serverless> {
    let connectivity = settings.broker_node_group_info.connectivity_info.as_ref();
    let network_type = connectivity.and_then(|info| info.network_type.clone());
    Some(Serverless {
        connectivity_info: network_type.map(|network_type| ServerlessConnectivityInfo {
            network_type: Some(network_type),
        }),
        ..settings.serverless.clone()?
    })
}

/// What the engine sees of a cluster; `None` while there is nothing of it.
async fn observed(services: &Services, cluster: &ClusterRecord) -> Result<Option<ObservedCluster>, OperationError> {
    let observed = services.engine.observe(cluster.uuid).await;
    observed.map_err(|error| OperationError::unreachable(chain(&error)))
}

/// `GetBootstrapBrokers`.
pub(crate) async fn get_bootstrap_brokers(
    services: &Services,
    arn: &str,
) -> Result<GetBootstrapBrokersResponse, OperationError> {
    let cluster = cluster_record(services, arn)?;
    let bootstrap = observed(services, &cluster)
        .await?
        .map(|it| it.bootstrap)
        .unwrap_or_default();
    let joined = |brokers: Vec<String>| (!brokers.is_empty()).then(|| brokers.join(","));
    Ok(GetBootstrapBrokersResponse {
        bootstrap_broker_string: joined(bootstrap.plaintext),
        bootstrap_broker_string_tls: joined(bootstrap.tls),
        bootstrap_broker_string_sasl_scram: joined(bootstrap.sasl_scram),
        bootstrap_broker_string_sasl_iam: joined(bootstrap.sasl_iam),
        bootstrap_broker_string_public_sasl_scram: joined(bootstrap.public_sasl_scram),
        bootstrap_broker_string_public_sasl_iam: joined(bootstrap.public_sasl_iam),
        bootstrap_broker_string_ipv6: joined(bootstrap.plaintext_ipv6),
        bootstrap_broker_string_tls_ipv6: joined(bootstrap.tls_ipv6),
        bootstrap_broker_string_sasl_scram_ipv6: joined(bootstrap.sasl_scram_ipv6),
        bootstrap_broker_string_sasl_iam_ipv6: joined(bootstrap.sasl_iam_ipv6),
    })
}

/// `ListNodes`: brokers by id, then controllers.
pub(crate) async fn list_nodes(services: &Services, arn: &str) -> Result<Vec<NodeInfo>, OperationError> {
    let cluster = cluster_record(services, arn)?;
    let Some(observed) = observed(services, &cluster).await? else {
        return Ok(Vec::new());
    };
    let brokers = observed.brokers.iter().map(|broker| node(&cluster, broker));
    let controllers = observed.controllers.iter().zip(1..);
    let controllers = controllers.map(|(endpoint, number)| NodeInfo {
        added_to_cluster_time: iso8601(cluster.created_ms),
        controller_node_info: Some(ControllerNodeInfo {
            endpoints: vec![endpoint.clone()],
        }),
        node_arn: arn::controller(&cluster.arn, number),
        ..NodeInfo::default()
    });
    Ok(brokers.chain(controllers).collect())
}

fn node(cluster: &ClusterRecord, broker: &ObservedBroker) -> NodeInfo {
    let group = &cluster.settings.broker_node_group_info;
    let index = usize::try_from(broker.broker_id - 1).unwrap_or_default();
    let subnet = (!group.client_subnets.is_empty()).then(|| &group.client_subnets[index % group.client_subnets.len()]);
    NodeInfo {
        added_to_cluster_time: iso8601(broker.started_at_ms.unwrap_or(cluster.created_ms)),
        broker_node_info: Some(BrokerNodeInfo {
            broker_id: f64::from(broker.broker_id),
            client_subnet: subnet.unwrap_or(&broker.zone).clone(),
            client_vpc_ip_address: broker.host.clone(),
            current_broker_software_info: software(cluster),
            endpoints: vec![broker.host.clone()],
        }),
        controller_node_info: None,
        instance_type: group.instance_type.clone(),
        node_arn: arn::broker(&cluster.arn, broker.broker_id),
        node_type: "BROKER".to_owned(),
    }
}

/// `ListScramSecrets`: in order.
pub(crate) async fn list_scram_secrets(services: &Services, arn: &str) -> Result<Vec<String>, OperationError> {
    Ok(cluster_record(services, arn)?.secret_arns)
}

/// `ListTagsForResource`.
pub(crate) async fn list_tags_for_resource(services: &Services, arn: &str) -> Result<Tags, OperationError> {
    Ok(Tags {
        tags: cluster_record(services, arn)?.tags,
    })
}

/// `GET /openmsk/v1/clusters/{arn}/certificate-authority`.
pub(crate) async fn certificate_authority(
    services: &Services,
    arn: &str,
) -> Result<CertificateAuthority, OperationError> {
    let cluster = cluster_record(services, arn)?;
    let observed = observed(services, &cluster).await?;
    let observed = observed.ok_or_else(|| OperationError::NotFound(format!("cluster {arn} has no authority yet")))?;
    Ok(CertificateAuthority {
        certificate_pem: observed.certificate_authority_pem,
    })
}

/// `GET /openmsk/v1/runtime`.
pub(crate) fn runtime(services: &Services) -> RuntimeInfo {
    RuntimeInfo {
        product: "openmsk".to_owned(),
        version: services.version.clone(),
        pid: std::process::id(),
    }
}

/// `GET /openmsk/v1/status`.
pub(crate) async fn status(services: &Services) -> Result<Status, OperationError> {
    let mut clusters = Vec::new();
    for cluster in records(services, None, None)? {
        let observed = services.engine.observe(cluster.uuid).await;
        let (observed, problem) = match observed {
            Ok(observed) => (observed, None),
            Err(error) => (None, Some(chain(&error))),
        };
        let (state, info) = reported_state(services, &cluster, services.observation(cluster.uuid).as_ref());
        clusters.push(ClusterStatus {
            name: cluster.name,
            arn: cluster.arn,
            state: state.to_owned(),
            message: info.map(|info| info.message).or(problem),
            log_bytes: observed.as_ref().map_or(0, |it| it.log_bytes),
            brokers: observed
                .map(|it| {
                    it.brokers
                        .into_iter()
                        .map(|broker| broker_status(services, broker))
                        .collect()
                })
                .unwrap_or_default(),
        });
    }
    Ok(Status {
        runtime: runtime(services),
        clusters,
    })
}

fn broker_status(services: &Services, broker: ObservedBroker) -> BrokerStatus {
    BrokerStatus {
        broker_id: broker.broker_id,
        state: match broker.state {
            BrokerState::Starting => "STARTING",
            BrokerState::Running => "RUNNING",
            BrokerState::Stopping => "STOPPING",
            BrokerState::Down => "DOWN",
        }
        .to_owned(),
        zone: broker.zone,
        host: broker.host,
        endpoints: broker.endpoints,
        pid: broker.pid,
        uptime_ms: broker.started_at_ms.map(|started| services.clock.now_ms() - started),
        resident_bytes: broker.resident_bytes,
        restarts: broker.restarts,
        certificate_expires_at: broker.certificate_expires_at_ms.map(iso8601),
        certificate_days_left: broker
            .certificate_expires_at_ms
            .map(|end_ms| days_left(end_ms, services.clock.now_ms())),
    }
}
