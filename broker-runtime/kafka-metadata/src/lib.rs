//! Cluster metadata of the embedded engine: the records, the image they add up to, the messages between brokers and
//! the controller, and the controller itself as a pure function `(image, event) -> records`.
//!
//! Nothing here does I/O or reads the clock. `engine-embedded` hosts the controller and keeps the metadata log on disk;
//! `kafka-broker` applies the records in order and acts on what changed. The model is KRaft's (KIP-500, KIP-631).

pub mod acl;
pub mod controller;
mod ids;
mod image;
pub mod instructions;
pub mod mutations;
pub mod quota;
mod record;
pub mod rpc;
mod scram;

pub use ids::{BrokerEpoch, BrokerId, LeaderEpoch, MetadataOffset, PartitionEpoch, TopicId};
pub use image::{BrokerImage, MetadataImage, ScramCredential, TopicImage};
pub use record::{ConfigResource, Endpoint, MetadataRecord, PartitionState, ScramMechanism};
