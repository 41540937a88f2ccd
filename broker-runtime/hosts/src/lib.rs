//! The seam between whoever runs processes on several machines and those machines: the [`Fleet`] of hosts, what is known of
//! each ([`HostFacts`]), and the [`Host`] that keeps files and runs processes in [units](UnitName).
//!
//! Nothing here knows what the processes do. Every order may be given at any moment, any number of times, also after a
//! crash in the middle of an earlier one: a host looks at what is there and does what is missing.

mod error;
mod facts;
mod unit;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

pub use error::HostError;
pub use facts::{Capacity, HostFacts, HostState};
pub use unit::{
    BundleDigest, Finished, HeldBundle, UnitCommand, UnitFile, UnitName, UnitPhase, UnitProcess, UnitStatus,
};

/// All hosts that have joined.
pub trait Fleet: Send + Sync + 'static {
    /// Hosts, by name; also those that cannot be reached or are drained.
    fn hosts(&self) -> Vec<Arc<dyn Host>>;

    /// The host with this identity.
    fn host(&self, host_id: Uuid) -> Option<Arc<dyn Host>>;
}

/// A machine. What fails because it cannot be reached may have been done all the same: ask again.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// What was last known of it; asks nobody.
    fn facts(&self) -> HostFacts;

    /// Makes the files of a unit these, each whole or not at all; others stay. The unit is made when it is not there.
    async fn write_files(&self, unit: &UnitName, files: &[UnitFile]) -> Result<(), HostError>;

    /// The last `bytes_max` bytes of a file of a unit; `None` when it is not there.
    async fn read_file(&self, unit: &UnitName, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, HostError>;

    /// Deletes a file or folder of a unit; succeeds when it is not there.
    async fn delete_file(&self, unit: &UnitName, path: &str) -> Result<(), HostError>;

    /// Runs a command to its end, in the directory of the unit. It is killed when it takes longer than `limit`.
    async fn run(&self, unit: &UnitName, command: &UnitCommand, limit: Duration) -> Result<Finished, HostError>;

    /// Has the process of the unit run, and run again when it ends, until [`Self::stop`]. One that runs with the same
    /// specification goes on; one with another is stopped first.
    async fn start(&self, unit: &UnitName, process: &UnitProcess) -> Result<(), HostError>;

    /// Ends the process of the unit and returns once it has ended: politely within its grace, or, with `kill`, at once.
    async fn stop(&self, unit: &UnitName, kill: bool) -> Result<(), HostError>;

    /// The unit as it is; `None` when there is none.
    async fn status(&self, unit: &UnitName) -> Result<Option<UnitStatus>, HostError>;

    /// All units.
    async fn units(&self) -> Result<Vec<UnitStatus>, HostError>;

    /// Ends the process of the unit and deletes its files. Succeeds when nothing is left, also when nothing was there.
    async fn remove(&self, unit: &UnitName) -> Result<(), HostError>;

    /// Gives the host a tar archive, which it unpacks to [`HostFacts::bundle_directory`]; does nothing when it has that already.
    /// What arrives is compared with the digest before anything is unpacked.
    async fn put_bundle(&self, digest: &BundleDigest, archive: &Path) -> Result<(), HostError>;

    /// All bundles, by their digests.
    async fn bundles(&self) -> Result<Vec<HeldBundle>, HostError>;

    /// Deletes a bundle with everything that was made of it; succeeds when it is not there. Refuses one that a process which is wanted to
    /// run has among its arguments.
    async fn remove_bundle(&self, digest: &BundleDigest) -> Result<(), HostError>;

    /// Those of `addresses` that something listens on already.
    async fn taken(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, HostError>;
}
