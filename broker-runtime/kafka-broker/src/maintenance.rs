//! What a broker does from time to time: checkpoints, retention, compaction, flushes by age, and the search for followers that have
//! fallen behind.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{
    broker::Broker,
    metrics::keep_reporting,
    partition::Partition,
    settings::{dynamic_number, dynamic_text},
};

/// Followers are looked at this often, or more often where `replica.lag.time.max.ms` is small.
const ISR_REVIEW_INTERVAL: Duration = Duration::from_secs(1);

/// Logs are searched this often for records that have become too old to stay unflushed, and for those that there was no room for.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Logs are measured this often where a volume has a declared size.
const VOLUME_INTERVAL: Duration = Duration::from_secs(1);

/// Files of what was deleted are looked at this often.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(1);

/// Pause of the cleaner, and its bounds here: it looks at every log.
const CLEANER_BACKOFF: &str = "log.cleaner.backoff.ms";
/// Bytes a second that it may read and write. A log is compacted as a whole, and then it rests.
const CLEANER_RATE: &str = "log.cleaner.io.max.bytes.per.second";
const CLEANER_PAUSE_MIN: Duration = Duration::from_millis(100);
const CLEANER_PAUSE_MAX: Duration = Duration::from_secs(600);
/// It looks this often whether the pause has become another one.
const CLEANER_LOOK: Duration = Duration::from_secs(1);

/// Starts the tasks; they end with the broker.
pub(crate) fn start(broker: &Arc<Broker>, tasks: &TaskTracker) {
    let lag = Duration::from_millis(u64::try_from(broker.settings.replica_lag_time_max_ms).unwrap_or(0));
    let review = (lag / 2).clamp(Duration::from_millis(10), ISR_REVIEW_INTERVAL);
    let checkpoint = Duration::from_millis(broker.settings.high_watermark_checkpoint_interval_ms.max(100));
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
    tasks.spawn(every(checkpoint, Arc::clone(broker), |broker| {
        broker.store.checkpoint()
    }));
    tasks.spawn(every(retention, Arc::clone(broker), apply_retention));
    tasks.spawn(every(REMOVAL_INTERVAL, Arc::clone(broker), |broker| {
        broker.store.remove_deleted(broker.clock.now_ms());
    }));
    if broker.settings.cleaner_enable {
        tasks.spawn(keep_compacting(Arc::clone(broker)));
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

/// Compacts, and rests for `log.cleaner.backoff.ms`, which may become another one meanwhile.
async fn keep_compacting(broker: Arc<Broker>) {
    let mut rested = Duration::ZERO;
    loop {
        let pause = cleaner_pause(&broker);
        if rested < pause {
            let next = (pause - rested).min(CLEANER_LOOK);
            tokio::select! {
                () = tokio::time::sleep(next) => rested += next,
                () = broker.shutdown.cancelled() => return,
            }
            continue;
        }
        rested = Duration::ZERO;
        for partition in broker.partitions.all() {
            let (cleaning, now_ms) = (Arc::clone(&partition), broker.clock.now_ms());
            let cleaned = tokio::task::spawn_blocking(move || compact(&cleaning, now_ms)).await;
            let moved = cleaned.unwrap_or_else(|error| {
                warn!(?partition, %error, "compaction failed");
                0
            });
            if broker.shutdown.is_cancelled() {
                return;
            }
            let rest = cleaner_rest(moved, cleaner_rate(&broker));
            if !rest.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(rest) => {}
                    () = broker.shutdown.cancelled() => return,
                }
            }
        }
    }
}

/// Bytes a second that the cleaner may read and write; `None` without a bound.
fn cleaner_rate(broker: &Broker) -> Option<f64> {
    let (image, id) = (broker.metadata.image(), broker.config.broker_id);
    let rate = dynamic_text(&image, id, &broker.config.server_properties, CLEANER_RATE)?;
    rate.trim()
        .parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && *rate < f64::MAX)
}

/// How long the cleaner rests after it has read and written so much.
fn cleaner_rest(bytes: u64, rate: Option<f64>) -> Duration {
    let seconds = rate.map_or(0.0, |rate| bytes as f64 / rate);
    Duration::try_from_secs_f64(seconds).unwrap_or(CLEANER_PAUSE_MAX)
}

fn cleaner_pause(broker: &Broker) -> Duration {
    let (image, id) = (broker.metadata.image(), broker.config.broker_id);
    let pause = dynamic_number(&image, id, &broker.config.server_properties, CLEANER_BACKOFF);
    let pause = pause.and_then(|pause| u64::try_from(pause).ok());
    pause
        .map_or(CLEANER_PAUSE_MAX, Duration::from_millis)
        .clamp(CLEANER_PAUSE_MIN, CLEANER_PAUSE_MAX)
}

/// Compacts one log, and says how many bytes it has read and written for that.
fn compact(partition: &Partition, now_ms: i64) -> u64 {
    match partition.compact(now_ms) {
        Ok(Some(done)) if done.segments > 0 || done.bytes_merged > 0 => {
            info!(
                ?partition,
                segments = done.segments,
                bytes_before = done.bytes_before,
                bytes_after = done.bytes_after,
                bytes_merged = done.bytes_merged,
                "compacted"
            );
            // What is merged is read once and written once.
            done.bytes_before + done.bytes_after + 2 * done.bytes_merged
        }
        Ok(_) => 0,
        Err(error) => {
            warn!(?partition, %error, "compaction failed");
            0
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cleaner_rests_for_what_it_has_moved() {
        assert_eq!(cleaner_rest(3_000_000, Some(2_000_000.0)), Duration::from_millis(1_500));
        assert_eq!(cleaner_rest(3_000_000, None), Duration::ZERO);
        assert_eq!(cleaner_rest(u64::MAX, Some(1e-9)), CLEANER_PAUSE_MAX);
    }
}
