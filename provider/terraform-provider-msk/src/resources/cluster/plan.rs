//! What changes in a cluster, decided while planning, and what is refused there.

use plugin_framework::{
    Diagnostics, Plan,
    value::{Object, Path},
};

use super::{
    access::Access,
    schema::{CLIENT_BROKER, WITHOUT_EFFECT},
};

/// The strings that depend on the brokers there are and on the ways in they offer.
const BOOTSTRAP: [&str; 3] = [
    "bootstrap_brokers",
    "bootstrap_brokers_tls",
    "bootstrap_brokers_sasl_scram",
];

/// What a configuration alone shows to be wrong.
pub(super) fn validate(config: &Object) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let access = Access::of(config);
    if access.as_ref().is_some_and(Access::is_closed) {
        diagnostics.attribute_error(
            Path::attribute("client_authentication"),
            "No client could connect",
            "client_authentication enables nothing: enable sasl.scram, or set unauthenticated to true.",
        );
    }
    let plaintext = access.filter(|access| access.client_broker != CLIENT_BROKER[0]);
    if plaintext.is_some_and(|access| !access.unauthenticated) {
        diagnostics.attribute_warning(
            Path::attribute("encryption_info"),
            "No client can use plaintext",
            "client_broker is about clients without authentication, and client_authentication does not allow them. Set \
             unauthenticated to true to let them in; SASL/SCRAM always uses TLS.",
        );
    }
    if let Some(group) = config.block("broker_node_group_info") {
        let mut set: Vec<&str> = WITHOUT_EFFECT
            .iter()
            .copied()
            .filter(|name| !group.is_null(name))
            .collect();
        if !group.is_null("storage_info") {
            set.push("storage_info");
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
    diagnostics
}

/// Adjusts the plan of a change; a new cluster is planned by its schema alone.
pub(super) fn plan(plan: &mut Plan<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let Some(prior) = plan.prior else {
        return diagnostics;
    };
    if !plan.replaces.is_empty() {
        return diagnostics;
    }
    refuse(prior, plan.planned, &mut diagnostics);
    if diagnostics.has_errors() || !plan.is_update() {
        return diagnostics;
    }
    let (before, after) = (Access::of(prior), Access::of(plan.planned));
    if plan.changes("number_of_broker_nodes") || before != after {
        for name in BOOTSTRAP {
            plan.unknown(name);
        }
    }
    let changes_cluster = plan.changes("number_of_broker_nodes")
        || plan.changes("configuration_info")
        || plan.planned.is_unknown("current_version") && before != after;
    if !changes_cluster && let Some(version) = prior.string("current_version") {
        // Tags and arguments without effect are no change of the cluster's settings.
        plan.planned.set_string("current_version", version);
    }
    diagnostics
}

/// What cannot be done to a cluster that exists.
fn refuse(prior: &Object, planned: &Object, diagnostics: &mut Diagnostics) {
    let brokers = prior
        .i64("number_of_broker_nodes")
        .zip(planned.i64("number_of_broker_nodes"));
    if let Some((has, wants)) = brokers.filter(|(has, wants)| wants < has) {
        diagnostics.attribute_error(
            Path::attribute("number_of_broker_nodes"),
            "A cluster cannot be made smaller yet",
            format!(
                "The cluster has {has} brokers, and number_of_broker_nodes is {wants}. The data of the brokers that would \
                 go has to be moved first, which is not supported yet. Set it to {has} or more."
            ),
        );
    }
    let versions = prior.string("kafka_version").zip(planned.string("kafka_version"));
    if let Some((has, wants)) = versions.filter(|(has, wants)| has != wants) {
        diagnostics.attribute_error(
            Path::attribute("kafka_version"),
            "The version of Kafka cannot be changed yet",
            format!("The cluster has version {has}. Set kafka_version to {has:?}, or leave it out; it was {wants:?}."),
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
