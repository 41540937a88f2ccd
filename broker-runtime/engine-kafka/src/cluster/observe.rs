//! What a cluster is, right now.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cluster_files::certificates;
use engine::{BootstrapBrokers, BrokerState, Counts, EngineError, ObservedBroker, ObservedCluster};
use futures::future::join_all;
use hosts::{UnitPhase, UnitStatus};
use kafka_metadata::{BrokerId, MetadataImage};

use super::{Cluster, measured::metrics};
use crate::{
    description::Description,
    placement::Node,
    ports::{self, PLAINTEXT, SASL_SCRAM, TLS},
};

/// How long what logs take up is believed.
const LOG_BYTES_LIFE: Duration = Duration::from_secs(15);

impl Cluster {
    /// Asks hosts and brokers.
    pub(crate) async fn observe(&self) -> Result<ObservedCluster, EngineError> {
        let description = self.description();
        // Brokers that do not answer are no error: then this is what there is to see.
        let image = self.kafka.image(&[]).await.unwrap_or_default();
        let brokers: Vec<(i32, &Node)> = description
            .nodes
            .iter()
            .filter(|(_, node)| node.is_broker)
            .map(|(id, node)| (*id, node))
            .collect();
        let statuses = join_all(brokers.iter().map(|(id, node)| self.status(*id, node))).await;
        let log_bytes = self.log_bytes(&image).await;
        let observed = brokers.iter().zip(statuses).map(|((id, node), status)| {
            // A host that cannot be asked tells nothing of the process.
            let mut broker = self.observe_broker(&description, *id, node, status.ok().flatten(), &image);
            if broker.state == BrokerState::Running {
                broker.metrics = Arc::new(metrics(&image, BrokerId(*id), log_bytes.get(id).copied()));
            }
            broker
        });
        let observed = observed.collect();
        let partitions = || image.topics.values().flat_map(|topic| &topic.partitions);
        Ok(ObservedCluster {
            cluster_id: description.cluster_id,
            brokers: observed,
            controllers: controllers(&description),
            bootstrap: bootstrap(&description),
            certificate_authority_pem: String::from_utf8_lossy(&self.authority_pem).into_owned(),
            authority_expires_at_ms: certificates::expires_at_ms(&self.authority_pem),
            log_bytes: log_bytes.values().sum(),
            counts: Counts {
                topics: image.topics.size(),
                partitions: partitions().count(),
                offline_partitions: partitions().filter(|state| state.leader.is_none()).count(),
            },
        })
    }

    fn observe_broker(
        &self,
        description: &Description,
        broker_id: i32,
        node: &Node,
        status: Option<UnitStatus>,
        image: &MetadataImage,
    ) -> ObservedBroker {
        let broker = image.brokers.get(&BrokerId(broker_id));
        let serves = broker.is_some_and(|broker| !broker.fenced);
        let listeners = ports::listeners(node, description.listeners());
        let endpoints = listeners.iter().filter(|listener| listener.is_for_clients());
        ObservedBroker {
            broker_id,
            zone: node.zone.clone(),
            host: node.address.to_string(),
            endpoints: endpoints.map(|listener| listener.address.to_string()).collect(),
            state: state(status.as_ref(), serves),
            pid: status.as_ref().and_then(|status| status.pid),
            started_at_ms: status.as_ref().and_then(|status| status.started_at_ms),
            resident_bytes: status.as_ref().and_then(|status| status.resident_bytes),
            cpu_ms: status.as_ref().and_then(|status| status.cpu_ms),
            restarts: status.as_ref().map_or(0, |status| status.restarts),
            certificate_expires_at_ms: self.certificate_ends.lock().get(&broker_id).copied(),
            metrics: Arc::default(),
        }
    }

    /// What the logs of each broker take up; asked for now and then.
    async fn log_bytes(&self, image: &MetadataImage) -> BTreeMap<i32, u64> {
        let now = self.settings.clock.monotonic();
        let last = self.log_bytes.lock().clone();
        if let Some((at, bytes)) = &last
            && now.saturating_duration_since(*at) < LOG_BYTES_LIFE
        {
            return bytes.clone();
        }
        if image.brokers.is_empty() {
            return last.map_or_else(BTreeMap::new, |(_, bytes)| bytes);
        }
        let brokers = self.description().brokers();
        let asked = brokers.into_iter().map(|(id, address)| async move {
            let bytes = self.kafka.log_bytes(address).await;
            Some((id, bytes.ok()?))
        });
        let bytes: BTreeMap<i32, u64> = join_all(asked).await.into_iter().flatten().collect();
        *self.log_bytes.lock() = Some((now, bytes.clone()));
        bytes
    }
}

/// What there is of a cluster that is going away.
pub(crate) fn at_rest(description: &Description) -> ObservedCluster {
    ObservedCluster {
        cluster_id: description.cluster_id,
        brokers: Vec::new(),
        controllers: controllers(description),
        bootstrap: bootstrap(description),
        certificate_authority_pem: String::new(),
        authority_expires_at_ms: None,
        log_bytes: 0,
        counts: Counts::default(),
    }
}

fn state(status: Option<&UnitStatus>, serves: bool) -> BrokerState {
    match status.map(|status| status.phase) {
        Some(UnitPhase::Running) | None if serves => BrokerState::Running,
        Some(UnitPhase::Running) => BrokerState::Starting,
        Some(UnitPhase::Stopping) => BrokerState::Stopping,
        Some(UnitPhase::Waiting | UnitPhase::Stopped) | None => BrokerState::Down,
    }
}

fn controllers(description: &Description) -> Vec<String> {
    let controllers = description.nodes.values().filter(|node| node.is_controller);
    controllers.map(|node| ports::controller(node).to_string()).collect()
}

fn bootstrap(description: &Description) -> BootstrapBrokers {
    let brokers = description.nodes.values().filter(|node| node.is_broker);
    let listeners: Vec<_> = brokers
        .flat_map(|node| ports::listeners(node, description.listeners()))
        .collect();
    let strings = |name: &str| {
        let named = listeners.iter().filter(|listener| listener.name == name);
        named.map(|listener| listener.address.to_string()).collect()
    };
    BootstrapBrokers {
        plaintext: strings(PLAINTEXT),
        tls: strings(TLS),
        sasl_scram: strings(SASL_SCRAM),
        ..BootstrapBrokers::default()
    }
}
