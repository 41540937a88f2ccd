//! How fast replicas come that are on their way: slowly enough for clients to keep their latency, but not so slowly that those
//! who write are faster. Whoever cannot be caught up with makes the rate grow.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kafka_metadata::BrokerId;

/// Bytes a second that a broker sends and receives at first: enough to fill a disk in hours.
const FIRST_RATE: u64 = 64 * 1024 * 1024;
/// From one look to the next.
const LOOK: Duration = Duration::from_secs(2);
/// A replica that is so close has other reasons not to be in sync yet.
const CLOSE_BYTES: u64 = 1 << 20;

/// How many bytes each new replica of each partition lacks.
pub(super) type Behind = BTreeMap<(String, i32, BrokerId), u64>;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct MovingRate {
    bytes_per_second: u64,
    last: Option<(Instant, Behind)>,
}

impl Default for MovingRate {
    fn default() -> Self {
        Self {
            bytes_per_second: FIRST_RATE,
            last: None,
        }
    }
}

impl MovingRate {
    /// Whether enough time has passed since the last look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let last = self.last.as_ref();
        last.is_none_or(|(then, _)| now.saturating_duration_since(*then) >= LOOK)
    }

    /// The rate that holds.
    pub(super) fn bytes_per_second(&self) -> u64 {
        self.bytes_per_second
    }

    /// Takes in how far replicas are behind; twice the rate when one of them has not come closer.
    pub(super) fn look(&mut self, now: Instant, behind: Behind) {
        let stuck = self.last.as_ref().is_some_and(|(_, before)| {
            behind.iter().any(|(replica, bytes)| {
                *bytes > CLOSE_BYTES && before.get(replica).is_some_and(|before| bytes >= before)
            })
        });
        if stuck {
            self.bytes_per_second = self.bytes_per_second.saturating_mul(2);
        }
        self.last = Some((now, behind));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(bytes: u64) -> Behind {
        BTreeMap::from([(("t".to_owned(), 0, BrokerId(2)), bytes)])
    }

    #[test]
    fn rate_grows_for_who_does_not_come_closer() {
        let (mut rate, begun) = (MovingRate::default(), Instant::now());
        assert!(rate.is_due(begun));
        rate.look(begun, behind(500 << 20));
        assert!(!rate.is_due(begun + LOOK / 2) && rate.is_due(begun + LOOK));
        rate.look(begun + LOOK, behind(400 << 20));
        assert_eq!(rate.bytes_per_second(), FIRST_RATE, "it comes closer");
        rate.look(begun + LOOK * 2, behind(450 << 20));
        assert_eq!(
            rate.bytes_per_second(),
            2 * FIRST_RATE,
            "others write faster than it reads"
        );
        rate.look(begun + LOOK * 3, Behind::new());
        rate.look(begun + LOOK * 4, behind(600 << 20));
        assert_eq!(rate.bytes_per_second(), 2 * FIRST_RATE, "that one has just begun");
        rate.look(begun + LOOK * 5, behind(CLOSE_BYTES));
        rate.look(begun + LOOK * 6, behind(CLOSE_BYTES));
        assert_eq!(rate.bytes_per_second(), 2 * FIRST_RATE, "it is nearly there");
    }
}
