//! Identifiers and epochs of cluster metadata, as types of their own.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A broker's `node.id`; the first broker of a cluster has 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrokerId(pub i32);

/// The epoch of one registration of a broker: the metadata offset of its `BrokerRegistered` record (KIP-631).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrokerEpoch(pub i64);

/// Position of a record in the metadata log; the first record has offset 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadataOffset(pub i64);

/// Grows by one whenever a partition gets a leader or loses it (KIP-101).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaderEpoch(pub i32);

/// Grows by one with every change of a partition; `AlterPartition` is a compare-and-set on it (KIP-497).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionEpoch(pub i32);

/// A topic's id (KIP-516): a topic that is created anew under an old name has a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TopicId(pub Uuid);

macro_rules! display_as_inner {
    ($($name:ty),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    )+};
}

display_as_inner!(
    BrokerId,
    BrokerEpoch,
    MetadataOffset,
    LeaderEpoch,
    PartitionEpoch,
    TopicId
);
