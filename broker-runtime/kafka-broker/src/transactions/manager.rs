//! The transaction coordinator of this broker: one shard for each partition of `__transaction_state` it leads, and the way from a
//! transactional id to its shard.

use std::sync::Arc;

use kafka_metadata::LeaderEpoch;
use tokio::sync::mpsc;

use super::{
    ask::{Answer, Ask, Successor},
    coordinator::{Coordinator, MAILBOX_LENGTH},
    error::TransactionError,
    settings::{TRANSACTIONS_TOPIC, TransactionConfig},
    transaction::TransactionalId,
};
use crate::{
    broker::Broker,
    coordinator::{ShardHandle, Shards, ask_shard},
    partition::{Partition, ProducerIdentity},
};

/// See the head of this file.
#[derive(Debug, Default)]
pub struct TransactionManager {
    shards: Shards<Ask>,
}

impl TransactionManager {
    /// This broker leads a partition of `__transaction_state` from now on: its transactions are loaded, by a task of their own.
    pub fn on_elected(&self, broker: &Arc<Broker>, partition: &Arc<Partition>, leader_epoch: LeaderEpoch) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_LENGTH);
        let resigned = broker.shutdown.child_token();
        let handle = ShardHandle {
            leader_epoch,
            mailbox: sender.clone(),
            resigned: resigned.clone(),
        };
        if !self.shards.insert(partition.index, handle) {
            return;
        }
        let coordinator = Coordinator {
            broker: Arc::clone(broker),
            partition: Arc::clone(partition),
            leader_epoch,
            config: TransactionConfig::read(&broker.config.server_properties),
            mailbox,
            own: sender.downgrade(),
            resigned,
        };
        tokio::spawn(coordinator.run());
    }

    /// This broker no longer leads the partition.
    pub fn on_resigned(&self, partition: i32) {
        self.shards.remove(partition);
    }

    /// The broker stops: ends all tasks.
    pub fn shutdown(&self) {
        self.shards.clear();
    }

    /// Asks the shard of `id`, if it is here.
    pub(crate) async fn ask<T>(
        &self,
        broker: &Broker,
        id: &TransactionalId,
        ask: impl FnOnce(Answer<T>) -> Ask,
    ) -> Result<T, TransactionError> {
        let image = broker.metadata.image();
        let partition = TRANSACTIONS_TOPIC
            .partition_of(&image, id.as_str())
            .map(|(index, _)| index);
        let mailbox = partition.and_then(|partition| self.shards.mailbox(partition));
        let mailbox = mailbox.ok_or(TransactionError::NotCoordinator)?;
        ask_shard(mailbox, ask)
            .await
            .unwrap_or(Err(TransactionError::NotCoordinator))
    }

    /// The same with a question that may need a new producer id before it can be answered; `ask` takes the id.
    pub(crate) async fn ask_with_fresh_id<A>(
        &self,
        broker: &Broker,
        id: &TransactionalId,
        ask: impl Fn(Option<i64>) -> A,
    ) -> Result<ProducerIdentity, TransactionError>
    where
        A: FnOnce(Answer<Successor>) -> Ask,
    {
        let mut fresh_producer_id = None;
        loop {
            match self.ask(broker, id, ask(fresh_producer_id)).await? {
                Successor::Producer(producer) => return Ok(producer),
                Successor::NeedsProducerId => {
                    let next = broker.producer_ids.next(broker).await;
                    // Producers try again after this one.
                    fresh_producer_id = Some(next.ok_or(TransactionError::CoordinatorLoadInProgress)?);
                }
            }
        }
    }

    /// Asks all shards that are here; those that go meanwhile are left out.
    pub(crate) async fn ask_all<T>(&self, ask: impl Fn(Answer<T>) -> Ask) -> Vec<Result<T, TransactionError>> {
        let mut answers = Vec::new();
        for mailbox in self.shards.mailboxes() {
            answers.extend(ask_shard(mailbox, &ask).await);
        }
        answers
    }
}
