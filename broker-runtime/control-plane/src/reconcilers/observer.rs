//! Looks at clusters again and again, so that their reported state costs nothing to ask for and wakes whoever waits for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::{
    services::{Observation, Services},
    store::{ClusterRecord, ClusterState},
};
use engine::chain;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// It rests for this many times as long as the looking took: large clusters must not keep a core busy.
const REST_FACTOR: u32 = 20;
/// Longest rest: brokers that have to be waited for use no core.
const REST_MAX: Duration = Duration::from_secs(20);
/// Clusters that are looked at at the same time.
const AT_ONCE_MAX: usize = 16;

/// Observes until it is told to end.
pub(crate) async fn run(services: Arc<Services>, until: CancellationToken) {
    loop {
        let began = services.clock.monotonic();
        if let Err(error) = observe_all(&services).await {
            tracing::error!(error = chain(&error), "clusters cannot be observed");
        }
        let took = services.clock.monotonic().saturating_duration_since(began);
        tokio::select! {
            () = until.cancelled() => return,
            () = services.clock.sleep((took * REST_FACTOR).clamp(INTERVAL, REST_MAX)) => (),
        }
    }
}

async fn observe(services: &Services, cluster: &ClusterRecord) -> Observation {
    let seen_at = Some(services.clock.monotonic());
    match services.engine.observe(cluster.uuid).await {
        Ok(Some(observed)) => Observation {
            seen_at,
            brokers: observed.brokers,
            log_bytes: observed.log_bytes,
            counts: observed.counts,
            authority_expires_at_ms: observed.authority_expires_at_ms,
            problem: None,
        },
        Ok(None) => Observation {
            problem: Some("nothing of it is there".to_owned()),
            ..Observation::default()
        },
        Err(error) => Observation {
            problem: Some(chain(&error)),
            ..Observation::default()
        },
    }
}

async fn observe_all(services: &Services) -> Result<(), crate::store::StoreError> {
    let mut active: Vec<ClusterRecord> = services.store.all()?;
    active.retain(|cluster| cluster.state == ClusterState::Active);
    // One whose hosts are away must not keep the others from being looked at.
    let mut looks = futures::stream::iter(active)
        .map(|cluster| async move {
            let observation = observe(services, &cluster).await;
            (cluster, observation)
        })
        .buffer_unordered(AT_ONCE_MAX);
    let mut seen = BTreeMap::new();
    while let Some((cluster, observation)) = looks.next().await {
        // What was seen while an operation restarted brokers is not how the cluster is.
        if services.store.get::<ClusterRecord>(&cluster.uuid.to_string())?.as_ref() == Some(&cluster) {
            seen.insert(cluster.uuid, observation);
        }
    }
    let states = |all: &BTreeMap<uuid::Uuid, Observation>| -> BTreeSet<_> {
        let brokers = all
            .iter()
            .flat_map(|(uuid, seen)| seen.brokers.iter().map(move |broker| (*uuid, broker)));
        brokers
            .map(|(uuid, broker)| (uuid, broker.broker_id, format!("{:?}", broker.state)))
            .collect()
    };
    let after = states(&seen);
    let before = services.replace_observations(seen);
    if states(&before) != after {
        services.wake();
    }
    Ok(())
}
