//! The shards of one kind of coordinator on this broker: one for each partition of the internal topic that it leads.

use std::collections::HashMap;

use kafka_metadata::LeaderEpoch;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The way to a shard. Dropping it ends the task that owns the shard.
#[derive(Debug)]
pub(crate) struct ShardHandle<A> {
    /// Epoch in which this broker leads the partition.
    pub(crate) leader_epoch: LeaderEpoch,
    /// Takes questions to the task.
    pub(crate) mailbox: mpsc::Sender<A>,
    /// Tells the task to end.
    pub(crate) resigned: CancellationToken,
}

impl<A> Drop for ShardHandle<A> {
    fn drop(&mut self) {
        self.resigned.cancel();
    }
}

/// Shards by partition.
#[derive(Debug)]
pub(crate) struct Shards<A> {
    by_partition: Mutex<HashMap<i32, ShardHandle<A>>>,
}

impl<A> Default for Shards<A> {
    fn default() -> Self {
        Self {
            by_partition: Mutex::new(HashMap::new()),
        }
    }
}

impl<A> Shards<A> {
    /// This broker leads the partition; false when that is not news.
    pub(crate) fn insert(&self, partition: i32, handle: ShardHandle<A>) -> bool {
        let mut shards = self.by_partition.lock();
        let known = shards.get(&partition).map(|shard| shard.leader_epoch);
        if known.is_some_and(|epoch| epoch >= handle.leader_epoch) {
            return false;
        }
        // The handle of an earlier leadership ends its task.
        shards.insert(partition, handle);
        true
    }

    /// This broker no longer leads the partition.
    pub(crate) fn remove(&self, partition: i32) {
        self.by_partition.lock().remove(&partition);
    }

    /// Ends all.
    pub(crate) fn clear(&self) {
        self.by_partition.lock().clear();
    }

    /// The way to the shard of a partition, if it is here.
    pub(crate) fn mailbox(&self, partition: i32) -> Option<mpsc::Sender<A>> {
        self.by_partition
            .lock()
            .get(&partition)
            .map(|shard| shard.mailbox.clone())
    }

    /// The ways to all shards.
    pub(crate) fn mailboxes(&self) -> Vec<mpsc::Sender<A>> {
        self.by_partition
            .lock()
            .values()
            .map(|shard| shard.mailbox.clone())
            .collect()
    }
}

/// Asks a shard; `None` when it has gone.
pub(crate) async fn ask_shard<A, T>(mailbox: mpsc::Sender<A>, ask: impl FnOnce(oneshot::Sender<T>) -> A) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    mailbox.send(ask(answer)).await.ok()?;
    answered.await.ok()
}
