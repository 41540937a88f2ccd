//! Which changes of a cluster restart its brokers, so that a plan says so.

use control_plane_api::server_properties::{self, ServerProperties};
use control_plane_client::{Client, Result};
use plugin_framework::Diagnostics;

use super::{access::Access, connectivity::Connectivity, model::ClusterModel, monitoring::Monitoring, requests};

/// Replication defaults follow the number of brokers up to here.
const REPLICAS_DEFAULT_MAX: i64 = 3;

/// The arguments whose change restarts brokers. What is not known yet is none.
pub(super) fn causes(prior: &ClusterModel, planned: &ClusterModel) -> Vec<&'static str> {
    let mut causes = Vec::new();
    let mut when = |changes: bool, argument: &'static str| {
        if changes {
            causes.push(argument);
        }
    };
    let versions = prior.kafka_version.known().zip(planned.kafka_version.known());
    when(versions.is_some_and(|(has, wants)| has != wants), "kafka_version");
    let types = requests::instance_type(prior).zip(requests::instance_type(planned));
    when(
        types.is_some_and(|(has, wants)| has != wants),
        "broker_node_group_info.instance_type",
    );
    let reach = |cluster| Connectivity::of(cluster).map(|it| (it.public, it.dual));
    let reaches = reach(prior).zip(reach(planned));
    when(
        reaches.is_some_and(|(has, wants)| has != wants),
        "broker_node_group_info.connectivity_info",
    );
    let accesses = Access::of(prior).zip(Access::of(planned));
    when(
        accesses.is_some_and(|(has, wants)| has != wants),
        "client_authentication and encryption_info",
    );
    // The page of the machine is a process of its own where brokers are Apache Kafka.
    let is_kafka = |cluster: &ClusterModel| cluster.engine.as_str() == Some("apache-kafka");
    let of_broker = !(is_kafka(prior) && is_kafka(planned));
    let exporters = |cluster| {
        let monitoring = Monitoring::of(cluster)?;
        Some((monitoring.jmx_exporter, monitoring.node_exporter && of_broker))
    };
    let exporters = exporters(prior).zip(exporters(planned));
    when(exporters.is_some_and(|(has, wants)| has != wants), "open_monitoring");
    let brokers = |cluster: &ClusterModel| {
        let brokers = cluster.number_of_broker_nodes.copied();
        brokers.map(|it| it.min(REPLICAS_DEFAULT_MAX))
    };
    let brokers = brokers(prior).zip(brokers(planned));
    when(
        brokers.is_some_and(|(has, wants)| has != wants),
        "number_of_broker_nodes",
    );
    causes
}

/// The properties of the planned configuration that only a restart puts in force; none while its revision is not known: the
/// configuration, which is changed by the same plan, says it then.
pub(super) async fn restarting_properties(
    client: &Client,
    prior: &ClusterModel,
    planned: &ClusterModel,
) -> Result<Vec<&'static str>> {
    let (before, after) = (
        requests::configuration_info(prior),
        requests::configuration_info(planned),
    );
    let Some(wanted) = after.filter(|after| before.as_ref() != Some(after)) else {
        return Ok(Vec::new());
    };
    let has = match before {
        Some(has) => text(client, &has.arn, has.revision).await?,
        None => String::new(),
    };
    let wants = text(client, &wanted.arn, wanted.revision).await?;
    let parse = |text: &str| server_properties::parse(text).unwrap_or_default();
    Ok(ServerProperties::restarting_changes(&parse(&has), &parse(&wants)))
}

async fn text(client: &Client, arn: &str, revision: i64) -> Result<String> {
    let found = client.describe_configuration_revision(arn, revision).await?;
    Ok(String::from_utf8_lossy(&found.server_properties.0).into_owned())
}

/// Says what restarts brokers, where something does.
pub(super) fn warning(causes: &[&str], properties: &[&str]) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let mut because: Vec<String> = causes.iter().map(|cause| (*cause).to_owned()).collect();
    if !properties.is_empty() {
        because.push(format!("configuration_info ({})", properties.join(", ")));
    }
    if !because.is_empty() {
        diagnostics.warning(
            "The brokers of the cluster are restarted",
            format!(
                "What changes needs it: {}. Brokers are restarted one after the other: leaders move away first, and the next one has \
                 to wait until the last one is in sync again, so clients go on. A partition with a single replica is away while its \
                 broker restarts.",
                because.join("; ")
            ),
        );
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use plugin_framework::model::Field;

    use super::*;

    fn cluster(brokers: i64, version: &str) -> ClusterModel {
        ClusterModel {
            number_of_broker_nodes: brokers.into(),
            kafka_version: version.into(),
            ..ClusterModel::default()
        }
    }

    #[test]
    fn what_needs_no_restart_is_not_warned_of() {
        let before = cluster(3, "4.1.x.kraft");
        assert_eq!(causes(&before, &cluster(6, "4.1.x.kraft")), Vec::<&str>::new());
        assert!(warning(&[], &[]).is_empty());
        let mut unknown = cluster(3, "4.1.x.kraft");
        unknown.kafka_version = Field::unknown();
        assert_eq!(causes(&before, &unknown), Vec::<&str>::new());
    }

    #[test]
    fn page_of_the_machine_restarts_brokers_that_serve_it_themselves() {
        let cluster = |engine: &str, jmx: bool, node: bool| {
            let mut cluster = ClusterModel {
                engine: engine.into(),
                ..cluster(3, "4.1.x.kraft")
            };
            let monitoring = Monitoring {
                jmx_exporter: jmx,
                node_exporter: node,
                logs: None,
            };
            monitoring.write(&mut cluster);
            cluster
        };
        let changes = |engine: &str, jmx, node| causes(&cluster(engine, false, false), &cluster(engine, jmx, node));
        assert_eq!(changes("embedded", false, true), ["open_monitoring"]);
        assert_eq!(changes("apache-kafka", false, true), Vec::<&str>::new());
        assert_eq!(changes("apache-kafka", true, true), ["open_monitoring"]);
        let taken_over = causes(
            &cluster("embedded", false, false),
            &cluster("apache-kafka", false, true),
        );
        assert_eq!(taken_over, ["open_monitoring"]);
    }

    #[test]
    fn what_needs_one_is_named() {
        let before = cluster(1, "4.1.x.kraft");
        let causes = causes(&before, &cluster(3, "4.2.x.kraft"));
        assert_eq!(causes, ["kafka_version", "number_of_broker_nodes"]);
        let warned = warning(&causes, &["num.partitions"]);
        let detail = &warned.iter().next().unwrap().detail;
        assert!(
            detail.contains("kafka_version; number_of_broker_nodes; configuration_info (num.partitions)."),
            "{detail}"
        );
    }
}
