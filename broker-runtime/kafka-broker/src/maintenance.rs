//! What a broker does from time to time: checkpoints, retention, flushes by age, and the search for followers that have fallen behind.
//! Compaction has a [`cleaner`].

use std::{sync::Arc, time::Duration};

use kafka_log::Checkpoint;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{broker::Broker, cleaner, metrics::keep_reporting};

/// Followers are looked at this often, or more often where `replica.lag.time.max.ms` is small.
const ISR_REVIEW_INTERVAL: Duration = Duration::from_secs(1);

/// Logs are searched this often for records that have become too old to stay unflushed, and for those that there was no room for.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Logs are measured this often where a volume has a declared size.
const VOLUME_INTERVAL: Duration = Duration::from_secs(1);

/// Files of what was deleted are looked at this often.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the tasks; they end with the broker.
pub(crate) fn start(broker: &Arc<Broker>, tasks: &TaskTracker) {
    let lag = Duration::from_millis(u64::try_from(broker.settings.replica_lag_time_max_ms).unwrap_or(0));
    let review = (lag / 2).clamp(Duration::from_millis(10), ISR_REVIEW_INTERVAL);
    let retention = Duration::from_millis(broker.settings.retention_check_interval_ms.max(100));
    tasks.spawn(every(review, Arc::clone(broker), |broker| {
        broker
            .partitions
            .all()
            .iter()
            .for_each(|partition| partition.review_isr());
    }));
    tasks.spawn(every(FLUSH_INTERVAL, Arc::clone(broker), |broker| {
        broker
            .partitions
            .all()
            .iter()
            .for_each(|partition| partition.flush_if_due());
    }));
    tasks.spawn(every(VOLUME_INTERVAL, Arc::clone(broker), measure_volume));
    let settings = &broker.settings;
    for (checkpoint, interval_ms) in [
        (
            Checkpoint::HighWatermarks,
            settings.high_watermark_checkpoint_interval_ms,
        ),
        (
            Checkpoint::RecoveryPoints,
            settings.recovery_point_checkpoint_interval_ms,
        ),
        (Checkpoint::LogStartOffsets, settings.log_start_checkpoint_interval_ms),
    ] {
        let interval = Duration::from_millis(interval_ms.max(100));
        tasks.spawn(every(interval, Arc::clone(broker), move |broker| {
            broker.store.checkpoint(checkpoint);
        }));
    }
    tasks.spawn(every(retention, Arc::clone(broker), apply_retention));
    tasks.spawn(every(REMOVAL_INTERVAL, Arc::clone(broker), |broker| {
        broker.store.remove_deleted(broker.clock.now_ms());
    }));
    if broker.settings.cleaner_enable {
        tasks.spawn(cleaner::keep_compacting(Arc::clone(broker)));
    } else {
        warn!("log.cleaner.enable is false: compacted topics grow without bound");
    }
    tasks.spawn(keep_reporting(Arc::clone(broker)));
}

/// Tells the volume how large the logs are now.
pub(crate) fn measure_volume(broker: &Broker) {
    if broker.volume.is_limited() {
        let logs = broker.partitions.all();
        broker.volume.measured(logs.iter().map(|it| it.size_in_bytes()).sum());
    }
}

/// Does `work`, which may block, at every `period`.
async fn every(period: Duration, broker: Arc<Broker>, work: impl Fn(&Broker) + Copy + Send + 'static) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = broker.shutdown.cancelled() => return,
        }
        let broker = Arc::clone(&broker);
        if let Err(error) = tokio::task::spawn_blocking(move || work(&broker)).await {
            warn!(%error, "maintenance failed");
        }
    }
}

fn apply_retention(broker: &Broker) {
    let now_ms = broker.clock.now_ms();
    for partition in broker.partitions.all() {
        match partition.apply_retention(now_ms) {
            Ok(0) => {}
            Ok(segments) => info!(?partition, segments, "segments deleted by retention"),
            Err(error) => warn!(?partition, %error, "retention failed"),
        }
    }
}
