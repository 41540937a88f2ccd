//! Where replicas should be: away from brokers that are to go, evenly on all others, each partition in as many zones as
//! before, and its preferred leaders evenly too. As few moves as that takes.
//!
//! It plans and decides nothing; whoever hosts the controller asks for a plan and then for its reassignments.

use std::collections::{BTreeMap, BTreeSet};

use crate::{BrokerId, MetadataImage, rpc::Reassignment};

/// Loads of brokers while a plan is made.
struct Loads<'a> {
    image: &'a MetadataImage,
    /// Replicas by broker; only brokers that may have some.
    replicas: BTreeMap<BrokerId, usize>,
    /// Preferred leaderships by broker.
    leaders: BTreeMap<BrokerId, usize>,
}

/// One partition of the plan.
struct Planned {
    topic: String,
    partition: i32,
    before: Vec<BrokerId>,
    after: Vec<BrokerId>,
}

/// The reassignments that lead there, in the order of topics; none when everything is where it should be. `None` when some
/// partition has more replicas than brokers stay.
pub fn even_out(image: &MetadataImage) -> Option<Vec<Reassignment>> {
    let mut loads = Loads::new(image);
    let mut plan = partitions(image);
    for planned in &plan {
        loads.count(&planned.after);
    }
    for planned in &mut plan {
        loads.evacuate(&mut planned.after)?;
    }
    loads.level_replicas(&mut plan);
    loads.level_leaders(&mut plan);
    let moved = plan.into_iter().filter(|planned| planned.after != planned.before);
    Some(
        moved
            .map(|planned| Reassignment {
                topic: planned.topic,
                partition: planned.partition,
                target: Some(planned.after),
            })
            .collect(),
    )
}

/// All partitions, with the replicas that they have or are about to have.
fn partitions(image: &MetadataImage) -> Vec<Planned> {
    let mut topics: Vec<_> = image.topics.values().collect();
    topics.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let of_topic = topics
        .into_iter()
        .flat_map(|topic| (0..).zip(&topic.partitions).map(move |it| (topic, it)));
    of_topic
        .map(|(topic, (partition, state))| {
            let before = state.target_replicas();
            Planned {
                topic: topic.name.clone(),
                partition,
                after: before.clone(),
                before,
            }
        })
        .collect()
}

impl<'a> Loads<'a> {
    fn new(image: &'a MetadataImage) -> Self {
        let staying = image.brokers.values().filter(|broker| !broker.retiring);
        let none: BTreeMap<BrokerId, usize> = staying.map(|broker| (broker.broker_id, 0)).collect();
        Self {
            image,
            leaders: none.clone(),
            replicas: none,
        }
    }

    fn count(&mut self, replicas: &[BrokerId]) {
        for replica in replicas {
            if let Some(count) = self.replicas.get_mut(replica) {
                *count += 1;
            }
        }
    }

    fn zone(&self, broker_id: BrokerId) -> Option<&str> {
        self.image.brokers.get(&broker_id)?.rack.as_deref()
    }

    /// Number of zones that some brokers are in.
    fn zones(&self, brokers: &[BrokerId]) -> usize {
        brokers
            .iter()
            .map(|broker| self.zone(*broker))
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Replaces replicas on brokers that go by the least loaded ones, in zones of their own where there are such.
    fn evacuate(&mut self, replicas: &mut [BrokerId]) -> Option<()> {
        for at in 0..replicas.len() {
            if self.replicas.contains_key(&replicas[at]) {
                continue;
            }
            let others: Vec<BrokerId> = replicas.iter().copied().filter(|it| *it != replicas[at]).collect();
            let candidates = self.replicas.iter().filter(|(broker, _)| !others.contains(broker));
            let best = candidates.min_by_key(|(broker, count)| {
                let same_zone = others
                    .iter()
                    .filter(|other| self.zone(**other) == self.zone(**broker))
                    .count();
                (same_zone, **count, **broker)
            });
            let best = *best?.0;
            replicas[at] = best;
            self.count(&[best]);
        }
        Some(())
    }

    /// Moves replicas from the brokers with the most to those with the least, until they differ by one at most or no move
    /// is left that keeps the zones.
    fn level_replicas(&mut self, plan: &mut [Planned]) {
        loop {
            let mut by_load: Vec<(usize, BrokerId)> =
                self.replicas.iter().map(|(broker, count)| (*count, *broker)).collect();
            by_load.sort_unstable();
            let found = by_load.iter().rev().find_map(|&(most, from)| {
                by_load
                    .iter()
                    .take_while(|(least, _)| least + 1 < most)
                    .find_map(|&(_, to)| {
                        let index = plan
                            .iter()
                            .position(|planned| self.may_move(&planned.after, from, to))?;
                        Some((index, from, to))
                    })
            });
            let Some((index, from, to)) = found else { return };
            for replica in &mut plan[index].after {
                if *replica == from {
                    *replica = to;
                }
            }
            *self.replicas.entry(from).or_default() -= 1;
            *self.replicas.entry(to).or_default() += 1;
        }
    }

    fn may_move(&self, replicas: &[BrokerId], from: BrokerId, to: BrokerId) -> bool {
        if !replicas.contains(&from) || replicas.contains(&to) {
            return false;
        }
        let moved: Vec<BrokerId> = replicas.iter().map(|it| if *it == from { to } else { *it }).collect();
        self.zones(&moved) >= self.zones(replicas)
    }

    /// Puts other replicas first until brokers lead equally often, or no exchange helps: nothing is copied for that. The
    /// leadership of one partition may have to go to a broker in between, and one of its own on to the next.
    fn level_leaders(&mut self, plan: &mut [Planned]) {
        for planned in plan.iter() {
            if let Some(first) = planned.after.first() {
                *self.leaders.entry(*first).or_default() += 1;
            }
        }
        while let Some(path) = self.path_between_uneven(plan) {
            let (from, to) = (path[0].0, path[path.len() - 1].1);
            for (_, next, index) in path {
                let replicas = &mut plan[index].after;
                replicas.retain(|it| *it != next);
                replicas.insert(0, next);
            }
            *self.leaders.entry(from).or_default() -= 1;
            *self.leaders.entry(to).or_default() += 1;
        }
    }

    /// Steps (from, to, partition that `from` leads and `to` has) from a broker that leads at least two partitions more to
    /// one that leads fewer. Each such path makes the sum of squares smaller, so they end.
    fn path_between_uneven(&self, plan: &[Planned]) -> Option<Vec<(BrokerId, BrokerId, usize)>> {
        let mut by_load: Vec<(usize, BrokerId)> =
            self.leaders.iter().map(|(broker, count)| (*count, *broker)).collect();
        by_load.sort_unstable();
        let steps = steps(plan);
        by_load.iter().rev().find_map(|&(most, from)| {
            let mut reached = BTreeMap::from([(from, None)]);
            let mut next = std::collections::VecDeque::from([from]);
            while let Some(here) = next.pop_front() {
                for (&(_, to), &index) in steps.range((here, BrokerId(i32::MIN))..=(here, BrokerId(i32::MAX))) {
                    if reached.contains_key(&to) || !self.leaders.contains_key(&to) {
                        continue;
                    }
                    reached.insert(to, Some((here, index)));
                    if self.leaders[&to] + 1 < most {
                        return Some(path_to(to, &reached));
                    }
                    next.push_back(to);
                }
            }
            None
        })
    }
}

/// For each two brokers a partition that the first leads and the second has a replica of.
fn steps(plan: &[Planned]) -> BTreeMap<(BrokerId, BrokerId), usize> {
    let mut steps = BTreeMap::new();
    for (index, planned) in plan.iter().enumerate() {
        if let Some((first, others)) = planned.after.split_first() {
            steps.extend(others.iter().map(|other| ((*first, *other), index)));
        }
    }
    steps
}

fn path_to(end: BrokerId, reached: &BTreeMap<BrokerId, Option<(BrokerId, usize)>>) -> Vec<(BrokerId, BrokerId, usize)> {
    let mut path = Vec::new();
    let mut here = end;
    while let Some(Some((before, index))) = reached.get(&here) {
        path.push((*before, here, *index));
        here = *before;
    }
    path.reverse();
    path
}
