//! The only reader of time. Everything else is given a [`Clock`], so that a test can hold time still and move it by hand.
//!
//! Timers of sockets and requests may use tokio's own; what is written to disk, compared with a retention period or
//! reported to a client comes from here.

mod manual;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

pub use manual::ManualClock;

/// What [`Clock::sleep`] gives back.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z, as in Kafka's record timestamps. May jump when the system time is set.
    fn now_ms(&self) -> i64;

    /// A point in time that never goes back; only differences mean something.
    fn monotonic(&self) -> Instant;

    /// Milliseconds of [`Clock::monotonic`] since some moment in the life of this process.
    fn monotonic_ms(&self) -> i64 {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let now = self.monotonic();
        let elapsed = now.saturating_duration_since(*ORIGIN.get_or_init(|| now));
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    }

    /// Completes once `duration` has passed. Has to be awaited inside of a tokio runtime.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The time of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since_epoch = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since_epoch) => since_epoch,
            // A machine whose clock stands before 1970 is treated as if it were 1970.
            Err(_) => Duration::ZERO,
        };
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_is_after_2024_and_does_not_go_back() {
        let clock = SystemClock;
        assert!(clock.now_ms() > 1_704_067_200_000);
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }

    #[tokio::test]
    async fn system_clock_sleeps_at_least_as_long_as_asked() {
        let clock = SystemClock;
        let start = clock.monotonic();
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.monotonic() - start >= Duration::from_millis(5));
    }
}
