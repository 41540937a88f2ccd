//! Everything a broker counts.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    connections::ListenerConnections, distribution::Distribution, lag::ConsumerLag, meter::Meter,
    requests::RequestMetrics, traffic::Traffic,
};
use crate::config::{BrokerConfig, ListenerName};

/// Averages take in what has been counted this often.
pub(crate) const TICK: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) traffic: Traffic,
    pub(crate) requests: RequestMetrics,
    pub(crate) connections: BTreeMap<ListenerName, Arc<ListenerConnections>>,
    /// Leaderships that this broker got without having been in sync.
    pub(crate) unclean_leader_elections: Meter,
    pub(crate) isr_shrinks: Meter,
    pub(crate) isr_expands: Meter,
    pub(crate) failed_isr_updates: Meter,
    pub(crate) flushes: Meter,
    /// Microseconds.
    pub(crate) flush_times: Mutex<Distribution>,
    /// What groups have not read yet, as last measured.
    pub(crate) lag: Mutex<ConsumerLag>,
}

impl Metrics {
    /// Nothing yet.
    pub(crate) fn new(config: &BrokerConfig) -> Self {
        let connections = config.listeners.iter();
        let connections = connections.map(|listener| (listener.name, ListenerConnections::new(listener.name, 0)));
        Self {
            traffic: Traffic::new(0),
            requests: RequestMetrics::new(config.jmx_exporter.is_some()),
            connections: connections.collect(),
            unclean_leader_elections: Meter::new(0),
            isr_shrinks: Meter::new(0),
            isr_expands: Meter::new(0),
            failed_isr_updates: Meter::new(0),
            flushes: Meter::new(0),
            flush_times: Mutex::default(),
            lag: Mutex::default(),
        }
    }

    /// A log was flushed; it took from `begun` to `ended`.
    pub(crate) fn flushed(&self, begun: Instant, ended: Instant) {
        self.flushes.mark(1);
        self.flush_times
            .lock()
            .record(micros(ended.saturating_duration_since(begun)));
    }

    /// The ISR of a partition that this broker leads had `before` members and has `after`.
    pub(crate) fn isr_changed(&self, before: usize, after: usize) {
        match after.cmp(&before) {
            std::cmp::Ordering::Less => self.isr_shrinks.mark(1),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => self.isr_expands.mark(1),
        }
    }

    /// Takes what was counted into the averages; called every [`TICK`].
    pub(crate) fn tick(&self) {
        self.traffic.tick();
        self.requests.tick();
        self.connections.values().for_each(|listener| listener.tick());
        for meter in [
            &self.unclean_leader_elections,
            &self.isr_shrinks,
            &self.isr_expands,
            &self.failed_isr_updates,
            &self.flushes,
        ] {
            meter.tick();
        }
        self.flush_times.lock().tick();
    }
}

/// Whole microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isr_changes_are_told_apart() {
        let config = BrokerConfig::for_tests();
        let metrics = Metrics::new(&config);
        for (before, after) in [(3, 2), (2, 2), (2, 3), (3, 1)] {
            metrics.isr_changed(before, after);
        }
        assert_eq!((metrics.isr_shrinks.count(), metrics.isr_expands.count()), (2, 1));
        let begun = Instant::now();
        metrics.flushed(begun, begun + Duration::from_millis(3));
        metrics.tick();
        assert_eq!(metrics.flush_times.lock().extremes(), (3_000, 3_000));
    }
}
