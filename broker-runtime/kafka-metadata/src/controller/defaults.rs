//! The broker properties that the controller itself acts on.

use std::{collections::BTreeMap, time::Duration};

use super::LeaderBalance;

/// Properties that all brokers of the cluster are started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControllerDefaults {
    /// Values by name; what is absent has the default of the table in `server-properties`.
    pub properties: BTreeMap<String, String>,
}

impl ControllerDefaults {
    /// `num.partitions`.
    pub fn num_partitions(&self) -> i32 {
        self.number("num.partitions", 1)
    }

    /// `default.replication.factor`.
    pub fn default_replication_factor(&self) -> i16 {
        self.number("default.replication.factor", 1)
    }

    /// `auto.leader.rebalance.enable`.
    pub fn auto_leader_rebalance(&self) -> bool {
        self.boolean("auto.leader.rebalance.enable")
    }

    /// `leader.imbalance.check.interval.seconds`, where it is set: how long a leadership could return before it does.
    pub fn leader_balance_patience(&self) -> Duration {
        let set = self.properties.get("leader.imbalance.check.interval.seconds");
        let seconds = set.and_then(|text| text.trim().parse().ok());
        seconds.map_or(LeaderBalance::PATIENCE, Duration::from_secs)
    }

    /// `delete.topic.enable`.
    pub fn delete_topic(&self) -> bool {
        self.boolean("delete.topic.enable")
    }

    fn value(&self, name: &str) -> Option<&str> {
        let set = self.properties.get(name).map(String::as_str);
        set.or_else(|| server_properties::definition(name)?.default)
            .map(str::trim)
    }

    fn number<N: std::str::FromStr>(&self, name: &str, otherwise: N) -> N {
        self.value(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    fn boolean(&self, name: &str) -> bool {
        self.value(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaderships_wait_as_long_as_is_set() {
        let mut defaults = ControllerDefaults::default();
        assert_eq!(defaults.leader_balance_patience(), LeaderBalance::PATIENCE);
        let name = "leader.imbalance.check.interval.seconds".to_owned();
        defaults.properties.insert(name, "60".to_owned());
        assert_eq!(defaults.leader_balance_patience(), Duration::from_secs(60));
    }
}
