//! Keeps clusters even that are to keep themselves even: replicas move from brokers with many to brokers with few, whatever
//! made them uneven. A few partitions at a time, so that an operation never has to wait for it.

use std::{sync::Arc, time::Duration};

use engine::BrokerState;
use tokio_util::sync::CancellationToken;

use engine::chain;

use super::rounds::clusters_after;
use crate::{
    services::Services,
    store::{ClusterRecord, ClusterState},
};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// Evens out until it is told to end.
pub(crate) async fn run(services: Arc<Services>, until: CancellationToken) {
    while let Some(clusters) = clusters_after(&services, INTERVAL, &until).await {
        for cluster in clusters.iter().filter(|cluster| is_due(&services, cluster)) {
            match services.engine.rebalance(cluster.uuid).await {
                Ok(0) => (),
                Ok(moving) => tracing::info!(cluster = %cluster.arn, moving, "partitions are evened out"),
                Err(error) => tracing::warn!(cluster = %cluster.arn, error = chain(&error), "cluster stays uneven"),
            }
        }
    }
}

/// It is to keep itself even, nothing is being changed, and nothing is broken: what is missing comes back by itself, and
/// moving data away from it would be for nothing.
fn is_due(services: &Services, cluster: &ClusterRecord) -> bool {
    let rebalancing = cluster.settings.rebalancing.as_ref();
    let wanted = rebalancing.is_some_and(|rebalancing| rebalancing.status == "ACTIVE");
    wanted
        && cluster.state == ClusterState::Active
        && services.observation(cluster.uuid).is_some_and(|seen| {
            seen.problem.is_none() && seen.brokers.iter().all(|broker| broker.state == BrokerState::Running)
        })
}
