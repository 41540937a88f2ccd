//! The group coordinator of this broker: one shard for each partition of `__consumer_offsets` it leads, and the way from
//! a group id to its shard.

use std::{collections::HashMap, sync::Arc};

use kafka_metadata::LeaderEpoch;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    ask::Ask,
    coordinator::{Coordinator, MAILBOX_LENGTH},
    error::GroupError,
    ids::GroupId,
    partitioner::{OFFSETS_TOPIC, partition_of},
    settings::group_config,
};
use crate::{broker::Broker, partition::Partition};

/// See the head of this file.
#[derive(Debug, Default)]
pub struct GroupManager {
    shards: Mutex<HashMap<i32, ShardHandle>>,
}

#[derive(Debug)]
struct ShardHandle {
    leader_epoch: LeaderEpoch,
    mailbox: mpsc::Sender<Ask>,
    resigned: CancellationToken,
}

impl Drop for ShardHandle {
    fn drop(&mut self) {
        self.resigned.cancel();
    }
}

impl GroupManager {
    /// This broker leads a partition of `__consumer_offsets` from now on: its groups are loaded, by a task of their own.
    pub fn on_elected(&self, broker: &Arc<Broker>, partition: &Arc<Partition>, leader_epoch: LeaderEpoch) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_LENGTH);
        let resigned = broker.shutdown.child_token();
        let handle = ShardHandle {
            leader_epoch,
            mailbox: sender,
            resigned: resigned.clone(),
        };
        {
            let mut shards = self.shards.lock();
            if shards
                .get(&partition.index)
                .is_some_and(|shard| shard.leader_epoch >= leader_epoch)
            {
                return;
            }
            // The handle of an earlier leadership ends its task.
            shards.insert(partition.index, handle);
        }
        let coordinator = Coordinator {
            broker: Arc::clone(broker),
            partition: Arc::clone(partition),
            leader_epoch,
            config: group_config(&broker.config.server_properties),
            mailbox,
            resigned,
        };
        tokio::spawn(coordinator.run());
    }

    /// This broker no longer leads the partition: its groups are forgotten, and who waits for them is sent away.
    pub fn on_resigned(&self, partition: i32) {
        self.shards.lock().remove(&partition);
    }

    /// The broker stops: ends all tasks.
    pub fn shutdown(&self) {
        self.shards.lock().clear();
    }

    /// Asks the shard of `group_id`, if it is here.
    pub(crate) async fn ask<T>(
        &self,
        broker: &Broker,
        group_id: &GroupId,
        ask: impl FnOnce(oneshot::Sender<T>) -> Ask,
    ) -> Result<T, GroupError> {
        let partitions = broker
            .metadata
            .image()
            .topics
            .get(OFFSETS_TOPIC)
            .map(|topic| topic.partitions.len());
        let partitions = partitions
            .and_then(|count| i32::try_from(count).ok())
            .filter(|count| *count > 0);
        let partition = partition_of(group_id, partitions.ok_or(GroupError::NotCoordinator)?);
        let mailbox = self.shards.lock().get(&partition).map(|shard| shard.mailbox.clone());
        send(mailbox.ok_or(GroupError::NotCoordinator)?, ask).await
    }

    /// Asks all shards that are here; those that go meanwhile are left out.
    pub(crate) async fn ask_all<T>(&self, ask: impl Fn(oneshot::Sender<T>) -> Ask) -> Vec<T> {
        let mailboxes: Vec<_> = self.shards.lock().values().map(|shard| shard.mailbox.clone()).collect();
        let mut answers = Vec::with_capacity(mailboxes.len());
        for mailbox in mailboxes {
            answers.extend(send(mailbox, &ask).await.ok());
        }
        answers
    }
}

async fn send<T>(mailbox: mpsc::Sender<Ask>, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, GroupError> {
    let (answer, answered) = oneshot::channel();
    mailbox
        .send(ask(answer))
        .await
        .map_err(|_| GroupError::NotCoordinator)?;
    answered.await.map_err(|_| GroupError::NotCoordinator)
}
