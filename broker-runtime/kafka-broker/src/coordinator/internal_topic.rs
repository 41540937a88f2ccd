//! The topics in which coordinators keep what they know. They are made by the first client that needs one.

use std::{collections::BTreeMap, time::Duration};

use kafka_metadata::{
    BrokerId, MetadataImage, PartitionState,
    rpc::{ControllerError, ControllerRequest, ControllerResponse, NewTopic},
};

use super::{partition_of, properties::number};
use crate::{broker::Broker, groups::OFFSETS_TOPIC, transactions::TRANSACTIONS_TOPIC};

/// How long an answer waits for a topic to be created.
const CREATION_WAIT: Duration = Duration::from_secs(3);

/// How much is read at once where nothing is set. Kafka's own default, 5 MiB, is for fewer partitions in a process.
const LOAD_BYTES: usize = 1024 * 1024;

/// The topic belongs to the brokers themselves.
pub(crate) fn is_internal(topic: &str) -> bool {
    [OFFSETS_TOPIC.name, TRANSACTIONS_TOPIC.name].contains(&topic)
}

/// An internal topic, and the server properties that say how it is made.
#[derive(Debug)]
pub(crate) struct InternalTopic {
    pub(crate) name: &'static str,
    /// Property of the number of partitions, and its default.
    pub(crate) partitions: (&'static str, i32),
    /// Property of the replication factor, and its default.
    pub(crate) replication_factor: (&'static str, i16),
    /// Property of the size of a segment, and its default.
    pub(crate) segment_bytes: (&'static str, i64),
    /// Property of `min.insync.replicas`, and its default; the broker's own where there is none.
    pub(crate) min_insync_replicas: Option<(&'static str, i16)>,
    /// Property of how much is read at once while a coordinator loads a partition.
    pub(crate) load_buffer_bytes: &'static str,
}

impl InternalTopic {
    /// How much is read at once while a partition is loaded.
    pub(crate) fn load_bytes(&self, broker: &Broker) -> usize {
        let set = broker.config.server_properties.get(self.load_buffer_bytes);
        set.and_then(|text| text.trim().parse().ok()).unwrap_or(LOAD_BYTES)
    }

    /// The partition whose leader coordinates `id`, and its state; `None` while the topic is not there.
    pub(crate) fn partition_of<'a>(&self, image: &'a MetadataImage, id: &str) -> Option<(i32, &'a PartitionState)> {
        let partitions = &image.topics.get(self.name)?.partitions;
        let count = i32::try_from(partitions.len()).ok().filter(|count| *count > 0)?;
        let index = partition_of(id, count);
        Some((index, partitions.get(usize::try_from(index).ok()?)?))
    }

    /// The living broker that coordinates `id`.
    pub(crate) fn coordinator_of(&self, image: &MetadataImage, id: &str) -> Option<BrokerId> {
        let leader = self.partition_of(image, id)?.1.leader?;
        let registered = image.brokers.get(&leader)?;
        (!registered.fenced).then_some(leader)
    }

    /// Creates the topic if it is missing. Failure is not told: the topic is still missing then, and the client is sent away
    /// to come again.
    pub(crate) async fn ensure(&self, broker: &Broker) {
        let image = broker.metadata.image();
        if image.topics.contains_key(self.name) {
            return;
        }
        let request = ControllerRequest::CreateTopics {
            topics: vec![self.as_new(broker, &image)],
            validate_only: false,
        };
        let refusal = match broker.controller.call_within(request, CREATION_WAIT).await {
            Ok(ControllerResponse::CreateTopics(results)) => results.into_iter().find_map(Result::err),
            Ok(_) => None,
            Err(error) => Some(error),
        };
        match refusal {
            // Another broker was asked at the same time.
            None | Some(ControllerError::TopicAlreadyExists(_)) => {
                let is_there = |image: &MetadataImage| image.topics.contains_key(self.name);
                broker.metadata.wait_for(CREATION_WAIT, is_there).await;
            }
            Some(error) => tracing::warn!(topic = self.name, %error, "internal topic cannot be created"),
        }
    }

    fn as_new(&self, broker: &Broker, image: &MetadataImage) -> NewTopic {
        let properties = &broker.config.server_properties;
        let alive = image.brokers.values().filter(|broker| !broker.fenced).count();
        let wanted: i16 = number(properties, self.replication_factor.0, self.replication_factor.1);
        let replication_factor = wanted.min(i16::try_from(alive).unwrap_or(i16::MAX)).max(1);
        let mut configs = BTreeMap::from([
            ("cleanup.policy".to_owned(), "compact".to_owned()),
            ("compression.type".to_owned(), "producer".to_owned()),
        ]);
        let segment_bytes: i64 = number(properties, self.segment_bytes.0, self.segment_bytes.1);
        configs.insert("segment.bytes".to_owned(), segment_bytes.to_string());
        if let Some((property, default)) = self.min_insync_replicas {
            let min_insync: i16 = number(properties, property, default);
            // More than there are replicas would refuse every write for ever.
            let min_insync = min_insync.min(replication_factor);
            configs.insert("min.insync.replicas".to_owned(), min_insync.to_string());
        }
        NewTopic {
            name: self.name.to_owned(),
            partitions: Some(number(properties, self.partitions.0, self.partitions.1)),
            replication_factor: Some(replication_factor),
            assignments: None,
            configs,
        }
    }
}
