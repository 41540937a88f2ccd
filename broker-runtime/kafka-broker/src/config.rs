//! What a broker process is told: the JSON file behind `broker-runtime broker --config FILE`. The engine writes it, this
//! crate reads it; everything Kafka calls a property stays in `server_properties` under Kafka's own names.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use kafka_log::storage::DataKey;
use kafka_metadata::{BrokerId, Endpoint};
use kms::{Key, KmsError, WrappedDataKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Configuration of one broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// Kafka's cluster id, which the controller must have as well.
    pub cluster_id: String,
    /// `node.id`.
    pub broker_id: BrokerId,
    /// Zone of the broker, advertised as `broker.rack`.
    #[serde(default)]
    pub rack: Option<String>,
    /// Directories of partition logs (`log.dirs`); at least one. They are created when missing.
    pub log_dirs: Vec<PathBuf>,
    /// How the log directories are encrypted; `None`: they are not.
    #[serde(default)]
    pub encryption: Option<EncryptionConfig>,
    /// Listeners; one of them is [`ListenerName::Internal`].
    pub listeners: Vec<ListenerConfig>,
    /// Certificate, key and authority; required when a listener uses TLS.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Unix socket of the controller.
    pub controller_socket: PathBuf,
    /// Kafka server properties by name, already validated by the control plane.
    #[serde(default)]
    pub server_properties: BTreeMap<String, String>,
    /// Kafka version offered, such as `4.1.x.kraft`.
    pub version: String,
    /// Processors it may use; `None`: as many as there are.
    #[serde(default)]
    pub vcpus: Option<u32>,
    /// Memory it may use; `None`: as much as it needs.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Where the broker's metrics can be scraped, with the names of Prometheus' JMX exporter; `None`: nowhere.
    #[serde(default)]
    pub jmx_exporter: Option<SocketAddr>,
    /// Where the machine's metrics can be scraped, with the names of Prometheus' node exporter; `None`: nowhere.
    #[serde(default)]
    pub node_exporter: Option<SocketAddr>,
    /// How often an operator has asked for a restart: what tells this configuration from the one before.
    #[serde(default)]
    pub reboots: u64,
    /// Program and arguments that bring `serve` back when it stays unreachable; `None` leaves that to others.
    #[serde(default)]
    pub runtime_restart: Option<Vec<String>>,
}

/// Name of a listener, as in Kafka's `listeners` property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ListenerName {
    /// Neither encryption nor authentication; port 9092.
    #[serde(rename = "PLAINTEXT")]
    Plaintext,
    /// TLS without authentication; port 9094.
    #[serde(rename = "TLS")]
    Tls,
    /// SASL/SCRAM over TLS; port 9096.
    #[serde(rename = "SASL_SCRAM")]
    SaslScram,
    /// SASL with the signature of an access key, over TLS; port 9098.
    #[serde(rename = "SASL_IAM")]
    SaslIam,
    /// SASL/SCRAM over TLS on the address that other machines reach.
    #[serde(rename = "SASL_SCRAM_PUBLIC")]
    SaslScramPublic,
    /// As [`ListenerName::SaslIam`], on that address.
    #[serde(rename = "SASL_IAM_PUBLIC")]
    SaslIamPublic,
    /// As [`ListenerName::Plaintext`], on IPv6.
    #[serde(rename = "PLAINTEXT_IPV6")]
    PlaintextIpv6,
    /// As [`ListenerName::Tls`], on IPv6.
    #[serde(rename = "TLS_IPV6")]
    TlsIpv6,
    /// As [`ListenerName::SaslScram`], on IPv6.
    #[serde(rename = "SASL_SCRAM_IPV6")]
    SaslScramIpv6,
    /// As [`ListenerName::SaslIam`], on IPv6.
    #[serde(rename = "SASL_IAM_IPV6")]
    SaslIamIpv6,
    /// Between brokers: mutual TLS with the cluster's authority; port 9093.
    #[serde(rename = "INTERNAL")]
    Internal,
}

impl ListenerName {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Plaintext,
        Self::Tls,
        Self::SaslScram,
        Self::SaslIam,
        Self::SaslScramPublic,
        Self::SaslIamPublic,
        Self::PlaintextIpv6,
        Self::TlsIpv6,
        Self::SaslScramIpv6,
        Self::SaslIamIpv6,
        Self::Internal,
    ];

    /// The name as it stands in metadata records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Tls => "TLS",
            Self::SaslScram => "SASL_SCRAM",
            Self::SaslScramPublic => "SASL_SCRAM_PUBLIC",
            Self::SaslIam => "SASL_IAM",
            Self::SaslIamPublic => "SASL_IAM_PUBLIC",
            Self::SaslIamIpv6 => "SASL_IAM_IPV6",
            Self::PlaintextIpv6 => "PLAINTEXT_IPV6",
            Self::TlsIpv6 => "TLS_IPV6",
            Self::SaslScramIpv6 => "SASL_SCRAM_IPV6",
            Self::Internal => "INTERNAL",
        }
    }
}

impl ListenerName {
    /// Clients prove who they are with the signature of an access key; on other listeners with SASL they do it with SCRAM.
    pub fn is_iam(self) -> bool {
        matches!(self, Self::SaslIam | Self::SaslIamPublic | Self::SaslIamIpv6)
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerConfig {
    /// Its name.
    pub name: ListenerName,
    /// Address it binds.
    pub host: IpAddr,
    /// TCP port.
    pub port: u16,
    /// Host name told to clients; the bound address when absent.
    #[serde(default)]
    pub advertised_host: Option<String>,
    /// TLS on this listener.
    pub tls: bool,
    /// SASL must succeed before anything but `ApiVersions` is answered.
    pub sasl: bool,
    /// The peer must show a certificate of the cluster's authority; implies `tls`.
    pub mutual_tls: bool,
    /// Clients show certificates of authorities of their own; needs `tls`.
    #[serde(default)]
    pub client_certificates: Option<ClientCertificates>,
}

/// Certificates that clients show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// Certificates of the authorities, PEM.
    pub authorities_path: PathBuf,
    /// Whoever shows none is not let in (`ssl.client.auth=required`); else it is nobody in particular (`requested`).
    pub required: bool,
}

impl ListenerConfig {
    /// Address to bind.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// What is registered with the controller.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            listener: self.name.as_str().to_owned(),
            host: self.advertised_host.clone().unwrap_or_else(|| self.host.to_string()),
            port: self.port,
        }
    }
}

/// Files that hold the key of the log directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptionConfig {
    /// The data key, encrypted ([`kms::WrappedDataKey`]).
    pub data_key_path: PathBuf,
    /// The key it is encrypted with ([`kms::Key`]).
    pub key_path: PathBuf,
}

impl EncryptionConfig {
    /// Decrypts the data key.
    pub fn data_key(&self) -> Result<DataKey, KmsError> {
        let wrapped = WrappedDataKey::read(&self.data_key_path)?;
        let key = Key::read(&wrapped.key_arn, &self.key_path)?;
        wrapped.unwrap(&key).map(DataKey::new)
    }
}

/// PEM files of the broker's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain, the broker's own certificate first.
    pub certificate_path: PathBuf,
    /// Private key (PKCS#8, SEC1 or PKCS#1).
    pub private_key_path: PathBuf,
    /// The cluster's certificate authority.
    pub ca_path: PathBuf,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("broker configuration {path:?} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("broker configuration {path:?} is malformed")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
    /// Something is missing or contradicts something else.
    #[error("broker configuration is invalid: {0}")]
    Invalid(String),
}

impl BrokerConfig {
    /// Reads and checks a configuration file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let config: Self = serde_json::from_slice(&text).map_err(|source| ConfigError::Malformed {
            path: path.to_owned(),
            source,
        })?;
        config.check()?;
        Ok(config)
    }

    /// Checks what the types do not say.
    pub fn check(&self) -> Result<(), ConfigError> {
        let invalid = |text: String| Err(ConfigError::Invalid(text));
        if self.log_dirs.is_empty() {
            return invalid("no log directory is given".to_owned());
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            if self.listeners[..index].iter().any(|other| other.name == listener.name) {
                return invalid(format!("listener {} is given twice", listener.name));
            }
            if (listener.mutual_tls || listener.client_certificates.is_some()) && !listener.tls {
                return invalid(format!(
                    "listener {} asks for client certificates without tls",
                    listener.name
                ));
            }
            if listener.tls && self.tls.is_none() {
                return invalid(format!(
                    "listener {} uses tls, but no certificate is given",
                    listener.name
                ));
            }
        }
        if self.listener(ListenerName::Internal).is_none() {
            return invalid("listener INTERNAL is missing".to_owned());
        }
        Ok(())
    }

    /// The listener with this name.
    pub fn listener(&self, name: ListenerName) -> Option<&ListenerConfig> {
        self.listeners.iter().find(|listener| listener.name == name)
    }
}

#[cfg(test)]
impl BrokerConfig {
    /// As little as there can be.
    pub(crate) fn for_tests() -> Self {
        let json = r#"{
            "cluster_id": "abcdefghijklmnopqrstuv", "broker_id": 1, "log_dirs": ["/data"],
            "listeners": [{"name": "INTERNAL", "host": "127.16.0.1", "port": 9093, "tls": false, "sasl": false, "mutual_tls": false}],
            "controller_socket": "/run/controller.sock", "server_properties": {"num.partitions": "3"}, "version": "4.1.x.kraft"
        }"#;
        serde_json::from_str(json).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> BrokerConfig {
        BrokerConfig::for_tests()
    }

    #[test]
    fn minimal_configuration_is_accepted() {
        config().check().unwrap();
    }

    #[test]
    fn tls_without_certificate_is_refused() {
        let mut config = config();
        config.listeners[0].tls = true;
        assert!(config.check().unwrap_err().to_string().contains("no certificate"));
    }

    #[test]
    fn configuration_without_internal_listener_is_refused() {
        let mut config = config();
        config.listeners[0].name = ListenerName::Plaintext;
        assert!(config.check().unwrap_err().to_string().contains("INTERNAL"));
    }
}
