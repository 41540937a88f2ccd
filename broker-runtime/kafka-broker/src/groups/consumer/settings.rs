//! Server properties of the consumer protocol.

use std::collections::BTreeMap;

use super::assignor::Assignor;
use crate::coordinator::number;

/// Limits that hold for every consumer group of the broker.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerConfig {
    /// False where `group.coordinator.rebalance.protocols` leaves it out.
    pub(crate) enabled: bool,
    /// `group.consumer.session.timeout.ms`, between its minimum and maximum.
    pub(crate) session_timeout_ms: i32,
    /// `group.consumer.heartbeat.interval.ms`, between its minimum and maximum.
    pub(crate) heartbeat_interval_ms: i32,
    /// `group.consumer.max.size`
    pub(crate) members_max: usize,
    /// `group.consumer.assignors`: the first one is the default.
    pub(crate) assignors: Vec<Assignor>,
}

/// What the coordinator reads of `properties`, the static server properties.
pub(crate) fn consumer_config(properties: &BTreeMap<String, String>) -> ConsumerConfig {
    let bounded = |[name, min, max]: [&str; 3], [default, min_default, max_default]: [i32; 3]| {
        let of = |name, default| number(properties, name, default);
        let (min, max) = (of(min, min_default), of(max, max_default));
        of(name, default).clamp(min, i32::max(min, max))
    };
    let named = |name: &str, default: &str| {
        let text = properties.get(name).map_or(default, String::as_str);
        let names = text.split(',').map(|name| name.trim().to_ascii_lowercase());
        names.filter(|name| !name.is_empty()).collect::<Vec<_>>()
    };
    let assignors = named("group.consumer.assignors", "uniform,range");
    let mut assignors: Vec<_> = assignors.iter().filter_map(|name| Assignor::configured(name)).collect();
    if assignors.is_empty() {
        assignors = Assignor::ALL.to_vec();
    }
    ConsumerConfig {
        enabled: named("group.coordinator.rebalance.protocols", "classic,consumer")
            .iter()
            .any(|protocol| protocol == "consumer"),
        session_timeout_ms: bounded(
            [
                "group.consumer.session.timeout.ms",
                "group.consumer.min.session.timeout.ms",
                "group.consumer.max.session.timeout.ms",
            ],
            [45_000, 45_000, 60_000],
        ),
        heartbeat_interval_ms: bounded(
            [
                "group.consumer.heartbeat.interval.ms",
                "group.consumer.min.heartbeat.interval.ms",
                "group.consumer.max.heartbeat.interval.ms",
            ],
            [5_000, 5_000, 15_000],
        ),
        members_max: number(properties, "group.consumer.max.size", usize::MAX),
        assignors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_win_over_defaults() {
        let config = consumer_config(&BTreeMap::new());
        assert!(config.enabled);
        assert_eq!(
            (config.session_timeout_ms, config.heartbeat_interval_ms),
            (45_000, 5_000)
        );
        assert_eq!(config.assignors, [Assignor::Uniform, Assignor::Range]);
        let set = [
            ("group.consumer.min.session.timeout.ms", "6000"),
            ("group.consumer.session.timeout.ms", "7000"),
            ("group.consumer.heartbeat.interval.ms", "100"),
            ("group.consumer.assignors", "range"),
            ("group.coordinator.rebalance.protocols", "classic"),
        ];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = consumer_config(&BTreeMap::from(set));
        assert!(!config.enabled);
        assert_eq!(
            (config.session_timeout_ms, config.heartbeat_interval_ms),
            (7_000, 5_000)
        );
        assert_eq!(config.assignors, [Assignor::Range]);
    }
}
