//! Empties hosts that are drained, and has what was on dead ones made anew elsewhere: engines are asked again and again to move
//! what a cluster has on such a host, one process at a time. What stands in the way is told with the host.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::chain;
use hosts::{Fleet as _, HostState};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{rounds::clusters_after, specification::specification};
use crate::{
    error::OperationError,
    services::Services,
    store::{ClusterRecord, ClusterState},
};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long a cluster that stands in the way is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// Moves until it is told to end.
pub(crate) async fn run(services: Arc<Services>, until: CancellationToken) {
    let mut paused_until: BTreeMap<Uuid, Instant> = BTreeMap::new();
    while let Some(clusters) = clusters_after(&services, INTERVAL, &until).await {
        if !anything_to_leave(&services) {
            services.stuck.write().clear();
            paused_until.clear();
            continue;
        }
        services
            .stuck
            .write()
            .retain(|uuid, _| clusters.iter().any(|cluster| cluster.uuid == *uuid));
        for cluster in clusters.iter().filter(|cluster| is_settled(cluster)) {
            let now = services.clock.monotonic();
            if paused_until.get(&cluster.uuid).is_some_and(|until| now < *until) {
                continue;
            }
            match relocate(&services, cluster).await {
                Ok(moved) => {
                    services.stuck.write().remove(&cluster.uuid);
                    if moved {
                        services.forget_observation(cluster.uuid);
                        services.wake();
                    }
                }
                Err(error) => {
                    tracing::warn!(cluster = %cluster.arn, error = chain(&error), "host is not emptied");
                    services.stuck.write().insert(cluster.uuid, chain(&error));
                    paused_until.insert(cluster.uuid, services.clock.monotonic() + PAUSE);
                }
            }
        }
    }
}

fn anything_to_leave(services: &Services) -> bool {
    let hosts = services.fleet.hosts();
    let states = hosts.iter().map(|host| host.facts().state);
    states
        .into_iter()
        .any(|state| matches!(state, HostState::Draining | HostState::Dead))
}

/// Nothing else changes it.
fn is_settled(cluster: &ClusterRecord) -> bool {
    cluster.state == ClusterState::Active && cluster.active_operation.is_none()
}

async fn relocate(services: &Services, cluster: &ClusterRecord) -> Result<bool, OperationError> {
    let spec = specification(services, cluster, &cluster.settings)?;
    let relocated = services.engine.relocate(&spec).await;
    relocated.map_err(|error| OperationError::Internal(chain(&error)))
}
