//! What a cluster is, right now.

use std::{fs, path::Path};

use engine::{BootstrapBrokers, BrokerState, EngineError, ObservedBroker, ObservedCluster};
use kafka_metadata::{BrokerId, MetadataImage};
use supervisor::{Phase, ProcessStatus};

use super::{Cluster, running::blocking};
use crate::{
    addresses::{PLAINTEXT, SASL_SCRAM, TLS},
    durable_file,
};

/// Bytes of a block as `stat` counts them.
const BLOCK_BYTES: u64 = 512;

impl Cluster {
    /// Looks at processes, metadata and disks.
    pub(crate) async fn observe(&self) -> Result<ObservedCluster, EngineError> {
        let description = self.description();
        let image = self.image();
        let brokers = self.broker_ids().map(|id| self.observe_broker(&image, id)).collect();
        let data: Vec<_> = self.broker_ids().map(|id| self.layout.broker(id).data()).collect();
        let ca_path = self.layout.ca_certificate();
        let (log_bytes, authority) = blocking(move || {
            let log_bytes = data.iter().map(|path| directory_bytes(path)).sum();
            Ok((log_bytes, durable_file::read(&ca_path)?.unwrap_or_default()))
        })
        .await?;
        Ok(ObservedCluster {
            cluster_id: description.cluster_id,
            brokers,
            bootstrap: self.bootstrap(),
            certificate_authority_pem: String::from_utf8_lossy(&authority).into_owned(),
            log_bytes,
        })
    }

    fn bootstrap(&self) -> BootstrapBrokers {
        let description = self.description();
        let listeners = description.listeners();
        let strings = |open: bool, port: u16| {
            let ids = self.broker_ids().filter(|_| open);
            ids.map(|id| format!("{}:{port}", description.block.address(id)))
                .collect()
        };
        BootstrapBrokers {
            plaintext: strings(listeners.plaintext, PLAINTEXT),
            tls: strings(listeners.tls, TLS),
            sasl_scram: strings(listeners.sasl_scram, SASL_SCRAM),
        }
    }

    fn observe_broker(&self, image: &MetadataImage, broker_id: i32) -> ObservedBroker {
        let description = self.description();
        let host = description.block.address(broker_id).to_string();
        let status = self
            .broker(broker_id)
            .map(|supervised| supervised.status().borrow().clone());
        let listeners = description.listeners();
        let ports = [
            (listeners.plaintext, PLAINTEXT),
            (listeners.tls, TLS),
            (listeners.sasl_scram, SASL_SCRAM),
        ];
        let registered = image.brokers.get(&BrokerId(broker_id));
        let pid = status.as_ref().and_then(|status| status.pid);
        ObservedBroker {
            broker_id,
            zone: registered.and_then(|broker| broker.rack.clone()).unwrap_or_default(),
            endpoints: ports
                .iter()
                .filter(|(open, _)| *open)
                .map(|(_, port)| format!("{host}:{port}"))
                .collect(),
            host,
            state: state(status.as_ref(), registered.is_some_and(|broker| !broker.fenced)),
            pid,
            started_at_ms: status.as_ref().and_then(|status| status.started_at_ms),
            resident_bytes: pid.and_then(supervisor::resident_bytes),
            restarts: status.map_or(0, |status| status.restarts),
        }
    }
}

fn state(status: Option<&ProcessStatus>, serves: bool) -> BrokerState {
    match status.map(|status| status.phase) {
        Some(Phase::Running) if serves => BrokerState::Running,
        Some(Phase::Running | Phase::Starting) => BrokerState::Starting,
        Some(Phase::Stopping) => BrokerState::Stopping,
        Some(Phase::Waiting | Phase::Idle) | None => BrokerState::Down,
    }
}

/// What the files below a directory take up on the disk. Files that vanish while it looks count nothing.
fn directory_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => directory_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * BLOCK_BYTES,
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_summed_up() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/file"), vec![1; 10_000]).unwrap();
        fs::write(folder.path().join("file"), vec![1; 10_000]).unwrap();
        assert!(directory_bytes(folder.path()) >= 20_000);
        assert_eq!(directory_bytes(&folder.path().join("none")), 0);
    }
}
