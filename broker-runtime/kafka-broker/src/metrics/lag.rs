//! What consumer groups have committed and not read yet: MSK's `ConsumerLagMetrics`. A coordinator knows what its groups have
//! committed; where a partition ends it knows from its own replica, else its leader is asked.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        ListOffsetsRequest,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    },
};
use kafka_metadata::{BrokerId, MetadataImage};
use tracing::debug;

use super::metrics::TICK;
use crate::{
    broker::Broker,
    config::ListenerName,
    groups::{Ask, GroupId, GroupState, TopicPartition},
};

/// How long a leader may take to say where its partitions end.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// Version of ListOffsets between brokers, and what it calls the end of a partition.
const VERSION: i16 = 7;
const LATEST: i64 = -1;
/// How much the newest speed of a consumer counts: speeds are averaged over about a minute.
const NEWEST_WEIGHT: f64 = 0.08;

/// The groups that this broker coordinates, as last measured.
#[derive(Debug, Default)]
pub(crate) struct ConsumerLag {
    /// How many groups are in which state.
    pub(crate) groups: BTreeMap<&'static str, usize>,
    /// Partitions that a group has committed an offset of.
    pub(crate) partitions: BTreeMap<(GroupId, TopicPartition), PartitionLag>,
}

/// How far a group is behind in a partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PartitionLag {
    committed: i64,
    end: Option<i64>,
    /// Records a second.
    speed: Option<f64>,
}

impl PartitionLag {
    /// Records between the committed offset and the end of the partition; `None` while the end is not known.
    pub(crate) fn records(&self) -> Option<i64> {
        Some((self.end? - self.committed).max(0))
    }

    /// How long the group needs for them at the speed it has had, seconds; `None` while that is not known, or when it
    /// stands still.
    pub(crate) fn seconds(&self) -> Option<f64> {
        match self.records()? {
            0 => Some(0.0),
            records => Some(records as f64 / self.speed.filter(|speed| *speed > 0.0)?),
        }
    }

    /// The next measurement of the same partition.
    fn followed_by(before: Option<&Self>, committed: i64, end: Option<i64>) -> Self {
        let speed = before.map(|before| {
            let current = (committed - before.committed).max(0) as f64 / TICK.as_secs_f64();
            match before.speed {
                Some(speed) => speed + NEWEST_WEIGHT * (current - speed),
                None => current,
            }
        });
        Self {
            committed,
            end: end.or(before.and_then(|before| before.end)),
            speed,
        }
    }
}

/// Measures how far the groups of this broker are behind.
pub(super) async fn measure(broker: &Broker) {
    let mut groups: BTreeMap<&'static str, usize> = GroupState::ALL.iter().map(|state| (state.name(), 0)).collect();
    for listing in broker.groups.ask_all(Ask::List).await.into_iter().flatten().flatten() {
        *groups.entry(listing.state).or_default() += 1;
    }
    let committed = broker.groups.ask_all(Ask::Committed).await;
    let committed: Vec<_> = committed.into_iter().flatten().flatten().collect();
    let wanted = committed.iter().map(|(_, partition, _)| partition.clone()).collect();
    let ends = ends(broker, wanted).await;
    let mut lag = broker.metrics.lag.lock();
    let measured = committed.into_iter().map(|(group, partition, offset)| {
        let end = ends.get(&partition).copied();
        let key = (group, partition);
        let next = PartitionLag::followed_by(lag.partitions.get(&key), offset, end);
        (key, next)
    });
    let partitions = measured.collect();
    *lag = ConsumerLag { groups, partitions };
}

/// High watermarks; those that cannot be had are left out.
async fn ends(broker: &Broker, wanted: HashSet<TopicPartition>) -> HashMap<TopicPartition, i64> {
    let image = broker.metadata.image();
    let mut ends = HashMap::with_capacity(wanted.len());
    let mut elsewhere: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
    for partition in wanted {
        if let Some(own) = broker.partitions.get(&partition.topic, partition.partition) {
            ends.insert(partition, own.high_watermark());
        } else if let Some(leader) = image
            .partition(&partition.topic, partition.partition)
            .and_then(|state| state.leader)
        {
            elsewhere.entry(leader).or_default().push(partition);
        }
    }
    for (leader, partitions) in elsewhere {
        match ends_at(broker, &image, leader, &partitions).await {
            Ok(found) => ends.extend(found),
            Err(error) => debug!(%leader, %error, "ends of partitions cannot be had"),
        }
    }
    ends
}

async fn ends_at(
    broker: &Broker,
    image: &MetadataImage,
    leader: BrokerId,
    partitions: &[TopicPartition],
) -> anyhow::Result<Vec<(TopicPartition, i64)>> {
    let endpoint = image
        .brokers
        .get(&leader)
        .and_then(|leader| leader.endpoint(ListenerName::Internal.as_str()))
        .ok_or_else(|| anyhow::anyhow!("the leader is not registered"))?;
    let address = (endpoint.host.as_str(), endpoint.port);
    let mut connection = broker
        .peers
        .connect(broker, leader, address, &broker.peer_options)
        .await?;
    let response = connection.call(&request(partitions), VERSION, ANSWER_LIMIT).await?;
    let mut found = Vec::new();
    for topic in response.topics {
        let name: Arc<str> = Arc::from(topic.name.as_str());
        for partition in topic.partitions {
            if partition.error_code == ErrorCode::None.code() {
                let key = TopicPartition {
                    topic: Arc::clone(&name),
                    partition: partition.partition_index,
                };
                found.push((key, partition.offset));
            }
        }
    }
    Ok(found)
}

fn request(partitions: &[TopicPartition]) -> ListOffsetsRequest {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for partition in partitions {
        let mut wanted = ListOffsetsPartition::default();
        (wanted.partition_index, wanted.timestamp) = (partition.partition, LATEST);
        topics.entry(&partition.topic).or_default().push(wanted);
    }
    let mut request = ListOffsetsRequest::default();
    request.replica_id = -1;
    request.topics = topics
        .into_iter()
        .map(|(name, partitions)| {
            let mut topic = ListOffsetsTopic::default();
            (topic.name, topic.partitions) = (StrBytes::from(name), partitions);
            topic
        })
        .collect();
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_estimated_from_the_speed_so_far() {
        let first = PartitionLag::followed_by(None, 100, Some(300));
        assert_eq!(
            (first.records(), first.seconds()),
            (Some(200), None),
            "one look shows no speed"
        );
        let second = PartitionLag::followed_by(Some(&first), 150, Some(300));
        assert_eq!(
            (second.records(), second.seconds()),
            (Some(150), Some(15.0)),
            "10 records a second"
        );
        let lost = PartitionLag::followed_by(Some(&second), 150, None);
        assert_eq!(lost.records(), Some(150), "the end that was known last");
        let done = PartitionLag::followed_by(Some(&second), 300, Some(300));
        assert_eq!(done.seconds(), Some(0.0));
        let still = PartitionLag::followed_by(Some(&first), 100, Some(300));
        assert_eq!(still.seconds(), None);
    }
}
