//! Who follows what: for each leader that this broker follows so many [`Fetcher`]s as `num.replica.fetchers` says, each with a part of
//! the partitions.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use kafka_metadata::BrokerId;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    fetcher::Fetcher,
    followed::{Followed, PartitionKey},
};
use crate::broker::Broker;

/// What one fetcher follows.
#[derive(Default)]
pub(super) struct Assignment {
    partitions: Mutex<HashMap<PartitionKey, Followed>>,
    /// How often they have changed.
    changes: AtomicU64,
    changed: Notify,
}

impl Assignment {
    pub(super) fn partitions(&self) -> HashMap<PartitionKey, Followed> {
        self.partitions.lock().clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partitions.lock().is_empty()
    }

    /// How often it has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Ends with the next change, or at once after one that nobody has waited for.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Ends when there were other than so many changes.
    pub(super) async fn differs_from(&self, changes: u64) {
        while self.changes() == changes {
            self.changed().await;
        }
    }

    fn insert(&self, key: PartitionKey, followed: Followed) {
        let leader_epoch = followed.leader_epoch;
        let before = self.partitions.lock().insert(key, followed);
        if before.is_none_or(|before| before.leader_epoch != leader_epoch) {
            self.note_change();
        }
    }

    fn remove(&self, key: &PartitionKey) {
        if self.partitions.lock().remove(key).is_some() {
            self.note_change();
        }
    }

    fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_one();
    }
}

struct Task {
    assignment: Arc<Assignment>,
    stop: CancellationToken,
}

impl Task {
    fn start(broker: &Arc<Broker>, leader: BrokerId) -> Self {
        let assignment = Arc::new(Assignment::default());
        let stop = broker.shutdown.child_token();
        tokio::spawn(Fetcher::new(broker, leader, &assignment).run(stop.clone()));
        Self { assignment, stop }
    }
}

/// A leader, and which one of those that follow it.
type Place = (BrokerId, usize);

#[derive(Default)]
struct Tasks {
    by_place: HashMap<Place, Task>,
    /// Beyond the first one of each leader.
    more: usize,
}

impl Tasks {
    /// Where a partition of this leader belongs: those of a topic are spread evenly.
    fn place(&self, leader: BrokerId, (topic_id, index): PartitionKey) -> Place {
        (leader, spread(topic_id.0.as_u128(), index, self.more + 1))
    }

    fn follow(&mut self, broker: &Arc<Broker>, leader: BrokerId, followed: Followed) {
        let key = (followed.partition.topic_id, followed.partition.index);
        let place = self.place(leader, key);
        for (other, task) in &self.by_place {
            if *other != place {
                task.assignment.remove(&key);
            }
        }
        let task = self
            .by_place
            .entry(place)
            .or_insert_with(|| Task::start(broker, leader));
        task.assignment.insert(key, followed);
    }
}

/// One of `count`, for a partition of a topic.
fn spread(topic: u128, index: i32, count: usize) -> usize {
    let index = u128::from(index.unsigned_abs());
    let one = topic.wrapping_add(index) % u128::try_from(count.max(1)).unwrap_or(1);
    usize::try_from(one).unwrap_or(0)
}

/// All fetchers of a broker.
#[derive(Default)]
pub(crate) struct ReplicaFetchers {
    tasks: Mutex<Tasks>,
}

impl ReplicaFetchers {
    /// Follows `partition` at `leader` from now on, and nowhere else.
    pub(crate) fn follow(&self, broker: &Arc<Broker>, leader: BrokerId, followed: Followed) {
        self.tasks.lock().follow(broker, leader, followed);
    }

    /// Follows the partition no longer.
    pub(crate) fn unfollow(&self, key: PartitionKey) {
        for task in self.tasks.lock().by_place.values() {
            task.assignment.remove(&key);
        }
    }

    /// So many follow each leader from now on, at least one. What was followed goes to whoever it belongs to now.
    pub(crate) fn resize(&self, broker: &Arc<Broker>, of_each_leader: usize) {
        let mut tasks = self.tasks.lock();
        let more = of_each_leader.max(1) - 1;
        if tasks.more == more {
            return;
        }
        tasks.more = more;
        let followed: Vec<(BrokerId, Followed)> = tasks
            .by_place
            .iter()
            .flat_map(|((leader, _), task)| task.assignment.partitions().into_values().map(|it| (*leader, it)))
            .collect();
        tasks.by_place.retain(|(_, one), task| {
            let stays = *one <= more;
            if !stays {
                task.stop.cancel();
            }
            stays
        });
        for (leader, followed) in followed {
            tasks.follow(broker, leader, followed);
        }
    }

    /// Ends all tasks.
    pub(crate) fn shutdown(&self) {
        for (_, task) in self.tasks.lock().by_place.drain() {
            task.stop.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_a_topic_are_spread_evenly() {
        for topic in [0, 7, u128::MAX] {
            let mut counts = [0; 3];
            (0..30).for_each(|index| counts[spread(topic, index, 3)] += 1);
            assert!(counts.iter().all(|count| (9..=11).contains(count)), "{counts:?}");
            assert_eq!(spread(topic, 5, 1), 0);
        }
    }
}
