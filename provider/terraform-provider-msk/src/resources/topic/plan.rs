//! What a plan says of a topic before the runtime is asked.

use plugin_framework::{Diagnostics, value::Path};

use super::model::TopicModel;

/// A cluster that changes in the same apply will have too few brokers for the topic.
pub(super) fn too_many_replicas(planned: &TopicModel, brokers: i64) -> Diagnostics {
    let replicas = planned.replication_factor.or_default();
    if replicas <= brokers {
        return Diagnostics::none();
    }
    Diagnostics::from_attribute_error(
        Path::attribute("replication_factor"),
        "There will be too few brokers for the topic",
        format!(
            "Each replica needs a broker of its own: replication_factor is {replicas}, and the cluster will have {brokers} brokers."
        ),
    )
}

/// What Kafka cannot do to a topic that exists.
pub(super) fn refuse(prior: &TopicModel, planned: &TopicModel) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let both = prior.partition_count.copied().zip(planned.partition_count.copied());
    if let Some((has, wants)) = both.filter(|(has, wants)| wants < has) {
        diagnostics.attribute_error(
            Path::attribute("partition_count"),
            "Partitions cannot be taken away from a topic",
            format!("The topic has {has} partitions, and partition_count is {wants}. Set it to {has} or more."),
        );
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_partitions_are_refused() {
        let topic = |partitions: i64, replicas: i64| TopicModel {
            partition_count: partitions.into(),
            replication_factor: replicas.into(),
            ..TopicModel::default()
        };
        assert!(!refuse(&topic(3, 3), &topic(4, 3)).has_errors());
        assert!(refuse(&topic(3, 3), &topic(2, 3)).has_errors());
        assert!(!refuse(&topic(3, 3), &topic(3, 2)).has_errors());
    }

    #[test]
    fn each_replica_needs_a_broker() {
        let topic = TopicModel {
            replication_factor: 3.into(),
            ..TopicModel::default()
        };
        assert!(!too_many_replicas(&topic, 3).has_errors());
        assert!(too_many_replicas(&topic, 2).has_errors());
    }
}
