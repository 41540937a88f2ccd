//! Who of a consumer group reads which partitions. Both assignors give the same result for the same input, whatever the order
//! of it, and no partition to two members.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::partitions::Partitions;
use crate::groups::ids::{InstanceId, MemberId};

/// An assignor of `group.consumer.assignors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Assignor {
    /// Everybody gets as many as the others, and keeps what it has.
    Uniform,
    /// Of every topic everybody gets a range, the same one of topics with as many partitions.
    Range,
}

/// A member as assignors see it.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    pub(super) member_id: &'a MemberId,
    pub(super) instance_id: Option<&'a InstanceId>,
    /// Topics it reads.
    pub(super) topics: BTreeSet<Uuid>,
    /// Its target before.
    pub(super) before: Option<&'a Partitions>,
}

impl Assignor {
    pub(crate) const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor that a client asks for.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// The assignor that a server property names, by its own name or by that of Kafka's class.
    pub(super) fn configured(name: &str) -> Option<Self> {
        let class = name.rsplit('.').next().unwrap_or(name);
        Self::named(class.strip_suffix("assignor").unwrap_or(class))
    }

    /// The target of every reader. `topics` has the number of partitions of every topic.
    pub(super) fn assign(self, readers: &[Reader<'_>], topics: &BTreeMap<Uuid, i32>) -> Vec<(MemberId, Partitions)> {
        let mut shares = match self {
            Self::Uniform => uniform(readers, topics),
            Self::Range => range(readers, topics),
        };
        let with_share = readers.iter().enumerate().map(|(index, reader)| {
            let share = std::mem::take(&mut shares[index]);
            (reader.member_id.clone(), share)
        });
        with_share.collect()
    }
}

fn range(readers: &[Reader<'_>], topics: &BTreeMap<Uuid, i32>) -> Vec<Partitions> {
    let mut shares = vec![Partitions::default(); readers.len()];
    for (topic_id, &partitions) in topics {
        let mut of_topic: Vec<usize> = (0..readers.len())
            .filter(|index| readers[*index].topics.contains(topic_id))
            .collect();
        // Static members first, by what does not change when they restart.
        of_topic.sort_by_key(|index| {
            let reader = &readers[*index];
            (reader.instance_id.is_none(), reader.instance_id, reader.member_id)
        });
        let count = i32::try_from(of_topic.len()).unwrap_or(i32::MAX);
        if count == 0 {
            continue;
        }
        let (quota, mut extra, mut next) = (partitions / count, partitions % count, 0);
        for index in of_topic {
            let end = next + quota + i32::from(extra > 0);
            extra = (extra - 1).max(0);
            for partition in next..end {
                shares[index].insert(*topic_id, partition);
            }
            next = end;
        }
    }
    shares
}

/// Shares while they are made. Readers are named by their index.
struct Shares<'a> {
    readers: &'a [Reader<'a>],
    /// Readers of every topic.
    of_topic: BTreeMap<Uuid, Vec<usize>>,
    owners: BTreeMap<(Uuid, i32), usize>,
    loads: Vec<usize>,
}

fn uniform(readers: &[Reader<'_>], topics: &BTreeMap<Uuid, i32>) -> Vec<Partitions> {
    let mut of_topic: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (index, reader) in readers.iter().enumerate() {
        for topic_id in &reader.topics {
            of_topic.entry(*topic_id).or_default().push(index);
        }
    }
    let mut shares = Shares {
        readers,
        of_topic,
        owners: BTreeMap::new(),
        loads: vec![0; readers.len()],
    };
    shares.keep(topics);
    shares.fill(topics);
    shares.balance();
    let mut made = vec![Partitions::default(); readers.len()];
    for ((topic_id, partition), owner) in shares.owners {
        made[owner].insert(topic_id, partition);
    }
    made
}

impl Shares<'_> {
    /// Everybody keeps what it had, as far as it is there and still read.
    fn keep(&mut self, topics: &BTreeMap<Uuid, i32>) {
        for (index, reader) in self.readers.iter().enumerate() {
            for (topic_id, partition) in reader.before.into_iter().flat_map(Partitions::iter) {
                let exists = topics.get(&topic_id).is_some_and(|count| partition < *count);
                if exists && reader.topics.contains(&topic_id) && !self.owners.contains_key(&(topic_id, partition)) {
                    self.owners.insert((topic_id, partition), index);
                    self.loads[index] += 1;
                }
            }
        }
    }

    /// What nobody has goes to the reader with least. Topics with few readers come first: others have more choice.
    fn fill(&mut self, topics: &BTreeMap<Uuid, i32>) {
        let mut order: Vec<(usize, Uuid)> = self
            .of_topic
            .iter()
            .map(|(topic_id, readers)| (readers.len(), *topic_id))
            .collect();
        order.sort_unstable();
        for (_, topic_id) in order {
            let of_topic = &self.of_topic[&topic_id];
            let mut by_load: BTreeSet<(usize, usize)> =
                of_topic.iter().map(|index| (self.loads[*index], *index)).collect();
            for partition in 0..topics.get(&topic_id).copied().unwrap_or(0) {
                if self.owners.contains_key(&(topic_id, partition)) {
                    continue;
                }
                if let Some((load, index)) = by_load.pop_first() {
                    self.owners.insert((topic_id, partition), index);
                    self.loads[index] = load + 1;
                    by_load.insert((load + 1, index));
                }
            }
        }
    }

    /// Moves partitions, the last ones first as in Kafka, to readers that have at least two fewer, until there is no such pair. Every move makes the sum of
    /// the squares of all loads smaller, so it ends.
    fn balance(&mut self) {
        loop {
            let mut moved = false;
            for (topic_id, of_topic) in &self.of_topic {
                let mut by_load: BTreeSet<(usize, usize)> =
                    of_topic.iter().map(|index| (self.loads[*index], *index)).collect();
                let partitions = self.owners.range_mut((*topic_id, i32::MIN)..=(*topic_id, i32::MAX));
                for (_, owner) in partitions.rev() {
                    let Some((least, index)) = by_load.first().copied() else {
                        break;
                    };
                    let load = self.loads[*owner];
                    if load <= least + 1 {
                        continue;
                    }
                    by_load.remove(&(least, index));
                    by_load.remove(&(load, *owner));
                    by_load.insert((least + 1, index));
                    by_load.insert((load - 1, *owner));
                    self.loads[index] += 1;
                    self.loads[*owner] -= 1;
                    *owner = index;
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    /// Members with the topics they read.
    fn members(topics: &[&[u128]]) -> Vec<(MemberId, BTreeSet<Uuid>)> {
        let numbered = topics.iter().enumerate();
        numbered
            .map(|(index, topics)| {
                let topics = topics.iter().map(|number| topic(*number)).collect();
                (MemberId::new(format!("m{index}")), topics)
            })
            .collect()
    }

    fn assign(
        assignor: Assignor,
        members: &[(MemberId, BTreeSet<Uuid>)],
        topics: &BTreeMap<Uuid, i32>,
        before: &BTreeMap<MemberId, Partitions>,
    ) -> BTreeMap<MemberId, Partitions> {
        let readers: Vec<_> = members
            .iter()
            .map(|(member_id, topics)| Reader {
                member_id,
                instance_id: None,
                topics: topics.clone(),
                before: before.get(member_id),
            })
            .collect();
        assignor.assign(&readers, topics).into_iter().collect()
    }

    #[test]
    fn ranges_of_topics_with_as_many_partitions_are_the_same() {
        let members = members(&[&[1, 2], &[1, 2], &[2]]);
        let topics = BTreeMap::from([(topic(1), 3), (topic(2), 3)]);
        let made = assign(Assignor::Range, &members, &topics, &BTreeMap::new());
        let of = |member: &str| made[&MemberId::new(member)].iter().collect::<Vec<_>>();
        assert_eq!(of("m0"), [(topic(1), 0), (topic(1), 1), (topic(2), 0)]);
        assert_eq!(of("m1"), [(topic(1), 2), (topic(2), 1)]);
        assert_eq!(of("m2"), [(topic(2), 2)]);
    }

    #[test]
    fn a_newcomer_takes_only_what_makes_loads_even() {
        let topics = BTreeMap::from([(topic(1), 6)]);
        let two = members(&[&[1], &[1]]);
        let before = assign(Assignor::Uniform, &two, &topics, &BTreeMap::new());
        assert!(before.values().all(|share| share.count() == 3));
        let three = members(&[&[1], &[1], &[1]]);
        let after = assign(Assignor::Uniform, &three, &topics, &before);
        assert!(after.values().all(|share| share.count() == 2));
        for member in before.keys() {
            let kept = after[member]
                .iter()
                .filter(|&(id, partition)| before[member].contains(id, partition));
            assert_eq!(kept.count(), 2, "{member} keeps two of its own");
        }
    }

    #[test]
    fn assignors_are_known_by_name_and_by_class() {
        assert_eq!(Assignor::configured("range"), Some(Assignor::Range));
        let class = "org.apache.kafka.coordinator.group.assignor.uniformassignor";
        assert_eq!(Assignor::configured(class), Some(Assignor::Uniform));
        assert_eq!(Assignor::named("sticky"), None);
    }

    proptest! {
        /// Every partition that somebody reads has exactly one owner, who reads it; the uniform assignor leaves no partition
        /// with an owner that has two more than another reader of the topic, and moves nothing when asked again.
        #[test]
        fn shares_are_complete_and_even(
            subscriptions in proptest::collection::vec(proptest::collection::btree_set(1u128..5, 0..4), 1..8),
            counts in proptest::collection::vec(0i32..9, 4),
        ) {
            let members: Vec<_> = subscriptions
                .iter()
                .enumerate()
                .map(|(index, topics)| {
                    (MemberId::new(format!("m{index}")), topics.iter().map(|number| topic(*number)).collect::<BTreeSet<_>>())
                })
                .collect();
            let topics: BTreeMap<_, _> = (1u128..5).map(topic).zip(counts).collect();
            for assignor in Assignor::ALL {
                let made = assign(assignor, &members, &topics, &BTreeMap::new());
                let mut owned = BTreeSet::new();
                for (member_id, reads) in &members {
                    for (topic_id, partition) in made[member_id].iter() {
                        prop_assert!(reads.contains(&topic_id));
                        prop_assert!(partition < topics[&topic_id]);
                        prop_assert!(owned.insert((topic_id, partition)), "two owners");
                    }
                }
                let read: BTreeSet<_> = members.iter().flat_map(|(_, reads)| reads.iter().copied()).collect();
                let expected: i32 = read.iter().map(|topic_id| topics[topic_id]).sum();
                prop_assert_eq!(owned.len(), usize::try_from(expected).unwrap());
                if assignor == Assignor::Uniform {
                    for (member_id, reads) in &members {
                        let load = made[member_id].count();
                        for (other, _) in members.iter().filter(|(_, others)| !others.is_disjoint(reads)) {
                            let takes = made[other].iter().any(|(topic_id, _)| reads.contains(&topic_id));
                            prop_assert!(!takes || made[other].count() <= load + 1);
                        }
                    }
                    prop_assert_eq!(assign(assignor, &members, &topics, &made), made);
                }
            }
        }
    }
}
