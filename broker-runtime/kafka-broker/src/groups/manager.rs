//! The group coordinator of this broker: one shard for each partition of `__consumer_offsets` it leads, and the way from
//! a group id to its shard.

use std::sync::Arc;

use kafka_metadata::LeaderEpoch;
use tokio::sync::{mpsc, oneshot};

use super::{
    ask::Ask,
    coordinator::{Coordinator, MAILBOX_LENGTH},
    error::GroupError,
    ids::GroupId,
    settings::{OFFSETS_TOPIC, group_config},
};
use crate::{
    broker::Broker,
    coordinator::{ShardHandle, Shards, ask_shard},
    partition::Partition,
};

/// See the head of this file.
#[derive(Debug, Default)]
pub struct GroupManager {
    shards: Shards<Ask>,
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
        if !self.shards.insert(partition.index, handle) {
            return;
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
        self.shards.remove(partition);
    }

    /// The broker stops: ends all tasks.
    pub fn shutdown(&self) {
        self.shards.clear();
    }

    /// Asks the shard of `group_id`, if it is here.
    pub(crate) async fn ask<T>(
        &self,
        broker: &Broker,
        group_id: &GroupId,
        ask: impl FnOnce(oneshot::Sender<T>) -> Ask,
    ) -> Result<T, GroupError> {
        let image = broker.metadata.image();
        let found = OFFSETS_TOPIC.partition_of(&image, group_id.as_str());
        let (partition, _) = found.ok_or(GroupError::NotCoordinator)?;
        self.ask_partition(partition, ask).await
    }

    /// Asks the shard of a partition of `__consumer_offsets`, if it is here.
    pub(crate) async fn ask_partition<T>(
        &self,
        partition: i32,
        ask: impl FnOnce(oneshot::Sender<T>) -> Ask,
    ) -> Result<T, GroupError> {
        let mailbox = self.shards.mailbox(partition).ok_or(GroupError::NotCoordinator)?;
        ask_shard(mailbox, ask).await.ok_or(GroupError::NotCoordinator)
    }

    /// Asks all shards that are here; those that go meanwhile are left out.
    pub(crate) async fn ask_all<T>(&self, ask: impl Fn(oneshot::Sender<T>) -> Ask) -> Vec<T> {
        let mut answers = Vec::new();
        for mailbox in self.shards.mailboxes() {
            answers.extend(ask_shard(mailbox, &ask).await);
        }
        answers
    }
}
