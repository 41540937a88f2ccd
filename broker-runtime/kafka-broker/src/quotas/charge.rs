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

/// All the time of one processor.
const PERCENT: f64 = 100.0;

impl RequestContext {
    pub(super) fn used<'a>(&'a self, broker: &Broker) -> Used<'a> {
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

    /// Waits for `work` and charges the time that it was busy; says how long the connection has to wait for that, in
    /// milliseconds. Logging in costs nothing, as in Kafka.
    pub(crate) async fn charge_time<F: Future>(&self, broker: &Broker, work: F) -> (F::Output, i32) {
        let connection = &self.connection;
        let is_in = !connection.sasl_required || connection.session.lock().sasl.is_complete();
        if !is_in || !broker.quotas.limits_time() {
            return (work.await, 0);
        }
        let (output, busy) = Busy::new(std::pin::pin!(work), Arc::clone(&broker.clock)).await;
        let throttle_ms = self.charge(broker, QuotaKey::RequestPercentage, busy.as_secs_f64() * PERCENT);
        (output, throttle_ms)
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
struct Busy<F> {
    future: F,
    clock: Arc<dyn Clock>,
    time: Duration,
}

impl<F> Busy<F> {
    fn new(future: F, clock: Arc<dyn Clock>) -> Self {
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
