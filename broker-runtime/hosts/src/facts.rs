//! What is known of a host.

use std::{net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{BundleDigest, UnitName};

/// A host as it last said it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Identity; made when it joins.
    pub host_id: Uuid,
    /// Name, unique in the fleet.
    pub name: String,
    /// Zone that it stands in.
    pub zone: String,
    /// Where other hosts and clients reach it.
    pub address: IpAddr,
    /// Whether it takes orders.
    pub state: HostState,
    /// What it has.
    pub capacity: Capacity,
    /// Version of its agent.
    pub agent_version: String,
    /// By how much its wall clock is ahead of the control plane's, milliseconds.
    pub clock_ahead_ms: i64,
    /// Absolute path of the folder of its agent, on the host.
    pub data_directory: PathBuf,
}

impl HostFacts {
    /// Absolute path of the directory of a unit, on the host.
    pub fn unit_directory(&self, unit: &UnitName) -> PathBuf {
        self.data_directory.join("units").join(unit.as_str())
    }

    /// Absolute path of the directory that a bundle is unpacked to, on the host.
    pub fn bundle_directory(&self, digest: &BundleDigest) -> PathBuf {
        self.data_directory.join("bundles").join(digest.as_str())
    }
}

/// States of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HostState {
    /// It answers, and new processes may be put on it.
    Active,
    /// It answers; what runs on it is to be moved elsewhere, and nothing new comes.
    Draining,
    /// It has not answered for a while; what runs there may go on.
    Unreachable,
    /// A person or a rule has said that it does not come back.
    Dead,
}

/// What a host has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Processors that its agent may use.
    pub cores: u32,
    /// Memory.
    pub memory_bytes: u64,
    /// Size of the disk under its data directory.
    pub disk_bytes: u64,
    /// What of that is free.
    pub disk_free_bytes: u64,
}
