//! What a request is charged, and how its connection waits for it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use clock::Clock;
use kafka_metadata::quota::QuotaKey;

use super::throttle::Used;
use crate::{broker::Broker, dispatch::RequestContext};

impl RequestContext {
    fn used<'a>(&'a self, broker: &Broker) -> Used<'a> {
        let principal = self.principal.as_str();
        Used {
            user: principal.strip_prefix("User:").unwrap_or(principal),
            client_id: self.client_id(),
            now_ms: broker.uptime_ms(),
        }
    }

    /// Counts what the request uses, lets the connection wait for what is too much, and says how long, in milliseconds. Other
    /// brokers have no quotas.
    pub(crate) fn charge(&self, broker: &Broker, key: QuotaKey, amount: f64) -> i32 {
        if self.is_internal() {
            return 0;
        }
        let used = self.used(broker);
        let throttle_ms = broker.quotas.charge(key, used, amount);
        if throttle_ms > 0 {
            self.connection.mute_until(used.now_ms + throttle_ms);
        }
        i32::try_from(throttle_ms).unwrap_or(i32::MAX)
    }

    /// The largest amount that the quota gives at once, bytes; `None` without a quota.
    pub(crate) fn most_at_once(&self, broker: &Broker, key: QuotaKey) -> Option<usize> {
        if self.is_internal() {
            return None;
        }
        broker.quotas.most_at_once(key, self.used(broker))
    }
}

/// Measures how long a future is busy: not how long it waits.
pub(crate) struct Busy<F> {
    future: F,
    clock: Arc<dyn Clock>,
    time: Duration,
}

impl<F> Busy<F> {
    pub(crate) fn new(future: F, clock: Arc<dyn Clock>) -> Self {
        Self {
            future,
            clock,
            time: Duration::ZERO,
        }
    }
}

impl<F: Future + Unpin> Future for Busy<F> {
    type Output = (F::Output, Duration);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let begin = self.clock.monotonic();
        let polled = Pin::new(&mut self.future).poll(context);
        let end = self.clock.monotonic();
        self.time += end.saturating_duration_since(begin);
        polled.map(|output| (output, self.time))
    }
}
