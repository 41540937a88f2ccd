//! From what the store holds of a cluster to what an engine is asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use control_plane_api::{
    clusters::{BrokerNodeGroupInfo, ENGINE_APACHE_KAFKA},
    monitoring::{Exporter, LoggingInfo, OpenMonitoring},
    security::{ClientAuthentication, EncryptionInfo},
    server_properties,
};
use engine::{
    ClientCertificates, ClusterSpec, Exporters, Listeners, Reach, ScramCredential, ScramMechanism, ScramUser, Secret,
};

use hosts::{Fleet as _, HostState};

use super::elastic::Bounds;
use crate::{
    arn::Scope,
    error::OperationError,
    instance_types,
    services::Services,
    store::{ClientAuthorityRecord, ClusterRecord, ClusterSettings, ConfigurationRecord, ScramVerifier, SecretRecord},
};

/// Zones of a cluster that names none.
const ZONES: [&str; 3] = ["use1-az1", "use1-az2", "use1-az3"];

/// What `cluster` should be with `settings` in force.
pub(crate) fn specification(
    services: &Services,
    cluster: &ClusterRecord,
    settings: &ClusterSettings,
) -> Result<ClusterSpec, OperationError> {
    Ok(ClusterSpec {
        cluster_id: cluster.uuid,
        cluster_name: cluster.name.clone(),
        engine: settings.engine.clone(),
        kafka_version: settings.kafka_version.clone(),
        broker_count: settings.broker_count,
        zones: zones_of_hosts(services, settings).unwrap_or_else(|| zones(&settings.broker_node_group_info)),
        listeners: listeners(
            settings.client_authentication.as_ref(),
            settings.encryption_info.as_ref(),
        ),
        client_certificates: client_certificates(services, settings.client_authentication.as_ref())?,
        reach: reach(settings),
        exporters: exporters(settings.open_monitoring.as_ref()),
        monitoring: settings.enhanced_monitoring.clone(),
        log_delivery: log_delivery(services, cluster, settings.logging_info.as_ref()),
        // Names of before types were checked mean nothing.
        resources: instance_types::resources(&settings.broker_node_group_info.instance_type).ok(),
        volume_bytes: volume_bytes(&settings.broker_node_group_info),
        encryption_key: encryption_key(settings.encryption_info.as_ref()),
        server_properties: properties(services, cluster, settings)?,
        scram_users: users(services, cluster)?,
        reboots: settings.reboots.clone(),
        certificate_rotations: settings.certificate_rotations,
    })
}

/// Certificates that clients may show, or must where nobody is let in without a name.
fn client_certificates(
    services: &Services,
    authentication: Option<&ClientAuthentication>,
) -> Result<Option<ClientCertificates>, OperationError> {
    let Some(authentication) = authentication.filter(|it| !it.client_authorities().is_empty()) else {
        return Ok(None);
    };
    let mut authorities_pem = String::new();
    for arn in authentication.client_authorities() {
        let found: Option<ClientAuthorityRecord> = services.store.get(arn)?;
        let found = found.ok_or_else(|| OperationError::NotFound(format!("authority {arn} does not exist")))?;
        authorities_pem.push_str(found.certificate_pem.trim());
        authorities_pem.push('\n');
    }
    Ok(Some(ClientCertificates {
        authorities_pem,
        required: !authentication.unauthenticated.is_some_and(|it| it.enabled),
    }))
}

/// Shared addresses that clients may use.
fn reach(settings: &ClusterSettings) -> Reach {
    let connectivity = settings.broker_node_group_info.connectivity_info.as_ref();
    Reach {
        public_address: settings.public_address,
        ipv6: connectivity.and_then(|info| info.network_type.as_deref()) == Some("DUAL"),
    }
}

fn exporters(monitoring: Option<&OpenMonitoring>) -> Exporters {
    let on = |exporter: Option<Exporter>| exporter.is_some_and(|it| it.enabled_in_broker);
    monitoring.map_or_else(Exporters::default, |monitoring| Exporters {
        jmx: on(monitoring.prometheus.jmx_exporter),
        node: on(monitoring.prometheus.node_exporter),
    })
}

/// The size of volumes, which is declared in GiB.
fn volume_bytes(info: &BrokerNodeGroupInfo) -> Option<u64> {
    const GIB: u64 = 1 << 30;
    let volume = info.storage_info.as_ref()?.ebs_storage_info.as_ref()?;
    Some(u64::try_from(volume.volume_size?).ok()?.saturating_mul(GIB))
}

fn encryption_key(encryption: Option<&EncryptionInfo>) -> Option<String> {
    let at_rest = encryption?.encryption_at_rest.as_ref()?;
    Some(at_rest.data_volume_kms_key_id.clone())
}

/// Where logs of brokers go: the folder that MSK would use in the bucket. Names and prefixes have been checked.
fn log_delivery(services: &Services, cluster: &ClusterRecord, logging: Option<&LoggingInfo>) -> Option<PathBuf> {
    let bucket = logging?.broker_logs.s3.as_ref().filter(|it| it.enabled)?;
    let world = Scope::of(&cluster.arn)?;
    let folder = services.buckets.join(bucket.bucket.as_deref()?);
    let prefix = bucket.prefix.as_deref().unwrap_or_default();
    let folder = prefix
        .split('/')
        .filter(|part| !part.is_empty())
        .fold(folder, |folder, part| folder.join(part));
    Some(
        folder
            .join("AWSLogs")
            .join(world.account)
            .join("KafkaBrokerLogs")
            .join(world.region)
            .join(format!("{}-{}-1", cluster.name, cluster.uuid)),
    )
}

/// Zones of the hosts that have joined, where a cluster comes to these and names none.
fn zones_of_hosts(services: &Services, settings: &ClusterSettings) -> Option<Vec<String>> {
    let group = &settings.broker_node_group_info;
    if settings.engine != ENGINE_APACHE_KAFKA || !group.zone_ids.is_empty() || !group.client_subnets.is_empty() {
        return None;
    }
    let hosts = services.fleet.hosts();
    let facts = hosts.iter().map(|host| host.facts());
    let zones: BTreeSet<String> = facts
        .filter(|facts| facts.state != HostState::Dead)
        .map(|facts| facts.zone)
        .collect();
    (!zones.is_empty()).then(|| zones.into_iter().collect())
}

/// Zones as they are named, else one for each subnet.
fn zones(info: &BrokerNodeGroupInfo) -> Vec<String> {
    if !info.zone_ids.is_empty() {
        return info.zone_ids.clone();
    }
    if info.client_subnets.is_empty() {
        return ZONES.iter().map(|zone| (*zone).to_owned()).collect();
    }
    (1..=info.client_subnets.len())
        .map(|number| format!("use1-az{number}"))
        .collect()
}

/// The listeners that are open: those with SASL where it is enabled, the others for clients without authentication, which are
/// allowed when it is said so, or when nothing else is enabled.
pub(crate) fn listeners(
    authentication: Option<&ClientAuthentication>,
    encryption: Option<&EncryptionInfo>,
) -> Listeners {
    let sasl = authentication.and_then(|it| it.sasl.as_ref());
    let sasl_scram = sasl.and_then(|it| it.scram).is_some_and(|it| it.enabled);
    let sasl_iam = sasl.and_then(|it| it.iam).is_some_and(|it| it.enabled);
    let certificates = authentication.is_some_and(|it| !it.client_authorities().is_empty());
    let unauthenticated = authentication
        .and_then(|it| it.unauthenticated)
        .map_or(!sasl_scram && !sasl_iam && !certificates, |it| it.enabled);
    let client_broker = encryption
        .and_then(|it| it.encryption_in_transit.as_ref())
        .and_then(|it| it.client_broker.as_deref())
        .unwrap_or("TLS");
    Listeners {
        plaintext: unauthenticated && client_broker != "TLS",
        tls: certificates || unauthenticated && client_broker != "PLAINTEXT",
        sasl_scram,
        sasl_iam,
    }
}

fn properties(
    services: &Services,
    cluster: &ClusterRecord,
    settings: &ClusterSettings,
) -> Result<BTreeMap<String, String>, OperationError> {
    // Load must not restart brokers: what they are told does not depend on how many there are just now.
    let least = settings
        .serverless
        .as_ref()
        .and_then(|_| Bounds::of(&cluster.tags).ok());
    let brokers = least.map_or(settings.broker_count, |bounds| bounds.min);
    let brokers = usize::try_from(brokers).unwrap_or(usize::MAX);
    let mut properties = server_properties::cluster_defaults(brokers);
    let Some(info) = &settings.configuration_info else {
        return Ok(properties);
    };
    let gone = || {
        OperationError::invalid(
            "configurationInfo",
            format!("revision {} of {} does not exist", info.revision, info.arn),
        )
    };
    let found: Option<ConfigurationRecord> = services.store.get(&info.arn)?;
    // One of another account or region is not there for this cluster.
    let configuration = found
        .filter(|it| Scope::of(&cluster.arn) == Scope::of(&it.arn))
        .ok_or_else(gone)?;
    let revision = configuration
        .revisions
        .iter()
        .find(|revision| revision.revision == info.revision)
        .ok_or_else(gone)?;
    let parsed = server_properties::parse(&revision.server_properties).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        OperationError::invalid("configurationInfo", texts.join("; "))
    })?;
    properties.extend(parsed.into_map());
    Ok(properties)
}

fn users(services: &Services, cluster: &ClusterRecord) -> Result<Vec<ScramUser>, OperationError> {
    let mut users = Vec::new();
    for arn in &cluster.secret_arns {
        // A secret that has been deleted lets nobody in.
        let Some(secret) = services.store.get::<SecretRecord>(arn)? else {
            continue;
        };
        let Some((name, verifiers)) = secret.scram else {
            continue;
        };
        let credentials = verifiers
            .iter()
            .map(|verifier| credential(services, verifier))
            .collect::<Result<_, _>>()?;
        users.push(ScramUser { name, credentials });
    }
    users.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(users)
}

fn credential(services: &Services, verifier: &ScramVerifier) -> Result<ScramCredential, OperationError> {
    let salted_password = services
        .secret_box
        .open_sealed(&verifier.salted_password)
        .map_err(|error| OperationError::Internal(error.to_string()))?;
    Ok(ScramCredential {
        mechanism: match verifier.mechanism.as_str() {
            "SCRAM-SHA-256" => ScramMechanism::Sha256,
            _ => ScramMechanism::Sha512,
        },
        salt: verifier.salt.clone(),
        iterations: verifier.iterations,
        salted_password: Secret::new(salted_password),
    })
}

#[cfg(test)]
mod tests {
    use control_plane_api::security::{Enabled, EncryptionInTransit, Sasl};

    use super::*;

    #[test]
    fn silence_opens_tls_and_sasl_closes_it() {
        let open = listeners(None, None);
        assert!(open.tls && !open.plaintext && !open.sasl_scram);
        let scram = ClientAuthentication {
            sasl: Some(Sasl {
                scram: Some(Enabled { enabled: true }),
                iam: None,
            }),
            ..ClientAuthentication::default()
        };
        let only = listeners(Some(&scram), None);
        assert!(!only.tls && !only.plaintext && only.sasl_scram);
        let iam = ClientAuthentication {
            sasl: Some(Sasl {
                scram: None,
                iam: Some(Enabled { enabled: true }),
            }),
            ..ClientAuthentication::default()
        };
        let only = listeners(Some(&iam), None);
        assert!(!only.tls && !only.plaintext && !only.sasl_scram && only.sasl_iam);
        let plaintext = EncryptionInfo {
            encryption_in_transit: Some(EncryptionInTransit {
                client_broker: Some("PLAINTEXT".to_owned()),
                in_cluster: None,
            }),
            ..EncryptionInfo::default()
        };
        let all = ClientAuthentication {
            unauthenticated: Some(Enabled { enabled: true }),
            ..scram
        };
        let both = listeners(Some(&all), Some(&plaintext));
        assert!(!both.tls && both.plaintext && both.sasl_scram);
    }

    #[test]
    fn each_subnet_stands_for_a_zone() {
        let mut info = BrokerNodeGroupInfo::default();
        assert_eq!(zones(&info), ZONES);
        info.client_subnets = vec!["subnet-a".to_owned(), "subnet-b".to_owned()];
        assert_eq!(zones(&info), ["use1-az1", "use1-az2"]);
        info.zone_ids = vec!["cellar".to_owned()];
        assert_eq!(zones(&info), ["cellar"]);
    }
}
