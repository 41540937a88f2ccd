//! The partitions this broker holds a replica of, by topic and index.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kafka_metadata::TopicId;
use parking_lot::RwLock;

use super::replica::Partition;

/// See the module.
#[derive(Debug, Default)]
pub struct PartitionRegistry {
    topics: RwLock<HashMap<Arc<str>, BTreeMap<i32, Arc<Partition>>>>,
}

impl PartitionRegistry {
    /// The partition, if this broker holds a replica of it.
    pub fn get(&self, topic: &str, index: i32) -> Option<Arc<Partition>> {
        self.topics.read().get(topic)?.get(&index).cloned()
    }

    /// All partitions, in no particular order.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.topics
            .read()
            .values()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }

    /// Takes a partition in; one of the same name and index goes.
    pub(crate) fn insert(&self, partition: Arc<Partition>) -> Option<Arc<Partition>> {
        let mut topics = self.topics.write();
        topics
            .entry(Arc::clone(&partition.topic))
            .or_default()
            .insert(partition.index, partition)
    }

    /// Takes a partition out, unless it belongs to a younger topic of the same name.
    pub(crate) fn remove(&self, topic: &str, topic_id: TopicId, index: i32) -> Option<Arc<Partition>> {
        let mut topics = self.topics.write();
        let partitions = topics.get_mut(topic)?;
        if partitions
            .get(&index)
            .is_none_or(|partition| partition.topic_id != topic_id)
        {
            return None;
        }
        let removed = partitions.remove(&index);
        if partitions.is_empty() {
            topics.remove(topic);
        }
        removed
    }
}
