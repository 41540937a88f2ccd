//! The configuration file of a broker process. Its reader is `kafka_broker::BrokerConfig`, which this crate must not
//! depend on; a test of the binary, which has both, holds them together.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use engine::BrokerResources;
use serde::{Deserialize, Serialize};

use crate::addresses::BrokerEndpoint;

/// What a broker process is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerConfigFile {
    cluster_id: String,
    broker_id: i32,
    rack: Option<String>,
    log_dirs: Vec<PathBuf>,
    /// Left out where the directories are not encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption: Option<EncryptionEntry>,
    listeners: Vec<ListenerEntry>,
    tls: Option<TlsEntry>,
    controller_socket: PathBuf,
    server_properties: BTreeMap<String, String>,
    version: String,
    /// Left out where nothing limits the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpus: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Where it serves its metrics; left out where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    jmx_exporter: Option<SocketAddr>,
    /// Where it serves the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_exporter: Option<SocketAddr>,
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
    host: IpAddr,
    port: u16,
    tls: bool,
    sasl: bool,
    mutual_tls: bool,
    /// Left out where there are none: a file with another text is another configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificates: Option<ClientCertificatesEntry>,
}

/// Files that hold the key of the log directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EncryptionEntry {
    /// The data key, encrypted.
    pub data_key_path: PathBuf,
    /// The key it is encrypted with.
    pub key_path: PathBuf,
}

/// Certificates that clients show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCertificatesEntry {
    /// Certificates of the authorities, PEM.
    pub authorities_path: PathBuf,
    /// Whoever shows none is not let in.
    pub required: bool,
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
    /// MSK's version name.
    pub version: String,
    /// What each broker may use of the machine.
    pub resources: Option<BrokerResources>,
    /// Properties that need a restart.
    pub static_properties: BTreeMap<String, String>,
    /// Unix socket of the controller.
    pub controller_socket: PathBuf,
    /// The cluster's authority.
    pub ca_path: PathBuf,
    /// How what is stored is encrypted.
    pub encryption: Option<EncryptionEntry>,
    /// For listeners with TLS and without SASL.
    pub client_certificates: Option<ClientCertificatesEntry>,
}

/// What is one broker's own.
#[derive(Clone, Debug)]
pub struct BrokerPart {
    /// `node.id`.
    pub broker_id: i32,
    /// Its zone.
    pub zone: String,
    /// Where it listens.
    pub endpoints: Vec<BrokerEndpoint>,
    /// Where it serves its metrics, and the machine's.
    pub exporters: (Option<SocketAddr>, Option<SocketAddr>),
    /// Directory of its logs.
    pub log_dir: PathBuf,
    /// Its certificate, for all of its addresses, and the key to that.
    pub identity_path: PathBuf,
}

impl BrokerConfigFile {
    /// Configuration of one broker.
    pub fn new(cluster: &ClusterPart, broker: BrokerPart) -> Self {
        Self {
            cluster_id: cluster.kafka_cluster_id.clone(),
            broker_id: broker.broker_id,
            rack: Some(broker.zone),
            log_dirs: vec![broker.log_dir],
            encryption: cluster.encryption.clone(),
            listeners: broker
                .endpoints
                .iter()
                .map(|endpoint| ListenerEntry::new(endpoint, cluster))
                .collect(),
            tls: Some(TlsEntry {
                certificate_path: broker.identity_path.clone(),
                private_key_path: broker.identity_path,
                ca_path: cluster.ca_path.clone(),
            }),
            controller_socket: cluster.controller_socket.clone(),
            server_properties: cluster.static_properties.clone(),
            version: cluster.version.clone(),
            vcpus: cluster.resources.map(|it| it.vcpus),
            memory_bytes: cluster.resources.map(|it| it.memory_bytes),
            jmx_exporter: broker.exporters.0,
            node_exporter: broker.exporters.1,
            reboots: 0,
        }
    }

    /// The same after it has been asked to restart `reboots` times.
    #[must_use]
    pub fn rebooted(self, reboots: u64) -> Self {
        Self { reboots, ..self }
    }

    /// What the broker binds.
    pub fn sockets(&self) -> Vec<SocketAddr> {
        let listeners = self.listeners.iter();
        let listeners = listeners.map(|listener| SocketAddr::new(listener.host, listener.port));
        let exporters = [self.jmx_exporter, self.node_exporter].into_iter().flatten();
        listeners.chain(exporters).collect()
    }

    /// What a broker with this text as its configuration binds; nothing when it cannot be read.
    pub fn sockets_of(text: &[u8]) -> Vec<SocketAddr> {
        #[derive(Default, Deserialize)]
        struct Sockets {
            listeners: Vec<Socket>,
            #[serde(default)]
            jmx_exporter: Option<SocketAddr>,
            #[serde(default)]
            node_exporter: Option<SocketAddr>,
        }
        #[derive(Deserialize)]
        struct Socket {
            host: IpAddr,
            port: u16,
        }
        let found = serde_json::from_slice::<Sockets>(text).unwrap_or_default();
        let listeners = found.listeners.into_iter();
        let listeners = listeners.map(|listener| SocketAddr::new(listener.host, listener.port));
        let exporters = [found.jmx_exporter, found.node_exporter].into_iter().flatten();
        listeners.chain(exporters).collect()
    }

    /// The text of the file.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a structure of texts and numbers is serialisable")
    }
}

impl ListenerEntry {
    fn new(endpoint: &BrokerEndpoint, cluster: &ClusterPart) -> Self {
        let certificates = cluster.client_certificates.as_ref();
        Self {
            client_certificates: certificates
                .filter(|_| endpoint.tls && !endpoint.sasl && endpoint.is_for_clients())
                .cloned(),
            name: endpoint.name,
            host: endpoint.address.ip(),
            port: endpoint.address.port(),
            tls: endpoint.tls,
            sasl: endpoint.sasl,
            mutual_tls: !endpoint.is_for_clients(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, path::Path};

    use super::*;

    #[test]
    fn sockets_are_read_back_from_the_text() {
        let cluster = ClusterPart {
            kafka_cluster_id: "id".to_owned(),
            version: "4.2.x.kraft".to_owned(),
            resources: None,
            static_properties: BTreeMap::new(),
            controller_socket: PathBuf::new(),
            ca_path: PathBuf::new(),
            encryption: None,
            client_certificates: None,
        };
        let endpoint = |name, port| BrokerEndpoint {
            name,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            tls: true,
            sasl: false,
        };
        let broker = BrokerPart {
            broker_id: 1,
            zone: "a".to_owned(),
            endpoints: vec![endpoint("INTERNAL", 9093), endpoint("TLS", 9094)],
            exporters: (Some((Ipv4Addr::LOCALHOST, 11_001).into()), None),
            log_dir: Path::new("/broker-1/data").into(),
            identity_path: PathBuf::new(),
        };
        let file = BrokerConfigFile::new(&cluster, broker);
        assert_eq!(file.sockets().len(), 3);
        assert_eq!(BrokerConfigFile::sockets_of(&file.to_json()), file.sockets());
        assert!(BrokerConfigFile::sockets_of(b"torn").is_empty());
        let mutual: Vec<bool> = file.listeners.iter().map(|listener| listener.mutual_tls).collect();
        assert_eq!(mutual, [true, false]);
    }
}
