//! What changes in a cluster, decided while planning, and what is refused there.

use control_plane_api::topics::TopicInfo;
use plugin_framework::{
    Diagnostics, Plan,
    value::{Object, Path},
};

use super::{
    access::Access,
    connectivity::Connectivity,
    encryption::{self, CLIENT_BROKER},
    monitoring::{self, Monitoring},
    requests,
    schema::WITHOUT_EFFECT,
};

/// The strings that depend on the brokers there are and on the ways in they offer.
const BOOTSTRAP: [&str; 10] = [
    "bootstrap_brokers",
    "bootstrap_brokers_tls",
    "bootstrap_brokers_sasl_scram",
    "bootstrap_brokers_public_sasl_scram",
    "bootstrap_brokers_ipv6",
    "bootstrap_brokers_tls_ipv6",
    "bootstrap_brokers_sasl_scram_ipv6",
    "bootstrap_brokers_sasl_iam",
    "bootstrap_brokers_public_sasl_iam",
    "bootstrap_brokers_sasl_iam_ipv6",
];

/// What a configuration alone shows to be wrong.
pub(super) fn validate(config: &Object) -> Diagnostics {
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
    if config.string("storage_mode") == Some("TIERED") {
        diagnostics.attribute_error(
            Path::attribute("storage_mode"),
            "Tiered storage is not available yet",
            "Nothing moves segments of logs elsewhere, so all of them stay on the disks of the brokers. Set it to \"LOCAL\", or leave it out.",
        );
    }
    if let Some(group) = config.block("broker_node_group_info") {
        let mut set: Vec<&str> = WITHOUT_EFFECT
            .iter()
            .copied()
            .filter(|name| !group.is_null(name))
            .collect();
        if asks_for_throughput(&group) {
            set.push("storage_info.ebs_storage_info.provisioned_throughput");
        }
        if asks_for_connections(&group) {
            set.push("connectivity_info.vpc_connectivity");
        }
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

/// Throughput of volumes is to be provisioned. Switched off, it says what is so.
fn asks_for_throughput(group: &Object) -> bool {
    let ebs = group
        .block("storage_info")
        .and_then(|storage| storage.block("ebs_storage_info"));
    let throughput = ebs.and_then(|ebs| ebs.block("provisioned_throughput"));
    throughput.is_some_and(|it| it.bool("enabled") != Some(false))
}

/// Clients of other networks are to be let in. Switched off, it says what is so.
fn asks_for_connections(group: &Object) -> bool {
    let info = group.block("connectivity_info");
    let authentication = info
        .and_then(|info| info.block("vpc_connectivity"))
        .and_then(|vpc| vpc.block("client_authentication"));
    authentication.is_some_and(|authentication| {
        let sasl = authentication.block("sasl").unwrap_or_default();
        [authentication.bool("tls"), sasl.bool("iam"), sasl.bool("scram")].contains(&Some(true))
    })
}

/// Adjusts the plan of a change; a new cluster is planned by its schema alone.
pub(super) fn plan(plan: &mut Plan<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let Some(prior) = plan.prior else {
        return diagnostics;
    };
    if encryption::key(prior) != encryption::key(plan.planned) {
        // What is stored is encrypted from the beginning on, with one key, or never.
        plan.replaces.push(Path::attribute(encryption::BLOCK));
    }
    if !plan.replaces.is_empty() {
        return diagnostics;
    }
    refuse(prior, plan.planned, &mut diagnostics);
    if diagnostics.has_errors() || !plan.is_update() {
        return diagnostics;
    }
    let (before, after) = (Access::of(prior), Access::of(plan.planned));
    let reach = (Connectivity::of(prior), Connectivity::of(plan.planned));
    let monitoring = (Monitoring::of(prior), Monitoring::of(plan.planned));
    if plan.changes("number_of_broker_nodes") || before != after || reach.0 != reach.1 {
        for name in BOOTSTRAP {
            plan.unknown(name);
        }
    }
    let changes_cluster = plan.changes("number_of_broker_nodes")
        || plan.changes("configuration_info")
        || plan.changes("kafka_version")
        || plan.changes("enhanced_monitoring")
        || requests::instance_type(prior) != requests::instance_type(plan.planned)
        || requests::volume_size(prior) != requests::volume_size(plan.planned)
        || plan.planned.is_unknown("current_version")
            && (before != after || reach.0 != reach.1 || monitoring.0 != monitoring.1);
    if !changes_cluster && let Some(version) = prior.string("current_version") {
        // Tags and arguments without effect are no change of the cluster's settings.
        plan.planned.set_string("current_version", version);
    }
    diagnostics
}

/// The number of brokers that a change leaves, when that is fewer than there are.
pub(super) fn scaled_in_to(plan: &Plan<'_>) -> Option<i64> {
    let prior = plan.prior.filter(|_| plan.replaces.is_empty())?;
    let (has, wants) = (
        prior.i64("number_of_broker_nodes")?,
        plan.planned.i64("number_of_broker_nodes")?,
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
fn refuse(prior: &Object, planned: &Object, diagnostics: &mut Diagnostics) {
    let versions = prior.string("kafka_version").zip(planned.string("kafka_version"));
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
    let sizes = requests::volume_size(prior).zip(requests::volume_size(planned));
    if let Some((has, wants)) = sizes.filter(|(has, wants)| wants < has) {
        diagnostics.attribute_error(
            Path::attribute("broker_node_group_info"),
            "Volumes never shrink",
            format!("The volumes have {has} GiB, and volume_size is {wants}. Set it to {has} or more."),
        );
    }
    if !prior.is_null("configuration_info") && planned.is_null("configuration_info") {
        diagnostics.attribute_error(
            Path::attribute("configuration_info"),
            "A configuration cannot be taken away from a cluster yet",
            "The cluster uses a configuration. Keep configuration_info, and change the configuration's server_properties \
             instead, or refer to another configuration.",
        );
    }
}
