//! Renews certificates of brokers in good time: an engine is asked again and again to replace those that end before long,
//! which brokers take up without a restart. What fails is tried again, and told: in the log each time, and in the state of the
//! cluster once little time is left (`queries/health.rs`).

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use engine::chain;

use super::rounds::clusters_after;
use crate::{services::Services, store::ClusterState};

/// How often it looks. There are months left for what fails.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Renews until it is told to end. What ends while no control plane runs is renewed when the next one starts, which makes
/// every cluster what it should be.
pub(crate) async fn run(services: Arc<Services>, until: CancellationToken) {
    while let Some(clusters) = clusters_after(&services, INTERVAL, &until).await {
        // One that is being changed is looked at next time.
        for cluster in clusters.iter().filter(|it| it.state == ClusterState::Active) {
            match services.engine.renew_certificates(cluster.uuid).await {
                Ok(0) => (),
                Ok(renewed) => tracing::info!(cluster = %cluster.arn, renewed, "certificates were renewed"),
                Err(error) => {
                    tracing::warn!(cluster = %cluster.arn, error = chain(&error), "certificates cannot be renewed");
                }
            }
        }
    }
}
