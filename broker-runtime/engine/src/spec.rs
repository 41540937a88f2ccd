//! What a cluster should be. Plain data; equal specifications mean nothing is to be done.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Secret;

/// The wanted state of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// Identity; the UUID of the cluster's ARN. Never changes.
    pub cluster_id: Uuid,
    /// Name, for log lines and certificates.
    pub cluster_name: String,
    /// Name of the engine that runs it, as [`crate::Engine::name`] has it.
    pub engine: String,
    /// MSK's version name, such as `4.1.x.kraft`.
    pub kafka_version: String,
    /// Number of brokers, from 1; ids are `1..=broker_count`.
    pub broker_count: u32,
    /// Zones; broker N is in `zones[(N - 1) % zones.len()]`. Never empty.
    pub zones: Vec<String>,
    /// Listeners that are open to clients.
    pub listeners: Listeners,
    /// Certificates that clients show on the listeners with TLS and without SASL; `None` asks for none.
    pub client_certificates: Option<ClientCertificates>,
    /// Where clients that cannot use the cluster's own addresses reach it.
    pub reach: Reach,
    /// Pages of metrics that each broker serves on its own address.
    pub exporters: Exporters,
    /// In how much detail brokers report what they measure: MSK's name of the level, such as `PER_BROKER`.
    pub monitoring: String,
    /// Directory that the logs of brokers are delivered to; it is made where it is missing.
    pub log_delivery: Option<PathBuf>,
    /// What each broker may use of the machine; `None`: as much as it needs.
    pub resources: Option<BrokerResources>,
    /// Bytes that the logs of each broker may have; `None` sets no limit.
    pub volume_bytes: Option<u64>,
    /// ARN of the key that protects what brokers store; `None` leaves it as it is.
    pub encryption_key: Option<String>,
    /// Kafka server properties of the configuration revision in force; validated.
    pub server_properties: BTreeMap<String, String>,
    /// SCRAM users; all others are removed.
    pub scram_users: Vec<ScramUser>,
    /// How often each broker has been asked to restart, by id: one more than before restarts it once.
    pub reboots: BTreeMap<i32, u64>,
    /// How often somebody has asked for other certificates: one more than before gives every broker a new one.
    pub certificate_rotations: u64,
}

/// What a broker may use of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerResources {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory.
    pub memory_bytes: u64,
    /// A broker with more replicas than this does not get these resources when it had others.
    pub partitions_max: u32,
}

/// Listeners that are open to clients; MSK's port numbers are in `docs/glossary.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// 9092, neither encryption nor authentication.
    pub plaintext: bool,
    /// 9094, TLS; who connects is known by its certificate, or not at all.
    pub tls: bool,
    /// 9096, SASL/SCRAM over TLS.
    pub sasl_scram: bool,
    /// 9098, SASL with the signature of an access key over TLS.
    pub sasl_iam: bool,
}

/// Pages of metrics for Prometheus, at `/metrics` on ports of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exporters {
    /// 11001, the broker: names as Prometheus' JMX exporter gives them.
    pub jmx: bool,
    /// 11002, the machine: names as Prometheus' node exporter gives them.
    pub node: bool,
}

/// Certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// Certificates of the authorities whose certificates are good, PEM.
    pub authorities_pem: String,
    /// Whoever shows none is not let in.
    pub required: bool,
}

/// Addresses beside the cluster's own, which clusters share: each broker has ports of its own there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Clients of other machines connect to this address, with SASL only.
    pub public_address: Option<IpAddr>,
    /// Clients may use IPv6 on this machine, with every listener that is open.
    pub ipv6: bool,
}

/// A user with its SCRAM credentials, one for each mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramUser {
    /// User name.
    pub name: String,
    /// Credentials.
    pub credentials: Vec<ScramCredential>,
}

/// What is kept of a password for one mechanism (RFC 5802): from the salted password an engine derives `StoredKey` and
/// `ServerKey`, the password itself cannot be had from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramCredential {
    /// Mechanism.
    pub mechanism: ScramMechanism,
    /// Random salt; kept for as long as the password does not change, so that specifications compare equal.
    pub salt: Vec<u8>,
    /// Iterations of PBKDF2, at least 4096.
    pub iterations: u32,
    /// `Hi(password, salt, iterations)`.
    pub salted_password: Secret<Vec<u8>>,
}

/// SCRAM mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}
