//! How a cluster goes from one engine to another: the one hands it over, the other takes it over, with everything that its
//! brokers have stored.
//!
//! ```text
//!   source             target
//!   offer ───────────► prepare            nothing has happened yet
//!   hand_over ───────► take_over          brokers have ended; until the end of take_over the source can have it back
//!   forget                                 the target has it, for good
//!   take_back ◄─────── give_back           instead, as long as take_over has not ended
//! ```
//! [`Engines`](crate::Engines) plays this out. Each step may be given any number of times, also after a crash in the middle of it: what
//! has been done is found on the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{ClusterSpec, EngineError, ScramMechanism};

/// An engine whose clusters another one can take over.
#[async_trait]
pub trait HandsOver: Send + Sync {
    /// How far handing a cluster over has come.
    fn handed(&self, cluster_id: Uuid) -> Result<Handed, EngineError>;

    /// What there is to be taken over. Refuses, with the reason, a cluster that cannot be; changes nothing.
    fn offer(&self, cluster_id: Uuid) -> Result<Offer, EngineError>;

    /// Ends all brokers of the cluster, in good order, and starts them no more.
    async fn hand_over(&self, cluster_id: Uuid) -> Result<Handover, EngineError>;

    /// Starts the brokers again, on the directories that they had. Does nothing where nothing has been handed over.
    async fn take_back(&self, cluster_id: Uuid) -> Result<(), EngineError>;

    /// Deletes what it still has of a cluster that has been taken over, but for the addresses, which nobody else gets until the
    /// cluster is removed.
    async fn forget(&self, cluster_id: Uuid) -> Result<(), EngineError>;
}

/// An engine that takes over clusters of another one.
#[async_trait]
pub trait TakesOver: Send + Sync {
    /// How far taking a cluster over has come.
    fn taken(&self, cluster_id: Uuid) -> Result<Taken, EngineError>;

    /// Refuses what it cannot take over and make what `spec` says, with the reason.
    fn validate_offer(&self, spec: &ClusterSpec, offer: &Offer) -> Result<(), EngineError>;

    /// Does everything beforehand that may fail or takes long, while the brokers still run.
    async fn prepare(&self, spec: &ClusterSpec, offer: &Offer) -> Result<(), EngineError>;

    /// Takes the log directories and the authority of the cluster. Once it has returned, this engine has it; nothing of it runs
    /// before.
    async fn take_over(&self, spec: &ClusterSpec, handover: &Handover) -> Result<(), EngineError>;

    /// Puts log directories back where they were, and forgets the cluster; also what [`Self::prepare`] may have left. Refuses what has been
    /// taken as a whole.
    async fn give_back(&self, cluster_id: Uuid) -> Result<(), EngineError>;
}

/// How far handing over has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// It has not begun.
    Nothing,
    /// Its brokers have ended, or are about to.
    Begun,
    /// Another engine has it.
    Forgotten,
}

/// How far taking over has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There is nothing of it.
    Nothing,
    /// It can still be given back.
    InPart,
    /// The engine has it.
    Whole,
}

/// What there is to be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its brokers by id.
    pub brokers: BTreeMap<i32, OfferedBroker>,
    /// Certificate of the authority of the cluster: clients trust it, so it stays.
    pub authority: PathBuf,
    /// Its key.
    pub authority_key: PathBuf,
    /// Properties of the configuration that is in force.
    pub server_properties: BTreeMap<String, String>,
    /// Users that specifications have made.
    pub scram_users: BTreeSet<(String, ScramMechanism)>,
}

/// A broker that is to be another engine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedBroker {
    /// Its zone.
    pub zone: String,
    /// Its address, on which clients know it.
    pub address: IpAddr,
    /// Its log directory, on this machine, as Apache Kafka has them.
    pub log_dir: PathBuf,
}

/// A cluster whose brokers have ended.
pub struct Handover {
    /// What there is.
    pub offer: Offer,
    /// Its metadata.
    pub metadata: Box<dyn Metadata>,
}

/// The metadata of a cluster: topics, configurations, users, access control lists, quotas.
pub trait Metadata: Send + Sync {
    /// As a snapshot that a quorum of controllers starts from.
    fn snapshot(&self, quorum: &Quorum) -> Result<MetadataFile, EngineError>;
}

/// A quorum of controllers in KRaft mode, as it is to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Finalized features with their levels.
    pub features: Vec<(String, i16)>,
    /// Controllers.
    pub voters: Vec<QuorumVoter>,
    /// Id of the log directory of each broker.
    pub directories: BTreeMap<i32, Uuid>,
    /// When it is made, unix milliseconds.
    pub timestamp_ms: i64,
}

/// A controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumVoter {
    /// `node.id`.
    pub node_id: i32,
    /// Id of its log directory.
    pub directory_id: Uuid,
    /// Name of its listener.
    pub listener: String,
    /// Where that is.
    pub address: SocketAddr,
}

/// A file of metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFile {
    /// Folder in the log directory of each node.
    pub folder: String,
    /// Name in it.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}
