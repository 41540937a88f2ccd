//! Replication throttles (KIP-73): how many bytes a second a broker sends to, and receives for, replicas that are catching up.
//! Replicas that are in sync are never held back. A rate holds for the replicas that topics name
//! (`leader.replication.throttled.replicas` and `follower.…`), as `kafka-reassign-partitions --throttle` sets them.
//!
//! Replicas that a reassignment is bringing are held back as well while the engine moves data by itself
//! ([`MOVING_BYTES_PER_SECOND`]), so that clients keep their latency.
//!
//! What is over a rate waits: the leader answers without records of such a replica, the follower leaves it out of its
//! requests, until the average over `replication.quota.window.num` samples is below the rate again.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use kafka_metadata::{
    BrokerId, MetadataImage,
    instructions::{self, MOVING_BYTES_PER_SECOND},
};
use parking_lot::Mutex;
use server_properties::list_entries;

use crate::{
    coordinator::number,
    quotas::{Meter, Window},
    settings::dynamic_number,
};

/// What names all replicas of a topic.
const ALL: &str = "*";

/// Replicas of a topic that are throttled on one broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ThrottledReplicas {
    /// None of them.
    #[default]
    None,
    /// All of them.
    All,
    /// Those of these partitions.
    Of(Vec<i32>),
}

impl ThrottledReplicas {
    /// What the property says of the replicas on `broker_id`.
    pub(crate) fn read(text: &str, broker_id: BrokerId) -> Self {
        if list_entries(text).any(|entry| entry == ALL) {
            return Self::All;
        }
        let here = list_entries(text).filter_map(|entry| {
            let (partition, broker) = entry.split_once(':')?;
            let broker: i32 = broker.trim().parse().ok()?;
            (broker == broker_id.0).then(|| partition.trim().parse().ok()).flatten()
        });
        let here: Vec<i32> = here.collect();
        if here.is_empty() { Self::None } else { Self::Of(here) }
    }

    /// True when the replica of this partition is among them.
    pub(crate) fn has(&self, partition: i32) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(partitions) => partitions.contains(&partition),
        }
    }
}

/// A rate, and what was used of it.
#[derive(Debug)]
pub(crate) struct Throttle {
    bytes_per_second: AtomicU64,
    window: Window,
    meter: Mutex<Meter>,
}

impl Throttle {
    fn new(window: Window) -> Self {
        Self {
            bytes_per_second: AtomicU64::new(u64::MAX),
            window,
            meter: Mutex::default(),
        }
    }

    /// Counts what was sent or received.
    pub(crate) fn record(&self, bytes: usize, now_ms: i64) {
        if bytes > 0 {
            self.meter.lock().record(bytes as f64, now_ms, self.window);
        }
    }

    /// True while more was used than the rate allows.
    pub(crate) fn is_exceeded(&self, now_ms: i64) -> bool {
        match self.bytes_per_second.load(Ordering::Relaxed) {
            // What nobody bounds need not be looked at.
            u64::MAX => false,
            0 => true,
            rate => self.meter.lock().throttle_ms(rate as f64, now_ms, self.window) > 0,
        }
    }
}

/// Why a replica that is not in sync is held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reasons {
    /// Its topic names it.
    pub(crate) named: bool,
    /// The engine is moving it.
    pub(crate) moving: bool,
}

impl Reasons {
    /// True when there is one.
    pub(crate) fn any(self) -> bool {
        self.named || self.moving
    }
}

/// One direction: what a broker sends, or what it receives.
#[derive(Debug)]
pub(crate) struct Direction {
    named: Throttle,
    moving: Throttle,
}

impl Direction {
    fn new(window: Window) -> Self {
        Self {
            named: Throttle::new(window),
            moving: Throttle::new(window),
        }
    }

    /// For which reasons replicas have to wait now.
    pub(crate) fn exceeded(&self, now_ms: i64) -> Reasons {
        Reasons {
            named: self.named.is_exceeded(now_ms),
            moving: self.moving.is_exceeded(now_ms),
        }
    }

    /// Counts what was sent to, or received for, a replica.
    pub(crate) fn record(&self, reasons: Reasons, bytes: usize, now_ms: i64) {
        if reasons.named {
            self.named.record(bytes, now_ms);
        }
        if reasons.moving {
            self.moving.record(bytes, now_ms);
        }
    }
}

impl Reasons {
    /// True when a replica with these reasons has to wait for these.
    pub(crate) fn meets(self, exceeded: Self) -> bool {
        self.named && exceeded.named || self.moving && exceeded.moving
    }
}

/// The throttles of a broker.
#[derive(Debug)]
pub(crate) struct ReplicationThrottles {
    /// What it sends: `leader.replication.throttled.rate`.
    pub(crate) leader: Direction,
    /// What it receives: `follower.replication.throttled.rate`.
    pub(crate) follower: Direction,
    /// The engine is moving data.
    moves: AtomicBool,
}

impl ReplicationThrottles {
    /// With the samples that `properties` say, the static server properties. There is no rate until [`Self::configure`].
    pub(crate) fn new(properties: &BTreeMap<String, String>) -> Self {
        let seconds: i64 = number(properties, "replication.quota.window.size.seconds", 1);
        let window = Window {
            samples: number(properties, "replication.quota.window.num", 11),
            sample_ms: seconds.saturating_mul(1_000),
        };
        Self {
            leader: Direction::new(window),
            follower: Direction::new(window),
            moves: AtomicBool::new(false),
        }
    }

    /// True while the engine is moving data.
    pub(crate) fn moves(&self) -> bool {
        self.moves.load(Ordering::Relaxed)
    }

    /// Takes the rates that hold for this broker now.
    pub(crate) fn configure(&self, image: &MetadataImage, broker_id: BrokerId, properties: &BTreeMap<String, String>) {
        let moving = instructions::number(image, MOVING_BYTES_PER_SECOND);
        self.moves.store(moving.is_some(), Ordering::Relaxed);
        for throttle in [&self.leader.moving, &self.follower.moving] {
            throttle
                .bytes_per_second
                .store(moving.unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        for (throttle, name) in [
            (&self.leader.named, "leader.replication.throttled.rate"),
            (&self.follower.named, "follower.replication.throttled.rate"),
        ] {
            let rate = dynamic_number(image, broker_id, properties, name);
            let rate = rate.filter(|rate| *rate != i64::MAX).map(u64::try_from);
            let rate = rate.and_then(Result::ok).unwrap_or(u64::MAX);
            throttle.bytes_per_second.store(rate, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_metadata::ConfigResource;

    use super::*;

    #[test]
    fn replicas_are_named_by_partition_and_broker() {
        let read = |text| ThrottledReplicas::read(text, BrokerId(2));
        assert_eq!(read(""), ThrottledReplicas::None);
        assert_eq!(read("0:1,1:3"), ThrottledReplicas::None);
        assert!(read("*").has(7));
        let some = read("0:2, 3:2,1:1");
        assert!(some.has(0) && some.has(3) && !some.has(1) && !some.has(2));
    }

    const NAMED: Reasons = Reasons {
        named: true,
        moving: false,
    };

    #[test]
    fn a_rate_holds_on_average_and_until_it_is_taken_away() {
        let throttles = ReplicationThrottles::new(&BTreeMap::new());
        throttles.leader.record(NAMED, 1 << 30, 0);
        assert!(!throttles.leader.exceeded(0).named, "nobody has set a rate");
        let mut image = MetadataImage::default();
        let rate = |rate: &str| BTreeMap::from([("leader.replication.throttled.rate".to_owned(), rate.to_owned())]);
        image
            .configs
            .insert_mut(ConfigResource::Broker(BrokerId(1)), rate("1000"));
        throttles.configure(&image, BrokerId(2), &BTreeMap::new());
        assert!(!throttles.leader.exceeded(0).named, "it is another broker's");
        throttles.configure(&image, BrokerId(1), &BTreeMap::new());
        assert!(throttles.leader.exceeded(0).named);
        assert!(!throttles.follower.exceeded(0).named, "only the other way is bounded");
        assert!(!throttles.leader.exceeded(11_000).named, "it is long ago");
        let mut sent = 0_usize;
        for tick in 0..600 {
            let now_ms = 20_000 + tick * 100;
            if !throttles.leader.exceeded(now_ms).named {
                throttles.leader.record(NAMED, 500, now_ms);
                sent += 500;
            }
        }
        assert!((55_000..=75_000).contains(&sent), "{sent} bytes in a minute");
        image.configs.insert_mut(ConfigResource::Broker(BrokerId(1)), rate("0"));
        throttles.configure(&image, BrokerId(1), &BTreeMap::new());
        assert!(throttles.leader.exceeded(1_000_000).named, "nothing at all");
    }

    #[test]
    fn what_the_engine_moves_is_held_back_by_a_rate_of_its_own() {
        let throttles = ReplicationThrottles::new(&BTreeMap::new());
        let mut image = MetadataImage::default();
        let told = BTreeMap::from([(MOVING_BYTES_PER_SECOND.to_owned(), "1000".to_owned())]);
        image.configs.insert_mut(ConfigResource::Brokers, told);
        throttles.configure(&image, BrokerId(1), &BTreeMap::new());
        let moving = Reasons {
            named: false,
            moving: true,
        };
        throttles.follower.record(moving, 1_000_000, 0);
        let exceeded = throttles.follower.exceeded(0);
        assert!(throttles.moves() && moving.meets(exceeded) && !NAMED.meets(exceeded));
        throttles.configure(&MetadataImage::default(), BrokerId(1), &BTreeMap::new());
        assert!(!throttles.moves() && !throttles.follower.exceeded(0).any());
    }
}
