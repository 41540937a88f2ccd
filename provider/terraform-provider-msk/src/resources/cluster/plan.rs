//! What changes in a cluster, decided while planning, and what is refused there.

use control_plane_api::topics::TopicInfo;
use plugin_framework::{
    Diagnostics, Plan,
    model::{Field, Model},
    value::{Object, Path},
};

use super::{
    access::Access,
    connectivity::{Connectivity, ConnectivityInfo},
    encryption::{self, CLIENT_BROKER},
    engine,
    model::{BrokerNodeGroupInfo, ClusterModel},
    monitoring::{self, Monitoring},
    requests,
};

/// What a configuration alone shows to be wrong.
pub(super) fn validate(config: &Object) -> Diagnostics {
    let config = &ClusterModel::from_object(config);
    let mut diagnostics = Diagnostics::none();
    let access = Access::of(config);
    if access.as_ref().is_some_and(Access::is_closed) {
        diagnostics.attribute_error(
            Path::attribute("client_authentication"),
            "No client could connect",
            "client_authentication enables nothing: enable sasl.scram or sasl.iam, name an authority in tls, or set unauthenticated to true.",
        );
    }
    let plaintext = access.filter(|access| access.client_broker != CLIENT_BROKER[0]);
    if plaintext.is_some_and(|access| !access.unauthenticated) {
        diagnostics.attribute_warning(
            Path::attribute("encryption_info"),
            "No client can use plaintext",
            "client_broker is about clients without authentication, and client_authentication does not allow them. Set \
             unauthenticated to true to let them in; SASL always uses TLS.",
        );
    }
    if config.engine.as_str() == Some("apache-kafka") && Access::of(config).is_some_and(|access| access.iam) {
        diagnostics.attribute_error(
            Path::attribute("engine"),
            "Apache Kafka does not know SASL/IAM",
            "Apache Kafka has no server side of SASL/IAM. Let clients in with sasl.scram or with certificates, or leave engine out.",
        );
    }
    let public = Connectivity::of(config).is_some_and(|it| it.public);
    if public
        && Access::of(config)
            .is_some_and(|access| !access.sasl() || access.unauthenticated || !access.authorities.is_empty())
    {
        diagnostics.attribute_error(
            Path::attribute("broker_node_group_info"),
            "Everybody could come in from other machines",
            "Public access needs client_authentication with sasl.scram = true or sasl.iam = true, and with nothing else.",
        );
    }
    if config.storage_mode.as_str() == Some("TIERED") {
        diagnostics.attribute_error(
            Path::attribute("storage_mode"),
            "Tiered storage is not available yet",
            "Nothing moves segments of logs elsewhere, so all of them stay on the disks of the brokers. Set it to \"LOCAL\", or leave it out.",
        );
    }
    if let Some(group) = config.broker_node_group_info.known() {
        let set = without_effect(group);
        if !set.is_empty() {
            diagnostics.attribute_warning(
                Path::attribute("broker_node_group_info"),
                "These arguments have no effect",
                format!(
                    "{} in broker_node_group_info describe hardware and networks of AWS. Brokers run as processes of the \
                     runtime's machine, so they are accepted and not used.",
                    set.join(", ")
                ),
            );
        }
    }
    monitoring::validate(config, &mut diagnostics);
    diagnostics
}

/// What is set of the arguments that describe hardware and networks of AWS.
fn without_effect(group: &BrokerNodeGroupInfo) -> Vec<&'static str> {
    let connectivity = group.connectivity_info.known();
    let all = [
        ("client_subnets", !group.client_subnets.is_null()),
        ("security_groups", !group.security_groups.is_null()),
        ("az_distribution", !group.az_distribution.is_null()),
        (
            "storage_info.ebs_storage_info.provisioned_throughput",
            asks_for_throughput(group),
        ),
        (
            "connectivity_info.vpc_connectivity",
            connectivity.is_some_and(ConnectivityInfo::asks_for_connections),
        ),
    ];
    let set = all.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| name).collect()
}

/// Throughput of volumes is to be provisioned. Switched off, it says what is so.
fn asks_for_throughput(group: &BrokerNodeGroupInfo) -> bool {
    let ebs = group.storage_info.known().and_then(|it| it.ebs_storage_info.known());
    let throughput = ebs.and_then(|ebs| ebs.provisioned_throughput.known());
    throughput.is_some_and(|it| it.enabled.copied() != Some(false))
}

/// Adjusts the plan of a change; a new cluster is planned by its schema alone.
pub(super) fn plan(plan: &mut Plan<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let Some(prior) = plan.prior.map(ClusterModel::from_object) else {
        return diagnostics;
    };
    let mut planned = ClusterModel::from_object(plan.planned);
    if encryption::key(&prior) != encryption::key(&planned) {
        // What is stored is encrypted from the beginning on, with one key, or never.
        plan.replaces.push(Path::attribute("encryption_info"));
    }
    if !plan.replaces.is_empty() {
        return diagnostics;
    }
    refuse(&prior, &planned, &mut diagnostics);
    if diagnostics.has_errors() || !plan.is_update() {
        return diagnostics;
    }
    let scales = prior.number_of_broker_nodes != planned.number_of_broker_nodes;
    let reaches = Access::of(&prior) != Access::of(&planned) || Connectivity::of(&prior) != Connectivity::of(&planned);
    if scales || reaches {
        for brokers in planned.bootstrap.all() {
            *brokers = Field::unknown();
        }
    }
    let shows = Monitoring::of(&prior) != Monitoring::of(&planned);
    let changes_cluster = scales
        || prior.configuration_info != planned.configuration_info
        || prior.kafka_version != planned.kafka_version
        || engine::changes(&prior, &planned)
        || prior.enhanced_monitoring != planned.enhanced_monitoring
        || requests::instance_type(&prior) != requests::instance_type(&planned)
        || requests::volume_size(&prior) != requests::volume_size(&planned)
        || planned.current_version.is_unknown() && (reaches || shows);
    if !changes_cluster && !prior.current_version.is_null() {
        // Tags and arguments without effect are no change of the cluster's settings.
        planned.current_version = prior.current_version;
    }
    *plan.planned = planned.to_object();
    diagnostics
}

/// The number of brokers that a change leaves, when that is fewer than there are.
pub(super) fn scaled_in_to(prior: &ClusterModel, planned: &ClusterModel) -> Option<i64> {
    let (has, wants) = (
        prior.number_of_broker_nodes.copied()?,
        planned.number_of_broker_nodes.copied()?,
    );
    (wants < has).then_some(wants)
}

/// What is wrong with leaving only `brokers`: a topic that has more replicas.
pub(super) fn too_few(brokers: i64, topics: &[TopicInfo]) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let wide: Vec<String> = topics
        .iter()
        .filter(|topic| topic.replication_factor > brokers)
        .map(|topic| format!("{} ({} replicas)", topic.topic_name, topic.replication_factor))
        .collect();
    if !wide.is_empty() {
        diagnostics.attribute_error(
            Path::attribute("number_of_broker_nodes"),
            format!("{brokers} brokers are too few for the topics there are"),
            format!(
                "Each replica of a partition needs a broker of its own, and these topics have more of them: {}. Lower their \
                 replication factor or delete them first, or keep more brokers.",
                wide.join(", ")
            ),
        );
    }
    diagnostics
}

/// The numbers at the beginning of a version such as `4.1.x.kraft`.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// What cannot be done to a cluster that exists.
fn refuse(prior: &ClusterModel, planned: &ClusterModel, diagnostics: &mut Diagnostics) {
    let versions = prior.kafka_version.known().zip(planned.kafka_version.known());
    if let Some((has, wants)) = versions.filter(|(has, wants)| numbers(wants) < numbers(has)) {
        diagnostics.attribute_error(
            Path::attribute("kafka_version"),
            "The version of Kafka cannot be lowered",
            format!(
                "The cluster has version {has}, and kafka_version is {wants}. Brokers of an older version could not read what \
                 newer ones have written. Set it to {has:?} or a later one, or leave it out."
            ),
        );
    }
    engine::refuse(prior, planned, diagnostics);
    let sizes = requests::volume_size(prior).zip(requests::volume_size(planned));
    if let Some((has, wants)) = sizes.filter(|(has, wants)| wants < has) {
        diagnostics.attribute_error(
            Path::attribute("broker_node_group_info"),
            "Volumes never shrink",
            format!("The volumes have {has} GiB, and volume_size is {wants}. Set it to {has} or more."),
        );
    }
    if !prior.configuration_info.is_null() && planned.configuration_info.is_null() {
        diagnostics.attribute_error(
            Path::attribute("configuration_info"),
            "A configuration cannot be taken away from a cluster yet",
            "The cluster uses a configuration. Keep configuration_info, and change the configuration's server_properties \
             instead, or refer to another configuration.",
        );
    }
}
