//! What a cluster is. Asked for each time, never stored.

use std::sync::Arc;

use uuid::Uuid;

/// Room where an engine keeps clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// Bytes that are free.
    pub free_bytes: u64,
    /// Bytes that the disk has.
    pub total_bytes: u64,
    /// With less than this free, no cluster is made.
    pub free_bytes_min: u64,
}

/// The observed state of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedCluster {
    /// Identity.
    pub cluster_id: Uuid,
    /// Brokers by id, also those that do not run.
    pub brokers: Vec<ObservedBroker>,
    /// Where brokers reach the controllers, one entry a controller.
    pub controllers: Vec<String>,
    /// Where clients connect to.
    pub bootstrap: BootstrapBrokers,
    /// The certificate authority of the cluster, PEM; clients trust it.
    pub certificate_authority_pem: String,
    /// When that authority ends, unix milliseconds; `None` before it is made.
    pub authority_expires_at_ms: Option<i64>,
    /// Bytes in the log directories of all brokers.
    pub log_bytes: u64,
    /// How much is in it.
    pub counts: Counts,
}

/// What a cluster has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Topics.
    pub topics: usize,
    /// Partitions of them.
    pub partitions: usize,
    /// Partitions that have no leader.
    pub offline_partitions: usize,
}

/// One broker.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedBroker {
    /// `node.id`, from 1.
    pub broker_id: i32,
    /// Zone.
    pub zone: String,
    /// Address of its listeners.
    pub host: String,
    /// Advertised client endpoints, `host:port`.
    pub endpoints: Vec<String>,
    /// What it is doing.
    pub state: BrokerState,
    /// Its process, when it runs.
    pub pid: Option<u32>,
    /// Start of the process, unix milliseconds.
    pub started_at_ms: Option<i64>,
    /// Resident memory, bytes.
    pub resident_bytes: Option<u64>,
    /// CPU time its process has used, milliseconds.
    pub cpu_ms: Option<u64>,
    /// How often it was restarted since the supervisor last saw it healthy.
    pub restarts: u32,
    /// When its certificate ends, unix milliseconds; `None` before it is made.
    pub certificate_expires_at_ms: Option<i64>,
    /// What it has measured, as last reported; nothing when it does not run.
    pub metrics: Arc<Vec<Metric>>,
}

/// Something a broker has measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name; what only grows ends with `_total`.
    pub name: String,
    /// Names and values of labels.
    pub labels: Vec<(String, String)>,
    /// A finite number.
    pub value: f64,
}

/// States of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerState {
    /// Its process starts, or it has not joined the cluster yet.
    Starting,
    /// It has joined and serves.
    Running,
    /// It is being stopped.
    Stopping,
    /// It does not run; it will be restarted, by the restart policy, if it should.
    Down,
}

/// Bootstrap strings, one `host:port` a broker; empty when the listener is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootstrapBrokers {
    /// 9092.
    pub plaintext: Vec<String>,
    /// 9094.
    pub tls: Vec<String>,
    /// 9096.
    pub sasl_scram: Vec<String>,
    /// 9098.
    pub sasl_iam: Vec<String>,
    /// SASL/SCRAM on the public address.
    pub public_sasl_scram: Vec<String>,
    /// SASL/IAM on the public address.
    pub public_sasl_iam: Vec<String>,
    /// Plaintext on IPv6.
    pub plaintext_ipv6: Vec<String>,
    /// TLS on IPv6.
    pub tls_ipv6: Vec<String>,
    /// SASL/SCRAM on IPv6.
    pub sasl_scram_ipv6: Vec<String>,
    /// SASL/IAM on IPv6.
    pub sasl_iam_ipv6: Vec<String>,
}
