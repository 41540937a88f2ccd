//! Hosts as a fleet sees them: in a state that somebody has said they are in.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use hosts::{
    BundleDigest, Finished, HeldBundle, Host, HostError, HostFacts, HostState, UnitCommand, UnitFile, UnitName,
    UnitProcess, UnitStatus,
};

/// A host in this state; one that is dead takes no orders.
pub struct Seen {
    host: Arc<dyn Host>,
    state: Option<HostState>,
}

impl Seen {
    pub fn new(host: Arc<dyn Host>, state: Option<HostState>) -> Self {
        Self { host, state }
    }

    fn alive(&self) -> Result<&dyn Host, HostError> {
        if self.state != Some(HostState::Dead) {
            return Ok(&*self.host);
        }
        Err(HostError::Unreachable {
            host: self.host.facts().name,
            reason: "it is dead".to_owned(),
        })
    }
}

#[async_trait]
impl Host for Seen {
    fn facts(&self) -> HostFacts {
        let facts = self.host.facts();
        let state = self.state.unwrap_or(facts.state);
        HostFacts { state, ..facts }
    }

    async fn write_files(&self, unit: &UnitName, files: &[UnitFile]) -> Result<(), HostError> {
        self.alive()?.write_files(unit, files).await
    }

    async fn read_file(&self, unit: &UnitName, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, HostError> {
        self.alive()?.read_file(unit, path, bytes_max).await
    }

    async fn delete_file(&self, unit: &UnitName, path: &str) -> Result<(), HostError> {
        self.alive()?.delete_file(unit, path).await
    }

    async fn run(&self, unit: &UnitName, command: &UnitCommand, limit: Duration) -> Result<Finished, HostError> {
        self.alive()?.run(unit, command, limit).await
    }

    async fn start(&self, unit: &UnitName, process: &UnitProcess) -> Result<(), HostError> {
        self.alive()?.start(unit, process).await
    }

    async fn stop(&self, unit: &UnitName, at_once: bool) -> Result<(), HostError> {
        self.alive()?.stop(unit, at_once).await
    }

    async fn status(&self, unit: &UnitName) -> Result<Option<UnitStatus>, HostError> {
        self.alive()?.status(unit).await
    }

    async fn units(&self) -> Result<Vec<UnitStatus>, HostError> {
        self.alive()?.units().await
    }

    async fn remove(&self, unit: &UnitName) -> Result<(), HostError> {
        self.alive()?.remove(unit).await
    }

    async fn put_bundle(&self, digest: &BundleDigest, archive: &Path) -> Result<(), HostError> {
        self.alive()?.put_bundle(digest, archive).await
    }

    async fn bundles(&self) -> Result<Vec<HeldBundle>, HostError> {
        self.alive()?.bundles().await
    }

    async fn remove_bundle(&self, digest: &BundleDigest) -> Result<(), HostError> {
        self.alive()?.remove_bundle(digest).await
    }

    async fn taken(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, HostError> {
        self.alive()?.taken(addresses).await
    }
}
