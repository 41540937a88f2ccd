//! What a KRaft quorum has and our metadata does not know.

use std::collections::BTreeMap;

use kafka_metadata::BrokerId;
use uuid::Uuid;

/// A quorum of Apache Kafka, as it is to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KraftLayout {
    /// Finalized features with their levels: `metadata.version` above all, which says what records mean; then for example
    /// `group.version` and `transaction.version`, without which Kafka does not have the consumer protocol and the transactions
    /// that our brokers have.
    pub features: Vec<(String, i16)>,
    /// The controllers of a quorum that may change (KIP-853). Empty where `controller.quorum.voters` names them.
    pub voters: Vec<Voter>,
    /// The directory that holds all replicas of a broker, where it has only one. Brokers that are not here say themselves
    /// where a replica is.
    pub directories: BTreeMap<BrokerId, Uuid>,
    /// Epoch of the quorum that wrote the snapshot; the first election begins the one after.
    pub epoch: i32,
    /// When it is written, on the wall clock.
    pub timestamp_ms: i64,
}

/// A controller that votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// `node.id`.
    pub node_id: i32,
    /// `directory.id` of its `metadata.log.dir`.
    pub directory_id: Uuid,
    /// Where it is reached.
    pub endpoints: Vec<Endpoint>,
}

/// A listener of a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name, one of `controller.listener.names`.
    pub listener: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}
