//! Why a partition refuses a request. `response/error.rs` turns each into Kafka's code.

use kafka_metadata::{BrokerId, LeaderEpoch};
use thiserror::Error;

/// Refusals of a partition.
#[derive(Debug, Error)]
pub enum PartitionError {
    /// NOT_LEADER_OR_FOLLOWER: this broker does not lead the partition (any more).
    #[error("this broker does not lead the partition")]
    NotLeader {
        /// Who does, as far as this broker knows.
        leader: Option<BrokerId>,
        /// In which epoch.
        leader_epoch: LeaderEpoch,
    },
    /// FENCED_LEADER_EPOCH: the peer's knowledge is older than ours.
    #[error("leader epoch {0} is older than the partition's")]
    FencedLeaderEpoch(LeaderEpoch),
    /// UNKNOWN_LEADER_EPOCH: the peer's knowledge is newer than ours.
    #[error("leader epoch {0} is not known yet")]
    UnknownLeaderEpoch(LeaderEpoch),
    /// NOT_ENOUGH_REPLICAS: nothing was appended.
    #[error("{in_sync} replicas are in sync, {required} are required")]
    NotEnoughReplicas {
        /// Size of the ISR.
        in_sync: usize,
        /// `min.insync.replicas`.
        required: usize,
    },
    /// NOT_ENOUGH_REPLICAS_AFTER_APPEND: the records are in the leader's log only, for now.
    #[error("the in-sync replicas became too few after the append")]
    NotEnoughReplicasAfterAppend,
    /// REQUEST_TIMED_OUT: the records are in the leader's log, but not yet on all in-sync replicas.
    #[error("replication did not finish in time")]
    TimedOut,
    /// OFFSET_OUT_OF_RANGE: the offset is outside of what may be read.
    #[error("offset {offset} is outside of {log_start_offset}..={end_offset}")]
    OffsetOutOfRange {
        /// What was asked for.
        offset: i64,
        /// First readable offset.
        log_start_offset: i64,
        /// End of what this reader may see.
        end_offset: i64,
    },
    /// OFFSET_NOT_AVAILABLE: a new leader has not yet caught up with the end of the former epoch.
    #[error("the high watermark has not reached the start of the leader epoch")]
    OffsetNotAvailable,
    /// UNKNOWN_SERVER_ERROR: a batch of ours cannot be made.
    #[error("the records make no batch")]
    Unwritable,
    /// KAFKA_STORAGE_ERROR: the log directory is offline.
    #[error("the log directory is offline")]
    Storage,
    /// The log refused the records or failed.
    #[error(transparent)]
    Log(#[from] kafka_log::LogError),
    /// POLICY_VIOLATION: records go by compaction only.
    #[error("records of this topic cannot be deleted: its cleanup.policy is compact")]
    KeptByPolicy,
}
