//! Delivery of the logs of a cluster's brokers: from time to time, after a change, and before a log goes away.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{Cluster, Description, Layout, running::blocking};
use crate::log_delivery::{self, Source};

/// Nobody waits longer for a delivery; it goes on.
const LIMIT: Duration = Duration::from_secs(30);

impl Cluster {
    /// Delivers the logs from time to time, until the cluster is closed.
    pub(super) fn keep_delivering(self: &Arc<Self>) {
        let (cluster, closed) = (Arc::downgrade(self), self.closed.clone());
        let mut ticks = interval(self.settings.log_delivery_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::spawn(async move {
            // The first one comes at once.
            ticks.tick().await;
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = closed.cancelled() => return,
                }
                let Some(cluster) = cluster.upgrade() else {
                    return;
                };
                cluster.deliver_logs().await;
            }
        });
    }

    /// Delivers what has not been delivered of the logs of all brokers that there are, if they are to be delivered.
    pub(super) async fn deliver_logs(&self) {
        let delivering = Arc::clone(&self.delivering).lock_owned().await;
        let description = self.description();
        let (layout, now_ms) = (self.layout.clone(), self.settings.clock.now_ms());
        let delivered = blocking(move || {
            deliver_all(&layout, &description, now_ms);
            drop(delivering);
            Ok(())
        });
        match tokio::time::timeout(LIMIT, delivered).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %engine::chain(&error), "logs were not delivered"),
            Err(_) => tracing::warn!(cluster = %self.layout.root().display(), "the delivery of logs takes very long"),
        }
    }
}

/// Delivers the logs of a cluster. What cannot be delivered is told in our log, and tried again the next time.
pub(super) fn deliver_all(layout: &Layout, description: &Description, now_ms: i64) {
    let Some(target) = &description.log_delivery else {
        return;
    };
    let cluster = layout.root().display();
    match layout.broker_ids() {
        Ok(ids) => ids.into_iter().for_each(|id| deliver_of(layout, id, target, now_ms)),
        Err(error) => tracing::warn!(%cluster, error = %engine::chain(&error), "logs were not delivered"),
    }
}

fn deliver_of(layout: &Layout, broker_id: i32, target: &Path, now_ms: i64) {
    let files = layout.broker(broker_id);
    let source = Source {
        broker_id,
        log: files.log(),
        state: files.delivered(),
    };
    if let Err(error) = log_delivery::deliver(&source, target, now_ms) {
        let cluster = layout.root().display();
        tracing::warn!(%cluster, broker_id, error = %engine::chain(&error), "the log of a broker was not delivered");
    }
}
