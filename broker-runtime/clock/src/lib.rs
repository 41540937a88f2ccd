//! The only reader of time. Everything else is handed a [`Clock`]; tests and simulations hand in a [`ManualClock`].

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

/// Tells the time, in two ways: deadlines are counted on the one that never jumps, records carry the one people read.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Wall clock: milliseconds since 1970-01-01T00:00:00Z. May jump.
    fn now_ms(&self) -> i64;

    /// Monotonic clock: time since an arbitrary moment, the same one for all readers of this clock.
    fn monotonic(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Clone, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// The same, shared.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<ManualState>,
}

#[derive(Debug)]
struct ManualState {
    now_ms: i64,
    monotonic: Duration,
}

impl ManualClock {
    /// A clock that shows this time; its monotonic time is zero.
    pub fn at_ms(now_ms: i64) -> Self {
        Self {
            state: Mutex::new(ManualState {
                now_ms,
                monotonic: Duration::ZERO,
            }),
        }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock();
        state.monotonic += by;
        state.now_ms = state
            .now_ms
            .saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Sets the wall clock, as an operator or NTP does; the monotonic clock does not notice.
    pub fn set_ms(&self, now_ms: i64) {
        self.state.lock().now_ms = now_ms;
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.state.lock().now_ms
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().monotonic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_advances_and_knows_the_century() {
        let clock = SystemClock::new();
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
        assert!(clock.now_ms() > 1_700_000_000_000);
    }

    #[test]
    fn manual_clock_moves_only_when_told() {
        let clock = ManualClock::at_ms(1_000);
        assert_eq!((clock.now_ms(), clock.monotonic()), (1_000, Duration::ZERO));
        clock.advance(Duration::from_millis(5));
        assert_eq!((clock.now_ms(), clock.monotonic()), (1_005, Duration::from_millis(5)));
        clock.set_ms(7);
        assert_eq!((clock.now_ms(), clock.monotonic()), (7, Duration::from_millis(5)));
    }
}
