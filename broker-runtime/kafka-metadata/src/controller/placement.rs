//! Which brokers get the replicas of new partitions.
//!
//! The goals are those of Kafka's `StripedReplicaPlacer`: leaders and replicas are spread evenly, the replicas of one
//! partition are in as many zones as possible, fenced brokers get replicas only where the others do not suffice, and never
//! a leadership. Each choice takes the broker that has the least of what is chosen so far; chance breaks ties.

use std::{collections::HashMap, sync::Arc};

use rand::Rng;

use crate::{BrokerId, BrokerImage, MetadataImage, PartitionState};

/// Chooses replicas for one topic.
pub(super) struct Placement<'a> {
    brokers: Vec<Candidate<'a>>,
}

struct Candidate<'a> {
    broker: &'a BrokerImage,
    /// Place in a random order, to break ties.
    order: u64,
    replicas: usize,
    /// Replicas by place in the assignment; the first place leads.
    at_place: HashMap<usize, usize>,
}

impl<'a> Placement<'a> {
    /// Begins with the partitions that the topic already has.
    pub(super) fn new(image: &'a MetadataImage, existing: &[PartitionState], rng: &mut dyn Rng) -> Self {
        let candidate = |broker: &'a Arc<BrokerImage>| Candidate {
            broker,
            order: rng.next_u64(),
            replicas: 0,
            at_place: HashMap::new(),
        };
        let staying = image.brokers.values().filter(|broker| !broker.retiring);
        let mut brokers: Vec<_> = staying.map(candidate).collect();
        for state in existing {
            for (place, replica) in state.replicas.iter().enumerate() {
                if let Some(candidate) = brokers
                    .iter_mut()
                    .find(|candidate| candidate.broker.broker_id == *replica)
                {
                    candidate.take(place);
                }
            }
        }
        Self { brokers }
    }

    /// Replicas of the next partition, the leader first; the error is a reason in Kafka's words.
    pub(super) fn next_partition(&mut self, replication_factor: usize) -> Result<Vec<BrokerId>, String> {
        if !self.brokers.iter().any(|candidate| candidate.broker.is_active()) {
            return Err("All brokers are currently fenced.".to_owned());
        }
        if self.brokers.len() < replication_factor {
            return Err(format!(
                "The target replication factor of {replication_factor} cannot be reached because only {} broker(s) are \
                 registered.",
                self.brokers.len()
            ));
        }
        let mut chosen: Vec<usize> = Vec::with_capacity(replication_factor);
        for place in 0..replication_factor {
            let best = (0..self.brokers.len())
                .filter(|at| !chosen.contains(at))
                .min_by_key(|at| self.cost(*at, place, &chosen));
            if let Some(best) = best {
                self.brokers[best].take(place);
                chosen.push(best);
            }
        }
        Ok(chosen.into_iter().map(|at| self.brokers[at].broker.broker_id).collect())
    }

    /// What speaks against a candidate, the weightiest first.
    fn cost(&self, at: usize, place: usize, chosen: &[usize]) -> (bool, usize, usize, usize, u64) {
        let candidate = &self.brokers[at];
        let is_inactive = !candidate.broker.is_active();
        let same_zone = chosen
            .iter()
            .filter(|other| self.brokers[**other].broker.rack == candidate.broker.rack)
            .count();
        let same_place = candidate.at_place.get(&place).copied().unwrap_or_default();
        if place == 0 {
            return (is_inactive, same_zone, same_place, candidate.replicas, candidate.order);
        }
        (is_inactive, same_zone, candidate.replicas, same_place, candidate.order)
    }
}

impl Candidate<'_> {
    fn take(&mut self, place: usize) {
        self.replicas += 1;
        *self.at_place.entry(place).or_default() += 1;
    }
}
