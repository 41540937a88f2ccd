//! What Amazon MSK sets for a cluster without a configuration of its own, as far as it differs from Kafka's defaults.
//!
//! Difference from MSK: `unclean.leader.election.enable` stays false; losing acknowledged records is nobody's default.

use std::collections::BTreeMap;

/// The properties of a cluster of `broker_count` brokers that no configuration sets.
pub fn cluster_defaults(broker_count: usize) -> BTreeMap<String, String> {
    let replication_factor = broker_count.clamp(1, 3);
    let min_insync_replicas = if replication_factor == 3 { 2 } else { 1 };
    [
        ("allow.everyone.if.no.acl.found", "true".to_owned()),
        ("auto.create.topics.enable", "false".to_owned()),
        ("default.replication.factor", replication_factor.to_string()),
        ("min.insync.replicas", min_insync_replicas.to_string()),
        ("num.network.threads", "5".to_owned()),
        ("num.replica.fetchers", "2".to_owned()),
        ("offsets.topic.replication.factor", replication_factor.to_string()),
        ("transaction.state.log.min.isr", min_insync_replicas.to_string()),
        (
            "transaction.state.log.replication.factor",
            replication_factor.to_string(),
        ),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_follow_the_number_of_brokers() {
        for broker_count in 1..=7 {
            let defaults = cluster_defaults(broker_count);
            let text: String = defaults
                .iter()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect();
            assert_eq!(crate::parse(&text).expect("valid").into_map(), defaults);
        }
        assert_eq!(cluster_defaults(2)["default.replication.factor"], "2");
        assert_eq!(cluster_defaults(2)["min.insync.replicas"], "1");
        assert_eq!(cluster_defaults(5)["min.insync.replicas"], "2");
    }
}
