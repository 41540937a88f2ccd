//! The configuration file of a broker process. Its reader is `kafka_broker::BrokerConfig`, which this crate must not
//! depend on; a test of the binary, which has both, holds them together.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use engine::Listeners;
use serde::{Deserialize, Serialize};

use crate::addresses::{INTERNAL, PLAINTEXT, SASL_SCRAM, TLS};

/// What a broker process is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerConfigFile {
    cluster_id: String,
    broker_id: i32,
    rack: Option<String>,
    log_dirs: Vec<PathBuf>,
    listeners: Vec<ListenerEntry>,
    tls: Option<TlsEntry>,
    controller_socket: PathBuf,
    server_properties: BTreeMap<String, String>,
    version: String,
    /// How often the broker has been asked to restart: a file with another number is another configuration.
    #[serde(skip_serializing_if = "is_zero")]
    reboots: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ListenerEntry {
    name: &'static str,
    host: Ipv4Addr,
    port: u16,
    tls: bool,
    sasl: bool,
    mutual_tls: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TlsEntry {
    certificate_path: PathBuf,
    private_key_path: PathBuf,
    ca_path: PathBuf,
}

/// What is the same for all brokers of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterPart {
    /// Kafka's cluster id.
    pub kafka_cluster_id: String,
    /// Listeners open to clients.
    pub listeners: Listeners,
    /// MSK's version name.
    pub version: String,
    /// Properties that need a restart.
    pub static_properties: BTreeMap<String, String>,
    /// Unix socket of the controller.
    pub controller_socket: PathBuf,
    /// The cluster's authority.
    pub ca_path: PathBuf,
}

impl BrokerConfigFile {
    /// Configuration of one broker, whose files are in `directory`.
    pub fn new(cluster: &ClusterPart, broker_id: i32, zone: &str, host: Ipv4Addr, directory: &Path) -> Self {
        Self {
            cluster_id: cluster.kafka_cluster_id.clone(),
            broker_id,
            rack: Some(zone.to_owned()),
            log_dirs: vec![directory.join("data")],
            listeners: listeners(cluster.listeners, host),
            tls: Some(TlsEntry {
                certificate_path: directory.join("broker.pem"),
                private_key_path: directory.join("broker.key"),
                ca_path: cluster.ca_path.clone(),
            }),
            controller_socket: cluster.controller_socket.clone(),
            server_properties: cluster.static_properties.clone(),
            version: cluster.version.clone(),
            reboots: 0,
        }
    }

    /// The same after it has been asked to restart `reboots` times.
    #[must_use]
    pub fn rebooted(self, reboots: u64) -> Self {
        Self { reboots, ..self }
    }

    /// The ports that a broker with this text as its configuration binds; all possible ones when it cannot be read.
    pub fn ports_of(text: &[u8]) -> Vec<u16> {
        #[derive(Deserialize)]
        struct Ports {
            listeners: Vec<Port>,
        }
        #[derive(Deserialize)]
        struct Port {
            port: u16,
        }
        serde_json::from_slice::<Ports>(text).map_or_else(
            |_| vec![INTERNAL, PLAINTEXT, TLS, SASL_SCRAM],
            |found| found.listeners.into_iter().map(|listener| listener.port).collect(),
        )
    }

    /// The text of the file.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a structure of texts and numbers is serialisable")
    }
}

fn listeners(open: Listeners, host: Ipv4Addr) -> Vec<ListenerEntry> {
    let entry = |name, port, tls, sasl, mutual_tls| ListenerEntry {
        name,
        host,
        port,
        tls,
        sasl,
        mutual_tls,
    };
    [
        (true, entry("INTERNAL", INTERNAL, true, false, true)),
        (open.plaintext, entry("PLAINTEXT", PLAINTEXT, false, false, false)),
        (open.tls, entry("TLS", TLS, true, false, false)),
        (open.sasl_scram, entry("SASL_SCRAM", SASL_SCRAM, true, true, false)),
    ]
    .into_iter()
    .filter(|(open, _)| *open)
    .map(|(_, entry)| entry)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_listeners_are_configured() {
        let open = Listeners {
            plaintext: false,
            tls: true,
            sasl_scram: true,
        };
        let names: Vec<&str> = listeners(open, Ipv4Addr::LOCALHOST)
            .iter()
            .map(|listener| listener.name)
            .collect();
        assert_eq!(names, ["INTERNAL", "TLS", "SASL_SCRAM"]);
    }

    #[test]
    fn ports_are_read_back_from_the_text() {
        let cluster = ClusterPart {
            kafka_cluster_id: "id".to_owned(),
            listeners: Listeners {
                plaintext: false,
                tls: true,
                sasl_scram: false,
            },
            version: "4.2.x.kraft".to_owned(),
            static_properties: BTreeMap::new(),
            controller_socket: PathBuf::new(),
            ca_path: PathBuf::new(),
        };
        let file = BrokerConfigFile::new(&cluster, 1, "a", Ipv4Addr::LOCALHOST, Path::new("/broker-1"));
        assert_eq!(BrokerConfigFile::ports_of(&file.to_json()), [INTERNAL, TLS]);
        assert_eq!(BrokerConfigFile::ports_of(b"torn").len(), 4);
    }
}
