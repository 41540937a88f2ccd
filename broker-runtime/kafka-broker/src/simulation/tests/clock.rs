//! Time of a simulation: it passes when the simulation says so, and the wall clock can be set.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use clock::{Clock, ManualClock, Sleep};

/// When simulations begin, milliseconds since 1970.
const START_MS: i64 = 1_700_000_000_000;

/// Clones share the same time.
#[derive(Clone, Debug)]
pub(super) struct SimulatedClock {
    passing: ManualClock,
    set_by_ms: Arc<AtomicI64>,
}

impl SimulatedClock {
    pub(super) fn new() -> Self {
        Self {
            passing: ManualClock::new(START_MS),
            set_by_ms: Arc::default(),
        }
    }

    pub(super) fn pass(&self, ms: u64) {
        self.passing.advance(Duration::from_millis(ms));
    }

    /// Somebody sets the wall clock, forwards or backwards.
    pub(super) fn set_wall(&self, by_ms: i64) {
        self.set_by_ms.store(by_ms, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn now_ms(&self) -> i64 {
        self.passing.now_ms() + self.set_by_ms.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Instant {
        self.passing.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.passing.sleep(duration)
    }
}
