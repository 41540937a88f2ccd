//! Server properties of the group coordinator.

use std::collections::BTreeMap;

use super::{command::GroupConfig, consumer::consumer_config};
use crate::coordinator::{InternalTopic, number};

/// The topic of the group coordinator.
pub(crate) static OFFSETS_TOPIC: InternalTopic = InternalTopic {
    name: "__consumer_offsets",
    partitions: ("offsets.topic.num.partitions", 50),
    replication_factor: ("offsets.topic.replication.factor", 3),
    segment_bytes: ("offsets.topic.segment.bytes", 104_857_600),
    min_insync_replicas: None,
    load_buffer_bytes: "offsets.load.buffer.size",
};

/// Our default of `group.initial.rebalance.delay.ms`. Kafka's is 3000: it spares a large group that starts all at once a
/// few rebalances, and makes every test and every first consumer wait three seconds.
const INITIAL_REBALANCE_DELAY_MS: i32 = 0;

const MS_PER_MINUTE: i64 = 60_000;

/// What the coordinator reads of `properties`, the static server properties.
pub(crate) fn group_config(properties: &BTreeMap<String, String>) -> GroupConfig {
    let retention_minutes: i64 = number(properties, "offsets.retention.minutes", 10_080);
    GroupConfig {
        initial_rebalance_delay_ms: properties
            .get("group.initial.rebalance.delay.ms")
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(INITIAL_REBALANCE_DELAY_MS),
        session_timeout_ms_min: number(properties, "group.min.session.timeout.ms", 6_000),
        session_timeout_ms_max: number(properties, "group.max.session.timeout.ms", 1_800_000),
        members_max: number(properties, "group.max.size", usize::MAX),
        consumer: consumer_config(properties),
        offset_metadata_bytes_max: number(properties, "offset.metadata.max.bytes", 4_096),
        offsets_retention_ms: retention_minutes.saturating_mul(MS_PER_MINUTE),
        offsets_retention_check_interval_ms: number(properties, "offsets.retention.check.interval.ms", 600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_win_over_defaults() {
        let set = BTreeMap::from([
            ("group.initial.rebalance.delay.ms".to_owned(), "3000".to_owned()),
            ("offsets.retention.minutes".to_owned(), "2".to_owned()),
        ]);
        let config = group_config(&set);
        assert_eq!(
            (config.initial_rebalance_delay_ms, config.offsets_retention_ms),
            (3_000, 120_000)
        );
        let config = group_config(&BTreeMap::new());
        assert_eq!(
            (config.initial_rebalance_delay_ms, config.session_timeout_ms_min),
            (0, 6_000)
        );
    }
}
