//! A meter as Kafka has them: a count, and its rate averaged over one, five and fifteen minutes with exponentially
//! falling weights, as Unix does with its load.

use std::sync::atomic::{AtomicU64, Ordering};

use super::metrics::TICK;

/// Minutes that the three rates are averaged over.
const MINUTES: [f64; 3] = [1.0, 5.0, 15.0];

/// See the module.
#[derive(Debug)]
pub(crate) struct Meter {
    count: AtomicU64,
    /// The count at the last tick.
    ticked: AtomicU64,
    /// Events a second, as bits; not a number before the first tick.
    rates: [AtomicU64; 3],
    begun_ms: i64,
}

/// What a meter shows; rates are events a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rates {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) one_minute: f64,
    pub(crate) five_minutes: f64,
    pub(crate) fifteen_minutes: f64,
}

impl Meter {
    /// A meter that begins `now_ms` after its broker.
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            count: AtomicU64::new(0),
            ticked: AtomicU64::new(0),
            rates: std::array::from_fn(|_| AtomicU64::new(f64::NAN.to_bits())),
            begun_ms: now_ms,
        }
    }

    /// Counts `events`.
    pub(crate) fn mark(&self, events: u64) {
        self.count.fetch_add(events, Ordering::Relaxed);
    }

    /// How many there have been.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes the events since the last tick into the averages; called every [`TICK`], by one thread at a time.
    pub(crate) fn tick(&self) {
        let count = self.count();
        let news = count.saturating_sub(self.ticked.swap(count, Ordering::Relaxed));
        let current = news as f64 / TICK.as_secs_f64();
        for (rate, minutes) in self.rates.iter().zip(MINUTES) {
            let before = f64::from_bits(rate.load(Ordering::Relaxed));
            let weight = 1.0 - (-TICK.as_secs_f64() / 60.0 / minutes).exp();
            let after = if before.is_nan() {
                current
            } else {
                before + weight * (current - before)
            };
            rate.store(after.to_bits(), Ordering::Relaxed);
        }
    }

    /// What it shows at `now_ms`.
    pub(crate) fn rates(&self, now_ms: i64) -> Rates {
        let rate = |index: usize| {
            let rate = f64::from_bits(self.rates[index].load(Ordering::Relaxed));
            if rate.is_nan() { 0.0 } else { rate }
        };
        let count = self.count();
        let seconds = now_ms.saturating_sub(self.begun_ms).max(1) as f64 / 1000.0;
        Rates {
            count,
            mean: count as f64 / seconds,
            one_minute: rate(0),
            five_minutes: rate(1),
            fifteen_minutes: rate(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_load() {
        let meter = Meter::new(1_000);
        assert_eq!(
            meter.rates(1_000).one_minute,
            0.0,
            "nothing is known before the first tick"
        );
        meter.mark(500);
        meter.tick();
        let first = meter.rates(6_000);
        assert_eq!((first.count, first.mean), (500, 100.0));
        assert_eq!((first.one_minute, first.fifteen_minutes), (100.0, 100.0));
        // A minute of silence: the average of the last minute falls to 1/e, the longer ones fall less.
        for _ in 0..12 {
            meter.tick();
        }
        let later = meter.rates(66_000);
        assert!(
            (later.one_minute - 100.0 / std::f64::consts::E).abs() < 0.01,
            "{later:?}"
        );
        assert!(later.one_minute < later.five_minutes && later.five_minutes < later.fifteen_minutes);
    }
}
