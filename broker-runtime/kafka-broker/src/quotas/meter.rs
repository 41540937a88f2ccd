//! A rate over the last seconds, in samples, as Kafka's `Rate` measures it.

use std::collections::VecDeque;

/// How long is looked back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// `quota.window.num`
    pub(crate) samples: usize,
    /// `quota.window.size.seconds`, in milliseconds.
    pub(crate) sample_ms: i64,
}

impl Window {
    fn whole_ms(self) -> i64 {
        i64::try_from(self.samples)
            .unwrap_or(i64::MAX)
            .saturating_mul(self.sample_ms)
    }
}

/// What was used, lately.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// When a sample began, and what was used in it; the oldest first.
    samples: VecDeque<(i64, f64)>,
}

impl Meter {
    pub(crate) fn record(&mut self, amount: f64, now_ms: i64, window: Window) {
        self.forget(now_ms, window);
        match self.samples.back_mut() {
            Some((began_ms, used)) if now_ms - *began_ms < window.sample_ms => *used += amount,
            _ => self.samples.push_back((now_ms, amount)),
        }
    }

    /// How long to wait until no more than `limit` a second was used, in milliseconds.
    pub(crate) fn throttle_ms(&mut self, limit: f64, now_ms: i64, window: Window) -> i64 {
        self.forget(now_ms, window);
        let Some((oldest_ms, _)) = self.samples.front() else {
            return 0;
        };
        // A meter that has just begun is given credit for all samples but the current one.
        let least_ms = window.whole_ms() - window.sample_ms;
        let elapsed_ms = (now_ms - oldest_ms).max(least_ms) as f64;
        let used: f64 = self.samples.iter().map(|(_, used)| used).sum();
        let allowed = limit * elapsed_ms / 1_000.0;
        if used <= allowed {
            return 0;
        }
        ((used - allowed) / limit * 1_000.0).round() as i64
    }

    /// True when nothing was used in the whole window.
    pub(super) fn is_idle(&self, now_ms: i64, window: Window) -> bool {
        self.samples
            .back()
            .is_none_or(|(began_ms, _)| now_ms - began_ms >= window.whole_ms())
    }

    fn forget(&mut self, now_ms: i64, window: Window) {
        while self
            .samples
            .front()
            .is_some_and(|(began_ms, _)| now_ms - began_ms >= window.whole_ms())
        {
            self.samples.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        samples: 11,
        sample_ms: 1_000,
    };

    #[test]
    fn a_burst_is_allowed_and_what_is_beyond_is_paid_for() {
        let mut meter = Meter::default();
        meter.record(1_000.0, 0, WINDOW);
        assert_eq!(meter.throttle_ms(100.0, 0, WINDOW), 0, "ten seconds' worth");
        meter.record(50.0, 0, WINDOW);
        assert_eq!(meter.throttle_ms(100.0, 0, WINDOW), 500);
        assert_eq!(meter.throttle_ms(100.0, 10_500, WINDOW), 0, "it was waited for");
    }

    #[test]
    fn a_steady_rate_at_the_limit_is_never_throttled() {
        let mut meter = Meter::default();
        let mut throttled_ms = 0;
        for tick in 0..1_000 {
            meter.record(10.0, tick * 100, WINDOW);
            throttled_ms += meter.throttle_ms(101.0, tick * 100, WINDOW);
        }
        assert_eq!(throttled_ms, 0);
    }

    #[test]
    fn old_samples_are_forgotten() {
        let mut meter = Meter::default();
        meter.record(5_000.0, 0, WINDOW);
        assert!(meter.throttle_ms(100.0, 10_999, WINDOW) > 0);
        assert_eq!(meter.throttle_ms(100.0, 11_000, WINDOW), 0);
        assert!(meter.is_idle(11_000, WINDOW));
    }
}
