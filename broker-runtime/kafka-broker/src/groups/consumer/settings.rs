//! Server properties of the consumer protocol.

use std::collections::BTreeMap;

use kafka_metadata::{ConfigResource, MetadataImage};
use server_properties::{GROUP_ASSIGNMENT_INTERVAL, GROUP_HEARTBEAT_INTERVAL, GROUP_SESSION_TIMEOUT, GroupProperty};

use super::{assignor::Assignor, migration::MigrationPolicy};
use crate::coordinator::number;

/// Our default of `group.consumer.assignment.interval.ms`. Kafka's is 1000: it spares a large group that starts all at once
/// some assignments, and makes the second member of every group wait for its next heartbeat, five seconds later.
const ASSIGNMENT_INTERVAL_MS: i32 = 0;

/// Limits that hold for every consumer group of the broker.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerConfig {
    /// False where `group.coordinator.rebalance.protocols` leaves it out.
    pub(crate) enabled: bool,
    /// `group.consumer.session.timeout.ms`
    pub(crate) session_timeout_ms: GroupTime,
    /// `group.consumer.heartbeat.interval.ms`
    pub(crate) heartbeat_interval_ms: GroupTime,
    /// `group.consumer.assignment.interval.ms`
    pub(crate) assignment_interval_ms: GroupTime,
    /// `group.consumer.migration.policy`
    pub(crate) migration_policy: MigrationPolicy,
    /// `group.consumer.max.size`
    pub(crate) members_max: usize,
    /// `group.consumer.assignors`: the first one is the default.
    pub(crate) assignors: Vec<Assignor>,
}

/// A time that a group may choose for itself, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupTime {
    property: GroupProperty,
    usual: i32,
    min: i32,
    max: i32,
}

impl GroupTime {
    /// As `properties` say, the static server properties.
    pub(crate) fn new(property: GroupProperty, properties: &BTreeMap<String, String>) -> Self {
        let of_broker = |name| number(properties, name, i32::MAX);
        Self {
            property,
            usual: of_broker(property.of_broker),
            min: of_broker(property.min),
            max: of_broker(property.max),
        }
    }

    /// The same with another default than the table's.
    fn with_default(property: GroupProperty, properties: &BTreeMap<String, String>, usual: i32) -> Self {
        let mut time = Self::new(property, properties);
        if !properties.contains_key(property.of_broker) {
            time.usual = usual;
        }
        time
    }

    /// What holds for this group: within the bounds of this broker, whatever was asked for.
    pub(crate) fn of(&self, image: &MetadataImage, group_id: &str) -> i32 {
        if image.configs.is_empty() {
            return self.within_bounds(self.usual);
        }
        let set = |resource: &ConfigResource, name: &str| {
            let text = image.configs.get(resource)?.get(name)?;
            text.trim().parse().ok()
        };
        let own = set(&ConfigResource::Group(group_id.to_owned()), self.property.name);
        let of_brokers = || set(&ConfigResource::Brokers, self.property.of_broker);
        self.within_bounds(own.or_else(of_brokers).unwrap_or(self.usual))
    }

    fn within_bounds(&self, value: i32) -> i32 {
        value.clamp(self.min, self.max.max(self.min))
    }
}

/// What the coordinator reads of `properties`, the static server properties.
pub(crate) fn consumer_config(properties: &BTreeMap<String, String>) -> ConsumerConfig {
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
        session_timeout_ms: GroupTime::new(GROUP_SESSION_TIMEOUT, properties),
        heartbeat_interval_ms: GroupTime::new(GROUP_HEARTBEAT_INTERVAL, properties),
        assignment_interval_ms: GroupTime::with_default(GROUP_ASSIGNMENT_INTERVAL, properties, ASSIGNMENT_INTERVAL_MS),
        migration_policy: properties
            .get("group.consumer.migration.policy")
            .and_then(|name| MigrationPolicy::named(name))
            .unwrap_or(MigrationPolicy::Bidirectional),
        members_max: number(properties, "group.consumer.max.size", usize::MAX),
        assignors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(config: &ConsumerConfig, image: &MetadataImage) -> (i32, i32) {
        (
            config.session_timeout_ms.of(image, "g"),
            config.heartbeat_interval_ms.of(image, "g"),
        )
    }

    #[test]
    fn groups_choose_within_the_bounds_of_the_broker() {
        let mut image = MetadataImage::default();
        let chosen = [
            ("consumer.session.timeout.ms", "50000"),
            ("consumer.heartbeat.interval.ms", "99999"),
        ];
        let chosen = chosen.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let resource = ConfigResource::Group("g".to_owned());
        image.configs.insert_mut(resource, BTreeMap::from(chosen));
        let config = consumer_config(&BTreeMap::new());
        assert_eq!(times(&config, &image), (50_000, 15_000));
        assert_eq!(config.session_timeout_ms.of(&image, "other"), 45_000);
    }

    #[test]
    fn properties_win_over_defaults() {
        let config = consumer_config(&BTreeMap::new());
        assert!(config.enabled);
        assert_eq!(times(&config, &MetadataImage::default()), (45_000, 5_000));
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
        assert_eq!(times(&config, &MetadataImage::default()), (7_000, 5_000));
        assert_eq!(config.assignors, [Assignor::Range]);
    }
}
