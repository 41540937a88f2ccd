//! Ports of nodes: MSK's, and for the next nodes on the same host the same ones in rows ten apart.

use std::net::{IpAddr, SocketAddr};

use engine::Listeners;

use crate::placement::Node;

/// Rows on one host: the last one ends below the ports of metrics, which have rows of their own.
pub(crate) const ROWS_MAX: u16 = 190;
/// From one row to the next.
const ROW_STEP: u16 = 10;

/// Between brokers: mutual TLS.
pub(crate) const REPLICATION: &str = "REPLICATION";
/// Of controllers: mutual TLS.
pub(crate) const CONTROLLER: &str = "CONTROLLER";
/// Neither encryption nor authentication.
pub(crate) const PLAINTEXT: &str = "PLAINTEXT";
/// TLS, with or without certificates of clients.
pub(crate) const TLS: &str = "TLS";
/// SASL/SCRAM over TLS.
pub(crate) const SASL_SCRAM: &str = "SASL_SCRAM";

/// A listener of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its name.
    pub(crate) name: &'static str,
    /// Kafka's name of what is spoken there.
    pub(crate) protocol: &'static str,
    /// Where.
    pub(crate) address: SocketAddr,
}

impl Listener {
    /// Whether clients use it.
    pub(crate) fn is_for_clients(&self) -> bool {
        ![REPLICATION, CONTROLLER].contains(&self.name)
    }

    /// Whether it has TLS, and a certificate.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.protocol != "PLAINTEXT"
    }
}

/// All listeners of a node.
pub(crate) fn listeners(node: &Node, open: Listeners) -> Vec<Listener> {
    let all = [
        (node.is_broker && open.plaintext, PLAINTEXT, "PLAINTEXT", 9092),
        (node.is_broker && open.tls, TLS, "SSL", 9094),
        (node.is_broker && open.sasl_scram, SASL_SCRAM, "SASL_SSL", 9096),
        (node.is_broker, REPLICATION, "SSL", 9091),
        (node.is_controller, CONTROLLER, "SSL", 9093),
    ];
    let open = all.into_iter().filter(|(is_open, ..)| *is_open);
    open.map(|(_, name, protocol, port)| Listener {
        name,
        protocol,
        address: SocketAddr::new(node.address, port + node.row * ROW_STEP),
    })
    .collect()
}

/// Where one listener of a node is, open or not.
pub(crate) fn replication(node: &Node) -> SocketAddr {
    SocketAddr::new(node.address, 9091 + node.row * ROW_STEP)
}

/// The same of a node that has an address of its own.
pub(crate) fn replication_at(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, 9091)
}

/// Where its page of metrics is.
pub(crate) fn jmx_exporter(node: &Node) -> SocketAddr {
    SocketAddr::new(node.address, 11_001 + node.row * ROW_STEP)
}

/// Where the page of metrics of its machine is.
pub(crate) fn node_exporter(node: &Node) -> SocketAddr {
    SocketAddr::new(node.address, 11_002 + node.row * ROW_STEP)
}

/// Where its controller is.
pub(crate) fn controller(node: &Node) -> SocketAddr {
    SocketAddr::new(node.address, 9093 + node.row * ROW_STEP)
}
