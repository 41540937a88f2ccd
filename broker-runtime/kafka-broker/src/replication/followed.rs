//! What a fetcher follows.

use std::sync::Arc;

use kafka_metadata::{LeaderEpoch, TopicId};

use crate::partition::Partition;

/// Names a partition of a topic.
pub(crate) type PartitionKey = (TopicId, i32);

/// A partition that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// The partition.
    pub(crate) partition: Arc<Partition>,
    /// The epoch in which it is followed.
    pub(crate) leader_epoch: LeaderEpoch,
}
