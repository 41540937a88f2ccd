//! The records that a fetch asks for: read at once, or waited for.

use std::{sync::Arc, time::Duration};

use kafka_codec::{ErrorCode, StrBytes};
use kafka_metadata::{BrokerEpoch, BrokerId};
use parking_lot::Mutex;

use crate::{
    broker::Broker,
    partition::{FetchWaiter, Partition, PartitionError, ReadBound, ReadRequest, ReadResult},
    replication::{FetchSession, FetchWish, Reasons},
    response::partition_error_code,
};

/// First version in which a consumer says where it is, and may read from followers.
pub(super) const RACK_VERSION: i16 = 11;

/// First version that can say where logs diverge.
const DIVERGENCE_VERSION: i16 = 12;

/// Who fetches and within which limits.
#[derive(Clone, Copy)]
pub(super) struct Fetcher {
    /// The follower and its registration.
    pub(super) follower: Option<(BrokerId, Option<BrokerEpoch>)>,
    pub(super) min_bytes: usize,
    pub(super) max_bytes: usize,
    pub(super) max_wait: Duration,
    /// How far a consumer sees.
    pub(super) consumer_bound: ReadBound,
    pub(super) version: i16,
    /// The follower is told of a new high watermark at once: consumers read from it.
    pub(super) wants_high_watermark: bool,
}

impl Fetcher {
    pub(super) fn bound(&self) -> ReadBound {
        if self.follower.is_some() {
            ReadBound::LogEnd
        } else {
            self.consumer_bound
        }
    }
}

/// A wish and the partition it is for.
pub(super) struct Target {
    pub(super) wish: FetchWish,
    pub(super) name: StrBytes,
    pub(super) partition: Result<Arc<Partition>, ErrorCode>,
    /// Where the consumer is to read instead.
    pub(super) preferred_replica: Option<BrokerId>,
    /// Why it may be held back: it is for a replica that catches up.
    pub(super) throttled: Reasons,
}

impl Target {
    /// Notes whether it is for a replica that catches up at a throttled rate. `moves` while the engine is moving data.
    pub(super) fn throttle(mut self, fetcher: Fetcher, moves: bool) -> Self {
        if let (Ok(partition), Some((follower, _))) = (&self.partition, fetcher.follower) {
            self.throttled = partition.throttled_for(follower, moves);
        }
        self
    }

    /// Sends the consumer to a replica among these brokers, if there is one.
    pub(super) fn prefer(mut self, near: &[BrokerId]) -> Self {
        if let Ok(partition) = &self.partition
            && !near.is_empty()
        {
            self.preferred_replica = partition.closest_replica(near, self.wish.fetch_offset);
        }
        self
    }
}

/// What was found for a target.
pub(super) type Found = Result<ReadResult, ErrorCode>;

/// Reads, and waits for more if that is too little.
pub(super) async fn gather(
    broker: &Broker,
    fetcher: Fetcher,
    targets: &[Target],
    session: Option<&Arc<Mutex<FetchSession>>>,
) -> Vec<Found> {
    let read = |mut fetcher: Fetcher, targets: &[Target]| {
        if fetcher.follower.is_none() {
            // What slow readers hold on to is not there for others: they get less at a time.
            fetcher.max_bytes = fetcher.max_bytes.min(broker.reply_memory.room());
        }
        let held_back = if targets.iter().any(|target| target.throttled.any()) {
            broker.throttles.leader.exceeded(broker.uptime_ms())
        } else {
            Reasons::default()
        };
        let (found, enough) = read(fetcher, targets, held_back);
        let enough = enough || (fetcher.wants_high_watermark && has_new_high_watermark(targets, session));
        (found, enough)
    };
    let deadline = broker.clock.monotonic() + fetcher.max_wait;
    let (found, enough) = read(fetcher, targets);
    if enough || fetcher.max_wait.is_zero() || targets.is_empty() {
        return found;
    }
    loop {
        let waiter = Arc::new(FetchWaiter::default());
        for partition in targets.iter().filter_map(|target| target.partition.as_ref().ok()) {
            partition.wake_on_news(fetcher.bound(), &waiter);
            if fetcher.wants_high_watermark {
                partition.wake_on_news(ReadBound::HighWatermark, &waiter);
            }
        }
        // Read again: something may have come before we stood in line.
        let (found, enough) = read(fetcher, targets);
        let left = deadline.saturating_duration_since(broker.clock.monotonic());
        if enough || left.is_zero() {
            return found;
        }
        let woken = tokio::select! {
            woken = tokio::time::timeout(left, waiter.woken()) => woken.is_ok(),
            () = broker.shutdown.cancelled() => false,
        };
        if !woken {
            return found;
        }
    }
}

/// True when the follower was told of a lower high watermark than there is.
fn has_new_high_watermark(targets: &[Target], session: Option<&Arc<Mutex<FetchSession>>>) -> bool {
    let Some(session) = session.map(|session| session.lock()) else {
        return false;
    };
    targets.iter().any(|target| {
        let told = session.told_high_watermark(&(target.wish.topic.clone(), target.wish.partition));
        let current = target.partition.as_ref().map(|partition| partition.high_watermark());
        told.zip(current.ok()).is_some_and(|(told, current)| told < current)
    })
}

/// Reads all targets in their order, nothing of those that are held back; true when the answer need not wait.
fn read(fetcher: Fetcher, targets: &[Target], held_back: Reasons) -> (Vec<Found>, bool) {
    let mut total = 0;
    let mut urgent = false;
    let found = targets
        .iter()
        .map(|target| {
            let found = read_one(fetcher, target, total, target.throttled.meets(held_back));
            match &found {
                Ok(result) => {
                    total += result.records.len();
                    urgent |= result.divergence.is_some() || result.preferred_replica.is_some();
                }
                Err(_) => urgent = true,
            }
            found
        })
        .collect();
    (found, urgent || total >= fetcher.min_bytes)
}

fn read_one(fetcher: Fetcher, target: &Target, total: usize, held_back: bool) -> Found {
    let partition = target.partition.as_ref().map_err(|code| *code)?;
    if let Some(replica) = target.preferred_replica {
        return Ok(partition.send_to(replica));
    }
    let left = if held_back {
        0
    } else {
        fetcher.max_bytes.saturating_sub(total)
    };
    let request = ReadRequest {
        offset: target.wish.fetch_offset,
        max_bytes: target.wish.partition_max_bytes.min(left),
        at_least_one: total == 0 && !held_back,
        bound: fetcher.bound(),
        current_leader_epoch: target.wish.current_leader_epoch,
        last_fetched_epoch: if fetcher.version >= DIVERGENCE_VERSION {
            target.wish.last_fetched_epoch
        } else {
            -1
        },
        from_any_replica: fetcher.follower.is_none() && fetcher.version >= RACK_VERSION,
    };
    partition.fetch(request).map_err(|error| {
        if !matches!(error, PartitionError::NotLeader { .. }) {
            tracing::debug!(topic = %target.name, partition = target.wish.partition, %error, "fetch refused");
        }
        partition_error_code(&error)
    })
}
