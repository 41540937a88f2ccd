//! `server.properties` of a node.

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use engine::Listeners;
use server_properties::cluster_defaults;

use crate::{
    placement::{Node, Nodes},
    ports::{self, CONTROLLER, REPLICATION, SASL_SCRAM, TLS},
};

/// The certificate and the key of a node, below its directory.
pub(crate) const IDENTITY: &str = "identity.pem";
/// The authority of the cluster.
pub(crate) const AUTHORITY: &str = "authority.pem";
/// Authorities of clients.
pub(crate) const CLIENT_AUTHORITIES: &str = "client-authorities.pem";
/// Folder of logs and metadata.
pub(crate) const DATA: &str = "data";

/// What all nodes of a cluster have in common.
#[derive(Clone, Debug)]
pub(crate) struct ClusterPart<'a> {
    pub(crate) nodes: &'a Nodes,
    pub(crate) listeners: Listeners,
    /// Whether clients show certificates, and whether they have to.
    pub(crate) client_certificates: Option<bool>,
    /// Name by which nodes and the control plane know each other; nobody else has it.
    pub(crate) principal: &'a str,
    /// Properties that nodes have since the cluster was made.
    pub(crate) from_the_start: &'a BTreeMap<String, String>,
    /// Properties of the configuration that only a restart takes up.
    pub(crate) static_properties: &'a BTreeMap<String, String>,
}

/// The text of the file of one node. `restarts` is how often somebody has asked for one.
pub(crate) fn render(cluster: &ClusterPart<'_>, id: i32, node: &Node, directory: &Path, restarts: u64) -> String {
    let mut lines = Lines::default();
    let roles = [(node.is_broker, "broker"), (node.is_controller, "controller")];
    let roles = roles.into_iter().filter(|(has, _)| *has).map(|(_, role)| role);
    lines.comment("Written by OpenMSK, which replaces it; what is changed here is lost.");
    lines.comment(&format!("Restarts that were asked for: {restarts}."));
    lines.set("node.id", id);
    lines.set("process.roles", roles.collect::<Vec<_>>().join(","));
    lines.set("controller.listener.names", CONTROLLER);
    lines.set("controller.quorum.bootstrap.servers", quorum(cluster.nodes).join(","));
    network(&mut lines, cluster, node);
    lines.set("log.dirs", file(directory, DATA));
    if node.is_broker {
        lines.set("broker.rack", &node.zone);
    }
    security(&mut lines, cluster, node, directory);
    if node.is_broker {
        for (name, value) in threads() {
            lines.set(name, value);
        }
    }
    for (name, value) in cluster.from_the_start.iter().chain(cluster.static_properties) {
        lines.set(name, value);
    }
    lines.text
}

/// What MSK sets for every cluster and what has Kafka end threads and begin others when it is set while brokers run: two thirds of a second
/// of a new cluster. Dynamic values come before these.
pub(crate) fn threads() -> BTreeMap<&'static str, String> {
    let mut defaults = cluster_defaults(1);
    let threads = ["num.network.threads", "num.replica.fetchers"].into_iter();
    threads
        .filter_map(|name| Some((name, defaults.remove(name)?)))
        .collect()
}

/// Where controllers are found.
fn quorum(nodes: &Nodes) -> Vec<String> {
    let controllers = nodes.values().filter(|node| node.is_controller);
    controllers.map(|node| ports::controller(node).to_string()).collect()
}

fn network(lines: &mut Lines, cluster: &ClusterPart<'_>, node: &Node) {
    let listeners = ports::listeners(node, cluster.listeners);
    let addresses: Vec<String> = listeners
        .iter()
        .map(|listener| format!("{}://{}", listener.name, listener.address))
        .collect();
    lines.set("listeners", addresses.join(","));
    lines.set("advertised.listeners", addresses.join(","));
    let mut protocols: Vec<String> = listeners
        .iter()
        .map(|listener| format!("{}:{}", listener.name, listener.protocol))
        .collect();
    if !node.is_controller {
        // Of the controllers that it connects to.
        protocols.push(format!("{CONTROLLER}:SSL"));
    }
    if !node.is_broker {
        protocols.push(format!("{REPLICATION}:SSL"));
    }
    lines.set("listener.security.protocol.map", protocols.join(","));
    if node.is_broker {
        lines.set("inter.broker.listener.name", REPLICATION);
    }
}

fn security(lines: &mut Lines, cluster: &ClusterPart<'_>, node: &Node, directory: &Path) {
    lines.set(
        "authorizer.class.name",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    );
    lines.set("super.users", format!("User:{}", cluster.principal));
    lines.set("ssl.keystore.type", "PEM");
    lines.set("ssl.keystore.location", file(directory, IDENTITY));
    lines.set("ssl.truststore.type", "PEM");
    lines.set("ssl.truststore.location", file(directory, AUTHORITY));
    for listener in [CONTROLLER, REPLICATION] {
        let prefix = format!("listener.name.{}", listener.to_lowercase());
        lines.set(&format!("{prefix}.ssl.client.auth"), "required");
        // Whoever shows a certificate of the cluster's own authority is one of us.
        lines.set(
            &format!("{prefix}.ssl.principal.mapping.rules"),
            format!("RULE:^.*$/{}/", cluster.principal),
        );
    }
    if !node.is_broker {
        return;
    }
    if cluster.listeners.tls {
        let prefix = format!("listener.name.{}", TLS.to_lowercase());
        let authentication = match cluster.client_certificates {
            None => "none",
            Some(false) => "requested",
            Some(true) => "required",
        };
        lines.set(&format!("{prefix}.ssl.client.auth"), authentication);
        if cluster.client_certificates.is_some() {
            lines.set(&format!("{prefix}.ssl.truststore.type"), "PEM");
            lines.set(
                &format!("{prefix}.ssl.truststore.location"),
                file(directory, CLIENT_AUTHORITIES),
            );
        }
    }
    if cluster.listeners.sasl_scram {
        let prefix = format!("listener.name.{}", SASL_SCRAM.to_lowercase());
        lines.set(&format!("{prefix}.ssl.client.auth"), "none");
        lines.set(
            &format!("{prefix}.sasl.enabled.mechanisms"),
            "SCRAM-SHA-512,SCRAM-SHA-256",
        );
        for mechanism in ["scram-sha-512", "scram-sha-256"] {
            lines.set(
                &format!("{prefix}.{mechanism}.sasl.jaas.config"),
                "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            );
        }
    }
}

fn file(directory: &Path, name: &str) -> String {
    let path: PathBuf = directory.join(name);
    path.display().to_string()
}

/// Lines of a file of Java properties.
#[derive(Debug, Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn comment(&mut self, text: &str) {
        let _ = writeln!(self.text, "# {text}");
    }

    fn set(&mut self, name: &str, value: impl ToString) {
        let value = escaped(&value.to_string());
        let _ = writeln!(self.text, "{name}={value}");
    }
}

/// A value as Java reads it back.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for (index, character) in value.chars().enumerate() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            ' ' if index == 0 => text.push_str("\\ "),
            ' '..='~' => text.push(character),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use uuid::Uuid;

    use super::*;

    fn node(number: u8, is_broker: bool, is_controller: bool) -> Node {
        Node {
            host_id: Uuid::from_u128(number.into()),
            host_name: format!("host-{number}"),
            address: IpAddr::from([10, 0, 0, number]),
            zone: format!("zone-{number}"),
            row: u16::from(number) - 1,
            is_broker,
            is_controller,
            directory_id: Uuid::from_u128(u128::from(number) << 96),
            heap_mib: 1024,
        }
    }

    fn rendered(nodes: &Nodes, id: i32, open: Listeners, client_certificates: Option<bool>) -> String {
        let properties = BTreeMap::from([("num.partitions".to_owned(), "3".to_owned())]);
        let from_the_start = BTreeMap::from([("min.insync.replicas".to_owned(), "2".to_owned())]);
        let cluster = ClusterPart {
            from_the_start: &from_the_start,
            nodes,
            listeners: open,
            client_certificates,
            principal: "openmsk-1",
            static_properties: &properties,
        };
        render(&cluster, id, &nodes[&id], Path::new("/data/units/kafka"), 1)
    }

    #[test]
    fn combined_node_has_everything() {
        let nodes = Nodes::from([(1, node(1, true, true)), (2, node(2, true, false))]);
        let open = Listeners {
            plaintext: true,
            tls: true,
            sasl_scram: true,
            sasl_iam: false,
        };
        assert_eq!(
            rendered(&nodes, 1, open, Some(true)),
            include_str!("golden/combined.properties")
        );
    }

    #[test]
    fn broker_and_controller_apart_have_their_own() {
        let nodes = Nodes::from([(2, node(2, true, false)), (10_001, node(1, false, true))]);
        let open = Listeners {
            sasl_scram: true,
            ..Listeners::default()
        };
        assert_eq!(
            rendered(&nodes, 2, open, None),
            include_str!("golden/broker.properties")
        );
        assert_eq!(
            rendered(&nodes, 10_001, open, None),
            include_str!("golden/controller.properties")
        );
    }

    #[test]
    fn brokers_begin_with_the_threads_of_msk() {
        let threads = threads();
        assert_eq!(threads.len(), 2);
        assert_eq!(threads["num.network.threads"], "5");
    }

    #[test]
    fn values_are_escaped_as_java_reads_them() {
        assert_eq!(escaped(" a\\b\nü"), "\\ a\\\\b\\n\\u00fc");
    }
}
