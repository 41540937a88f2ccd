//! Sets of partitions, by topic id.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// Partitions of topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partitions(BTreeMap<Uuid, BTreeSet<i32>>);

impl Partitions {
    pub(crate) fn insert(&mut self, topic_id: Uuid, partition: i32) {
        self.0.entry(topic_id).or_default().insert(partition);
    }

    pub(crate) fn contains(&self, topic_id: Uuid, partition: i32) -> bool {
        self.0
            .get(&topic_id)
            .is_some_and(|of_topic| of_topic.contains(&partition))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uuid, i32)> {
        let topics = self.0.iter();
        topics.flat_map(|(topic_id, of_topic)| of_topic.iter().map(|partition| (*topic_id, *partition)))
    }

    /// Topics with their partitions, in order.
    pub(crate) fn topics(&self) -> impl ExactSizeIterator<Item = (Uuid, &BTreeSet<i32>)> {
        self.0.iter().map(|(topic_id, of_topic)| (*topic_id, of_topic))
    }
}

impl FromIterator<(Uuid, i32)> for Partitions {
    fn from_iter<I: IntoIterator<Item = (Uuid, i32)>>(items: I) -> Self {
        let mut partitions = Self::default();
        for (topic_id, partition) in items {
            partitions.insert(topic_id, partition);
        }
        partitions
    }
}

/// Partitions that a member has, each with the epoch of the member in which it got it: with it offsets can be committed by a
/// member that has not heard of its newest epoch (KIP-1251).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldPartitions(BTreeMap<Uuid, BTreeMap<i32, i32>>);

impl HeldPartitions {
    pub(crate) fn insert(&mut self, topic_id: Uuid, partition: i32, epoch: i32) {
        self.0.entry(topic_id).or_default().insert(partition, epoch);
    }

    /// In which epoch the member got the partition.
    pub(crate) fn epoch_of(&self, topic_id: Uuid, partition: i32) -> Option<i32> {
        self.0.get(&topic_id)?.get(&partition).copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uuid, i32, i32)> {
        let topics = self.0.iter();
        topics.flat_map(|(topic_id, of_topic)| {
            of_topic
                .iter()
                .map(|(partition, epoch)| (*topic_id, *partition, *epoch))
        })
    }

    /// Topics with their partitions and epochs, in order.
    pub(crate) fn topics(&self) -> impl ExactSizeIterator<Item = (Uuid, &BTreeMap<i32, i32>)> {
        self.0.iter().map(|(topic_id, of_topic)| (*topic_id, of_topic))
    }

    /// Without the epochs.
    pub(crate) fn partitions(&self) -> Partitions {
        self.iter()
            .map(|(topic_id, partition, _)| (topic_id, partition))
            .collect()
    }
}
