//! What a cluster may be: checked before anything is written. Shapes have been checked by the model already.

use control_plane_api::{
    clusters::BrokerNodeGroupInfo,
    connectivity::{ConnectivityInfo, VpcConnectivity},
    security::{ClientAuthentication, EncryptionInfo},
    storage::{ProvisionedThroughput, StorageInfo},
};
use engine::{EngineError, Listeners, chain};

use super::logging::check_logging;
use crate::{
    error::OperationError,
    instance_types,
    queries::KAFKA_VERSIONS,
    reconcilers::{listeners, specification},
    services::Services,
    store::{ClusterRecord, ClusterSettings},
};

/// Longest name of a cluster.
const NAME_CHARS_MAX: usize = 64;
/// Metrics level of a cluster that names none.
const MONITORING_DEFAULT: &str = "DEFAULT";

pub(super) fn check_with_engine(
    services: &Services,
    cluster: &ClusterRecord,
    settings: &ClusterSettings,
) -> Result<(), OperationError> {
    let spec = specification(services, cluster, settings)?;
    services.engine.validate(&spec).map_err(|error| match error {
        EngineError::Unsupported { reason } => OperationError::unreadable(reason),
        // What a person has to mend is no failure of ours: there is no host in a zone, say.
        error @ EngineError::Environment { .. } => OperationError::unreadable(error.to_string()),
        error => OperationError::Internal(chain(&error)),
    })
}

pub(super) fn check_name(name: &str) -> Result<(), OperationError> {
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

pub(super) fn broker_count(parameter: &str, count: i64) -> Result<u32, OperationError> {
    let valid = u32::try_from(count).ok().filter(|count| *count > 0);
    valid.ok_or_else(|| OperationError::invalid(parameter, format!("{count} is not a number of brokers")))
}

pub(super) fn kafka_version(parameter: &str, version: Option<&str>) -> Result<String, OperationError> {
    let newest = KAFKA_VERSIONS[KAFKA_VERSIONS.len() - 1];
    let version = version.unwrap_or(newest);
    if KAFKA_VERSIONS.contains(&version) {
        return Ok(version.to_owned());
    }
    let message = format!(
        "{version:?} is not a version that is offered: use {}",
        KAFKA_VERSIONS.join(", ")
    );
    Err(OperationError::invalid(parameter, message))
}

/// The level of metrics; the model has checked its name.
pub(super) fn monitoring(level: Option<String>) -> String {
    level.unwrap_or_else(|| MONITORING_DEFAULT.to_owned())
}

pub(super) fn check_storage_mode(mode: Option<&str>) -> Result<(), OperationError> {
    match mode {
        None | Some("LOCAL") => Ok(()),
        Some(mode) => {
            let message =
                format!("storage mode {mode:?} is not available yet: nothing moves log segments elsewhere; use LOCAL");
            Err(OperationError::invalid("storageMode", message))
        }
    }
}

/// Everything that can be said of settings without an engine.
pub(super) fn check_settings(settings: &ClusterSettings) -> Result<(), OperationError> {
    let group = &settings.broker_node_group_info;
    check_access(
        settings.client_authentication.as_ref(),
        settings.encryption_info.as_ref(),
    )?;
    check_zones(group)?;
    if !group.instance_type.is_empty() {
        check_type("instanceType", &group.instance_type)?;
    }
    check_storage(group.storage_info.as_ref())?;
    check_connectivity(settings)?;
    check_logging(settings.logging_info.as_ref())
}

pub(super) fn check_type(parameter: &'static str, name: &str) -> Result<(), OperationError> {
    let known = instance_types::resources(name);
    known
        .map(drop)
        .map_err(|reason| OperationError::invalid(parameter, reason))
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

pub(super) fn check_access(
    authentication: Option<&ClientAuthentication>,
    encryption: Option<&EncryptionInfo>,
) -> Result<(), OperationError> {
    let refuse = |parameter, message: &str| Err(OperationError::invalid(parameter, message));
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
    if open == Listeners::default() {
        return refuse(
            "clientAuthentication",
            "no client could connect: enable SASL/SCRAM, IAM, client certificates, or unauthenticated access",
        );
    }
    Ok(())
}

/// Sizes of volumes are declared; nothing limits throughput.
fn check_storage(info: Option<&StorageInfo>) -> Result<(), OperationError> {
    let volume = info.and_then(|info| info.ebs_storage_info.as_ref());
    check_throughput(volume.and_then(|volume| volume.provisioned_throughput))
}

pub(super) fn check_throughput(throughput: Option<ProvisionedThroughput>) -> Result<(), OperationError> {
    if throughput.is_some_and(|throughput| throughput.enabled) {
        let message = "throughput cannot be provisioned: brokers write as fast as the disk takes it";
        return Err(OperationError::invalid("provisionedThroughput", message));
    }
    Ok(())
}

/// Public access is for clients that say who they are, and nobody else; other networks have no way in.
pub(super) fn check_connectivity(settings: &ClusterSettings) -> Result<(), OperationError> {
    let refuse = |message: &str| Err(OperationError::invalid("connectivityInfo", message));
    let Some(info) = &settings.broker_node_group_info.connectivity_info else {
        return Ok(());
    };
    if info.vpc_connectivity.as_ref().is_some_and(VpcConnectivity::any) {
        return refuse("connections from other networks are not available yet: disable all schemes of vpcConnectivity");
    }
    if !is_public(info) {
        return Ok(());
    }
    let open = listeners(
        settings.client_authentication.as_ref(),
        settings.encryption_info.as_ref(),
    );
    if !open.plaintext && !open.tls {
        return Ok(());
    }
    refuse("public access needs SASL/SCRAM or IAM, and unauthenticated access switched off: everybody could come in")
}

/// True when clients of other machines are to connect. The model has checked the word.
pub(super) fn is_public(info: &ConnectivityInfo) -> bool {
    let kind = info.public_access.as_ref().and_then(|access| access.kind.as_deref());
    kind == Some("SERVICE_PROVIDED_EIPS")
}

/// Most of what can be changed of provisioned clusters is not a caller's business with serverless ones.
pub(super) fn check_provisioned(settings: &ClusterSettings) -> Result<(), OperationError> {
    if settings.serverless.is_none() {
        return Ok(());
    }
    let message = "the cluster is serverless: its brokers follow the load, between the numbers in its tags \
                   openmsk:min-brokers and openmsk:max-brokers";
    Err(OperationError::invalid("clusterArn", message))
}

/// Finds the address that clients of other machines connect to, while they may. It stays what it was when the runtime is
/// started without one later.
pub(super) fn resolve_public_address(
    services: &Services,
    settings: &mut ClusterSettings,
) -> Result<(), OperationError> {
    let info = settings.broker_node_group_info.connectivity_info.as_ref();
    if !info.is_some_and(is_public) {
        settings.public_address = None;
        return Ok(());
    }
    settings.public_address = services.public_address.or(settings.public_address);
    if settings.public_address.is_some() {
        return Ok(());
    }
    let message = "this runtime has no address that other machines reach: start it with broker-runtime serve \
                   --public-address ADDRESS";
    Err(OperationError::invalid("connectivityInfo", message))
}
