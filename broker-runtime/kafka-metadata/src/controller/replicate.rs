//! Which brokers a topic's partitions get replicas on, or lose them from, when the topic is to have another number of them.
//!
//! It plans and decides nothing, like [`super::even_out`]; the reassignments are asked for by whoever hosts the controller. Replicas that
//! stay keep their places, so leaders stay where they are.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{BrokerId, MetadataImage, PartitionState, rpc::Reassignment};

/// A plan in the making: how many replicas brokers have.
struct Loads<'a> {
    image: &'a MetadataImage,
    /// Of the topic.
    topic: BTreeMap<BrokerId, usize>,
    /// Of all topics.
    cluster: BTreeMap<BrokerId, usize>,
}

/// The reassignments after which every partition of a topic has `factor` replicas; those that have them, or are about to, are not
/// among them. `None` when that is more than the brokers that stay.
pub fn replicate(image: &MetadataImage, topic: &str, factor: usize) -> Option<Vec<Reassignment>> {
    let partitions = &image.topics.get(topic)?.partitions;
    let mut loads = Loads::new(image, partitions);
    if loads.brokers().count() < factor || factor == 0 {
        return None;
    }
    let mut plan = Vec::new();
    for (partition, state) in (0..).zip(partitions) {
        let mut target = state.target_replicas();
        if target.len() == factor {
            continue;
        }
        while target.len() < factor {
            loads.add(&mut target)?;
        }
        while target.len() > factor {
            loads.remove(&mut target, state);
        }
        plan.push(Reassignment {
            topic: topic.to_owned(),
            partition,
            target: Some(target),
        });
    }
    Some(plan)
}

impl<'a> Loads<'a> {
    fn new(image: &'a MetadataImage, partitions: &[PartitionState]) -> Self {
        let all = image.topics.values().flat_map(|topic| &topic.partitions);
        Self {
            image,
            topic: count(partitions.iter()),
            cluster: count(all),
        }
    }

    /// Brokers that may have new replicas.
    fn brokers(&self) -> impl Iterator<Item = BrokerId> {
        let staying = self.image.brokers.values().filter(|broker| !broker.retiring);
        staying.map(|broker| broker.broker_id)
    }

    fn is_active(&self, broker_id: BrokerId) -> bool {
        self.image.active_broker(broker_id).is_some()
    }

    /// How many of `replicas`, beside the one of `broker_id`, are in its zone.
    fn in_zone_of(&self, broker_id: BrokerId, replicas: &[BrokerId]) -> usize {
        let zone = |id: BrokerId| self.image.brokers.get(&id).and_then(|broker| broker.rack.as_deref());
        let others = replicas.iter().filter(|other| **other != broker_id);
        others.filter(|other| zone(**other) == zone(broker_id)).count()
    }

    fn load(&self, broker_id: BrokerId) -> (usize, usize) {
        let of = |counts: &BTreeMap<BrokerId, usize>| counts.get(&broker_id).copied().unwrap_or_default();
        (of(&self.topic), of(&self.cluster))
    }

    /// Adds a replica where the partition has the fewest in the zone, on the broker with the fewest.
    fn add(&mut self, target: &mut Vec<BrokerId>) -> Option<()> {
        let candidates = self.brokers().filter(|broker_id| !target.contains(broker_id));
        let best = candidates.min_by_key(|broker_id| {
            let is_away = !self.is_active(*broker_id);
            (
                is_away,
                self.in_zone_of(*broker_id, target),
                self.load(*broker_id),
                *broker_id,
            )
        })?;
        for counts in [&mut self.topic, &mut self.cluster] {
            *counts.entry(best).or_default() += 1;
        }
        target.push(best);
        Some(())
    }

    /// Takes the replica away that the partition needs least: never the leader's, one that is not in sync before one that is, one of a
    /// zone with several, one of the broker with the most.
    fn remove(&mut self, target: &mut Vec<BrokerId>, state: &PartitionState) {
        let retires = |broker_id| self.image.brokers.get(&broker_id).is_none_or(|broker| broker.retiring);
        let worst = (0..target.len()).min_by_key(|&at| {
            let broker_id = target[at];
            let leads = state.leader == Some(broker_id);
            let is_in_sync = state.isr.contains(&broker_id);
            let (topic, cluster) = self.load(broker_id);
            let crowd = (self.in_zone_of(broker_id, target), topic, cluster);
            (leads, is_in_sync, !retires(broker_id), Reverse(crowd), Reverse(at))
        });
        let Some(worst) = worst else { return };
        let gone = target.remove(worst);
        for counts in [&mut self.topic, &mut self.cluster] {
            counts.entry(gone).and_modify(|count| *count = count.saturating_sub(1));
        }
    }
}

/// Replicas by broker, with those that are on their way and without those that go.
fn count<'a>(partitions: impl Iterator<Item = &'a PartitionState>) -> BTreeMap<BrokerId, usize> {
    let mut counts = BTreeMap::new();
    for broker_id in partitions.flat_map(PartitionState::target_replicas) {
        *counts.entry(broker_id).or_default() += 1;
    }
    counts
}
