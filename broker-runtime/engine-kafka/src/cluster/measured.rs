//! What is known of brokers without asking their Java for it: the metrics that Kafka's own protocol tells, by the names that
//! brokers of the embedded engine report.

use engine::Metric;
use kafka_metadata::{BrokerId, MetadataImage};

/// What there is to say of one broker that serves; `log_bytes` where it has said what its logs take up.
pub(super) fn metrics(image: &MetadataImage, broker: BrokerId, log_bytes: Option<u64>) -> Vec<Metric> {
    let partitions = || image.topics.values().flat_map(|topic| &topic.partitions);
    let led = || partitions().filter(|state| state.leader == Some(broker));
    let held = partitions().filter(|state| state.replicas.contains(&broker));
    let short = led().filter(|state| state.isr.len() < state.replicas.len());
    let counts = [
        ("openmsk_broker_partitions", held.count()),
        ("openmsk_broker_leaders", led().count()),
        ("openmsk_broker_under_replicated_partitions", short.count()),
    ];
    let counts = counts.into_iter().map(|(name, count)| (name, count as f64));
    let bytes = log_bytes.map(|bytes| ("openmsk_broker_log_bytes", bytes as f64));
    let metric = |(name, value): (&str, f64)| Metric {
        name: name.to_owned(),
        labels: Vec::new(),
        value,
    };
    counts.chain(bytes).map(metric).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_metadata::{LeaderEpoch, PartitionEpoch, PartitionState, TopicId, TopicImage};

    use super::*;

    #[test]
    fn counts_are_those_of_the_broker() {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let partition = |replicas: &[i32], isr: &[i32]| PartitionState {
            replicas: ids(replicas),
            isr: ids(isr),
            elr: Vec::new(),
            leader: isr.first().copied().map(BrokerId),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            adding: Vec::new(),
            removing: Vec::new(),
        };
        let topic = TopicImage {
            topic_id: TopicId(uuid::Uuid::nil()),
            name: "t".to_owned(),
            partitions: vec![
                partition(&[1, 2], &[1]),
                partition(&[1, 2], &[1, 2]),
                partition(&[2, 1], &[2]),
                partition(&[2], &[2]),
            ],
        };
        let image = MetadataImage {
            topics: [("t".to_owned(), Arc::new(topic))].into_iter().collect(),
            ..MetadataImage::default()
        };
        let values = |broker, bytes| -> Vec<f64> {
            let all = metrics(&image, BrokerId(broker), bytes);
            all.iter().map(|metric| metric.value).collect()
        };
        assert_eq!(values(1, Some(7)), [3.0, 2.0, 1.0, 7.0]);
        assert_eq!(values(2, None), [4.0, 2.0, 1.0], "what is not known is not said");
    }
}
