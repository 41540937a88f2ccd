//! What a cluster is, right now.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use cluster_files::{certificates, durable_file};
use engine::{BootstrapBrokers, BrokerState, Counts, EngineError, ObservedBroker, ObservedCluster};
use kafka_metadata::{BrokerId, MetadataImage};
use supervisor::{Phase, ProcessStatus};

use super::{Cluster, Description, Layout, running::blocking};
use crate::addresses::BrokerEndpoint;

/// Bytes of a block as `stat` counts them.
const BLOCK_BYTES: u64 = 512;

impl Cluster {
    /// Looks at processes, metadata and disks.
    pub(crate) async fn observe(&self) -> Result<ObservedCluster, EngineError> {
        let ids = self.broker_ids();
        let statuses = ids
            .filter_map(|id| Some((id, self.broker(id)?.status().borrow().clone())))
            .collect();
        let mut observed = look(self.layout.clone(), self.description(), self.image(), statuses).await?;
        let mut reports = self.controller.reports();
        for broker in observed
            .brokers
            .iter_mut()
            .filter(|it| it.state == BrokerState::Running)
        {
            broker.metrics = reports.remove(&BrokerId(broker.broker_id)).unwrap_or_default();
        }
        Ok(observed)
    }
}

/// What there is of a cluster that is not running in this process: it is being created, or could not be taken up. `None`
/// when there is nothing.
pub(crate) async fn observe_at_rest(layout: Layout) -> Result<Option<ObservedCluster>, EngineError> {
    match Description::read(&layout)? {
        Some(description) => look(layout, description, Arc::default(), BTreeMap::new())
            .await
            .map(Some),
        None => Ok(None),
    }
}

async fn look(
    layout: Layout,
    description: Description,
    image: Arc<MetadataImage>,
    statuses: BTreeMap<i32, ProcessStatus>,
) -> Result<ObservedCluster, EngineError> {
    blocking(move || {
        let ids: Vec<i32> = description.broker_ids().collect();
        let brokers = ids
            .iter()
            .map(|id| observe_broker(&layout, &description, &image, *id, statuses.get(id)));
        let partitions = || image.topics.values().flat_map(|topic| &topic.partitions);
        let authority = durable_file::read(&layout.ca_certificate())?.unwrap_or_default();
        Ok(ObservedCluster {
            cluster_id: description.cluster_id,
            brokers: brokers.collect(),
            controllers: vec![format!("unix:{}", layout.socket_for_brokers().display())],
            bootstrap: bootstrap(&description),
            authority_expires_at_ms: certificates::expires_at_ms(&authority),
            certificate_authority_pem: String::from_utf8_lossy(&authority).into_owned(),
            counts: Counts {
                topics: image.topics.size(),
                partitions: partitions().count(),
                offline_partitions: partitions().filter(|state| state.leader.is_none()).count(),
            },
            log_bytes: ids.iter().map(|id| directory_bytes(&layout.broker(*id).data())).sum(),
        })
    })
    .await
}

fn bootstrap(description: &Description) -> BootstrapBrokers {
    let endpoints: Vec<_> = description
        .broker_ids()
        .flat_map(|id| description.endpoints(id))
        .collect();
    let strings = |name: &str| {
        let named = endpoints.iter().filter(|endpoint| endpoint.name == name);
        named.map(|endpoint| endpoint.address.to_string()).collect()
    };
    BootstrapBrokers {
        plaintext: strings("PLAINTEXT"),
        tls: strings("TLS"),
        sasl_scram: strings("SASL_SCRAM"),
        sasl_iam: strings("SASL_IAM"),
        public_sasl_scram: strings("SASL_SCRAM_PUBLIC"),
        public_sasl_iam: strings("SASL_IAM_PUBLIC"),
        plaintext_ipv6: strings("PLAINTEXT_IPV6"),
        tls_ipv6: strings("TLS_IPV6"),
        sasl_scram_ipv6: strings("SASL_SCRAM_IPV6"),
        sasl_iam_ipv6: strings("SASL_IAM_IPV6"),
    }
}

fn observe_broker(
    layout: &Layout,
    description: &Description,
    image: &MetadataImage,
    broker_id: i32,
    status: Option<&ProcessStatus>,
) -> ObservedBroker {
    let host = description.block.address(broker_id).to_string();
    let endpoints = description.endpoints(broker_id).into_iter();
    let serves = image
        .brokers
        .get(&BrokerId(broker_id))
        .is_some_and(|broker| !broker.fenced);
    let pid = status.and_then(|status| status.pid);
    ObservedBroker {
        broker_id,
        zone: description.zone(broker_id),
        endpoints: endpoints
            .filter(BrokerEndpoint::is_for_clients)
            .map(|endpoint| endpoint.address.to_string())
            .collect(),
        host,
        state: state(status, serves),
        pid,
        started_at_ms: status.and_then(|status| status.started_at_ms),
        resident_bytes: pid.and_then(supervisor::resident_bytes),
        cpu_ms: pid.and_then(supervisor::cpu_ms),
        restarts: status.map_or(0, |status| status.restarts),
        certificate_expires_at_ms: certificate_end(layout, description, broker_id),
        metrics: Arc::default(),
    }
}

/// Of the certificate it has on the disk, which it shows: whoever replaces it sees to that.
fn certificate_end(layout: &Layout, description: &Description, broker_id: i32) -> Option<i64> {
    let path = layout
        .broker(broker_id)
        .identity(&description.plan().shared_addresses());
    certificates::expires_at_ms(&fs::read(path).ok()?)
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
pub(super) fn directory_bytes(path: &Path) -> u64 {
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
