//! The cleaner compacts logs (Kafka's `LogCleaner`): looks at all of them, at as many at once as `log.cleaner.threads` says, and rests.
//! What it may take and how long it rests may change while it works.

use std::{collections::BTreeMap, str::FromStr, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use kafka_log::CleanerBuffers;
use tracing::{info, warn};

use crate::{
    broker::Broker,
    partition::Partition,
    settings::{dynamic_number, dynamic_text},
};

/// Pause of the cleaner, and its bounds here: it looks at every log.
const BACKOFF: &str = "log.cleaner.backoff.ms";
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// It looks this often whether the pause has become another one.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes a second that it may read and write. A log is compacted as a whole, and then it rests.
const RATE: &str = "log.cleaner.io.max.bytes.per.second";
/// Logs that are compacted at once; with 0 none is.
const THREADS: &str = "log.cleaner.threads";
/// How full Kafka lets its map of keys become.
const LOAD_FACTOR: f64 = 0.9;

/// Compacts, and rests for `log.cleaner.backoff.ms`.
pub(crate) async fn keep_compacting(broker: Arc<Broker>) {
    let mut rested = Duration::ZERO;
    loop {
        let pause = pause(&broker);
        if rested < pause {
            let next = (pause - rested).min(LOOK);
            tokio::select! {
                () = tokio::time::sleep(next) => rested += next,
                () = broker.shutdown.cancelled() => return,
            }
            continue;
        }
        rested = Duration::ZERO;
        let threads = threads(&broker);
        if threads == 0 {
            continue;
        }
        stream::iter(broker.partitions.all())
            .for_each_concurrent(threads, |partition| clean(&broker, partition, threads))
            .await;
    }
}

/// Compacts one log, and rests as long as the bound on bytes wants one of so many to.
async fn clean(broker: &Broker, partition: Arc<Partition>, threads: usize) {
    if broker.shutdown.is_cancelled() {
        return;
    }
    let now_ms = broker.clock.now_ms();
    let cleaned = tokio::task::spawn_blocking(move || compact(&partition, now_ms)).await;
    let moved = cleaned.unwrap_or_else(|error| {
        warn!(%error, "compaction failed");
        0
    });
    let rest = rest(moved, threads, rate(broker));
    if !rest.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = broker.shutdown.cancelled() => {}
        }
    }
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

fn threads(broker: &Broker) -> usize {
    let (image, id) = (broker.metadata.image(), broker.config.broker_id);
    let set = dynamic_number(&image, id, &broker.config.server_properties, THREADS);
    set.and_then(|set| usize::try_from(set).ok()).unwrap_or(1)
}

/// Bytes a second that the cleaner may read and write; `None` without a bound.
fn rate(broker: &Broker) -> Option<f64> {
    let (image, id) = (broker.metadata.image(), broker.config.broker_id);
    let rate = dynamic_text(&image, id, &broker.config.server_properties, RATE)?;
    rate.trim()
        .parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && *rate < f64::MAX)
}

/// How long one of so many threads rests after it has read and written so much.
fn rest(bytes: u64, threads: usize, rate: Option<f64>) -> Duration {
    let seconds = rate.map_or(0.0, |rate| bytes as f64 * threads as f64 / rate);
    Duration::try_from_secs_f64(seconds).unwrap_or(PAUSE_MAX)
}

fn pause(broker: &Broker) -> Duration {
    let (image, id) = (broker.metadata.image(), broker.config.broker_id);
    let pause = dynamic_number(&image, id, &broker.config.server_properties, BACKOFF);
    let pause = pause.and_then(|pause| u64::try_from(pause).ok());
    pause
        .map_or(PAUSE_MAX, Duration::from_millis)
        .clamp(PAUSE_MIN, PAUSE_MAX)
}

/// What one thread may take: its part of the buffers that the broker's properties give all of them, where they do. Kafka's own
/// defaults are for one large machine, and are not taken here.
pub(crate) fn buffers(broker: &BTreeMap<String, String>) -> CleanerBuffers {
    fn set<T: FromStr>(broker: &BTreeMap<String, String>, name: &str) -> Option<T> {
        broker.get(name)?.trim().parse().ok()
    }
    let threads = set(broker, THREADS).unwrap_or(1).max(1);
    let of_each = |name| set(broker, name).map(|bytes: usize| bytes / threads);
    let own = CleanerBuffers::default();
    let load = set(broker, "log.cleaner.io.buffer.load.factor").unwrap_or(LOAD_FACTOR);
    let keys_bytes = of_each("log.cleaner.dedupe.buffer.size").unwrap_or(own.keys_bytes);
    CleanerBuffers {
        keys_bytes: part(keys_bytes, load),
        // Half is for reading, half for writing.
        io_bytes: of_each("log.cleaner.io.buffer.size").map_or(own.io_bytes, |bytes| (bytes / 2).max(1)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of what there is"
)]
fn part(bytes: usize, factor: f64) -> usize {
    ((bytes as f64 * factor.clamp(0.0, 1.0)) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cleaner_rests_for_what_it_has_moved() {
        assert_eq!(rest(3_000_000, 1, Some(2_000_000.0)), Duration::from_millis(1_500));
        assert_eq!(rest(3_000_000, 2, Some(2_000_000.0)), Duration::from_secs(3));
        assert_eq!(rest(3_000_000, 1, None), Duration::ZERO);
        assert_eq!(rest(u64::MAX, 1, Some(1e-9)), PAUSE_MAX);
    }

    #[test]
    fn threads_share_what_is_set() {
        let buffers = |set: &[(&str, &str)]| {
            let set = set
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let CleanerBuffers { keys_bytes, io_bytes } = buffers(&set.collect());
            (keys_bytes, io_bytes)
        };
        assert_eq!(buffers(&[]), (7_549_747, 1 << 20));
        let dedupe = ("log.cleaner.dedupe.buffer.size", "10000000");
        let io = ("log.cleaner.io.buffer.size", "524288");
        assert_eq!(buffers(&[dedupe, io]), (9_000_000, 262_144));
        let load = ("log.cleaner.io.buffer.load.factor", "0.5");
        assert_eq!(buffers(&[dedupe, io, load, (THREADS, "4")]), (1_250_000, 65_536));
        assert_eq!(
            buffers(&[dedupe, ("log.cleaner.io.buffer.size", "0"), (THREADS, "0")]),
            (9_000_000, 1)
        );
    }
}
