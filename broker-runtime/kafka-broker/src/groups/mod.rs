//! Consumer groups.

use std::sync::Arc;

use kafka_metadata::LeaderEpoch;

use crate::{broker::Broker, partition::Partition};

/// The group coordinator of this broker: one shard for each partition of `__consumer_offsets` it leads.
#[derive(Debug, Default)]
pub struct GroupManager {}

impl GroupManager {
    /// This broker leads a partition of `__consumer_offsets` from now on: load it. Called from the metadata task, must
    /// not block; `broker` is there for spawning and appending.
    pub fn on_elected(&self, broker: &Arc<Broker>, partition: &Arc<Partition>, leader_epoch: LeaderEpoch) {
        tracing::debug!(broker = %broker.config.broker_id, partition = partition.index, %leader_epoch, "elected coordinator");
    }

    /// This broker no longer leads the partition: forget its groups.
    pub fn on_resigned(&self, partition: i32) {
        tracing::debug!(partition, "resigned as coordinator");
    }

    /// The broker stops: end all tasks.
    pub fn shutdown(&self) {}
}
