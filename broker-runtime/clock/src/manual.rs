//! A clock that stands still until a test moves it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{Clock, Sleep};

/// A clock for tests. Clones share the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    start_ms: i64,
    elapsed: watch::Sender<Duration>,
}

impl ManualClock {
    /// A clock that shows `now_ms` (Unix time in milliseconds).
    pub fn new(now_ms: i64) -> Self {
        let shared = Shared {
            start: Instant::now(),
            start_ms: now_ms,
            elapsed: watch::Sender::new(Duration::ZERO),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Moves time forward and wakes who slept until then.
    pub fn advance(&self, by: Duration) {
        self.shared.elapsed.send_modify(|elapsed| *elapsed += by);
    }

    fn elapsed(&self) -> Duration {
        *self.shared.elapsed.borrow()
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        let elapsed_ms = i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.shared.start_ms.saturating_add(elapsed_ms)
    }

    fn monotonic(&self) -> Instant {
        self.shared.start + self.elapsed()
    }

    fn monotonic_ms(&self) -> i64 {
        i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let wake_at = self.elapsed() + duration;
        let mut elapsed = self.shared.elapsed.subscribe();
        Box::pin(async move {
            if elapsed.wait_for(|elapsed| *elapsed >= wake_at).await.is_err() {
                // The clock is gone: nobody can move it any more, so this sleep has no end.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    #[test]
    fn time_moves_only_when_advanced() {
        let clock = ManualClock::new(1_000);
        let start = clock.monotonic();
        assert_eq!((clock.now_ms(), clock.monotonic()), (1_000, start));
        clock.clone().advance(Duration::from_millis(250));
        assert_eq!(
            (clock.now_ms(), clock.monotonic() - start),
            (1_250, Duration::from_millis(250))
        );
    }

    #[test]
    fn sleeper_wakes_when_its_time_has_come() {
        let clock = ManualClock::new(0);
        let mut sleep = clock.sleep(Duration::from_secs(2));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(sleep.as_mut().poll(&mut context).is_ready());
    }
}
