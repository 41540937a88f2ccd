//! What handlers ask of a coordinator shard. Each question carries the channel its answer goes back on; a shard that is
//! gone drops the channel, which means NOT_COORDINATOR.

use tokio::sync::oneshot;

use super::{
    command::{JoinAnswer, JoinRequest, LeavingMember, Speaker, SyncAnswer, SyncRequest},
    consumer::{ConsumerGroupDescription, ConsumerHeartbeat, HeartbeatAnswer},
    describe::{GroupDescription, GroupListing},
    error::GroupError,
    ids::{GroupId, MemberId},
    record_format::{CommittedOffset, TopicPartition},
};
use crate::{
    coordinator::{Question, Transactional, WriteFailure},
    partition::TransactionMarker,
};

/// Where an answer goes.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, GroupError>>;

/// Committed offsets by partition; `None` where there is none, an error where a stable one was asked for and there is none yet.
pub(crate) type OffsetList = Vec<(TopicPartition, Result<Option<CommittedOffset>, GroupError>)>;

/// Offsets that are asked for.
#[derive(Clone, Debug)]
pub(crate) struct OffsetsWish {
    pub(crate) group_id: GroupId,
    /// Of these partitions, or of all when `None`.
    pub(crate) partitions: Option<Vec<TopicPartition>>,
    /// No offset counts of which a transaction may yet make another (KIP-447).
    pub(crate) require_stable: bool,
    /// The member of a consumer group that asks, and its epoch; nobody's is the empty one with a negative epoch.
    pub(crate) member: (MemberId, i32),
}

/// One result for each thing that was asked about, in that order.
pub(crate) type Results = Vec<Result<(), GroupError>>;

/// An OffsetCommit request.
#[derive(Clone, Debug)]
pub(crate) struct CommitRequest {
    pub(crate) group_id: GroupId,
    pub(crate) speaker: Speaker,
    /// True where `speaker` has the epoch of a member of a consumer group; older versions know of none.
    pub(crate) knows_epochs: bool,
    /// Versions 2 to 4: how long to keep the offsets.
    pub(crate) retention_ms: Option<i64>,
    pub(crate) offsets: Vec<OffsetToCommit>,
}

/// One offset to commit.
#[derive(Clone, Debug)]
pub(crate) struct OffsetToCommit {
    pub(crate) partition: TopicPartition,
    pub(crate) topic_id: uuid::Uuid,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: std::sync::Arc<str>,
}

/// A question to a shard.
#[derive(Debug)]
pub(crate) enum Ask {
    Join(JoinRequest, oneshot::Sender<JoinAnswer>),
    Sync(SyncRequest, Answer<SyncAnswer>),
    Heartbeat(GroupId, Speaker, Answer<()>),
    Leave(GroupId, Vec<LeavingMember>, Answer<Results>),
    Commit(CommitRequest, Answer<Results>),
    /// Takes effect with the transaction.
    CommitWithTransaction(CommitRequest, Transactional, Answer<Results>),
    /// The transaction has ended.
    EndTransaction(TransactionMarker, oneshot::Sender<Result<(), WriteFailure>>),
    FetchOffsets(OffsetsWish, Answer<OffsetList>),
    Describe(GroupId, Answer<GroupDescription>),
    List(Answer<Vec<GroupListing>>),
    ConsumerHeartbeat(Box<ConsumerHeartbeat>, Answer<HeartbeatAnswer>),
    DescribeConsumer(GroupId, Answer<ConsumerGroupDescription>),
    /// All offsets that groups have committed.
    Committed(Answer<Vec<(GroupId, TopicPartition, i64)>>),
    DeleteGroup(GroupId, Answer<()>),
    DeleteOffsets(GroupId, Vec<TopicPartition>, Answer<Results>),
}

impl Ask {
    /// Answers with `error`: the shard cannot look at the question.
    pub(crate) fn refuse(self, error: GroupError) {
        // Whoever asked may have gone.
        match self {
            Self::Join(request, answer) => {
                let _ = answer.send(JoinAnswer {
                    member_id: request.member_id,
                    result: Err(error),
                });
            }
            Self::Sync(_, answer) => drop(answer.send(Err(error))),
            Self::Heartbeat(_, _, answer) | Self::DeleteGroup(_, answer) => drop(answer.send(Err(error))),
            Self::Leave(_, _, answer)
            | Self::Commit(_, answer)
            | Self::CommitWithTransaction(_, _, answer)
            | Self::DeleteOffsets(_, _, answer) => drop(answer.send(Err(error))),
            // The coordinator of the transaction comes again.
            Self::EndTransaction(_, answer) => drop(answer.send(Err(WriteFailure::NotCoordinator))),
            Self::FetchOffsets(_, answer) => drop(answer.send(Err(error))),
            Self::Describe(_, answer) => drop(answer.send(Err(error))),
            Self::ConsumerHeartbeat(_, answer) => drop(answer.send(Err(error))),
            Self::DescribeConsumer(_, answer) => drop(answer.send(Err(error))),
            Self::List(answer) => drop(answer.send(Err(error))),
            Self::Committed(answer) => drop(answer.send(Err(error))),
        }
    }
}

impl Question for Ask {
    fn refuse_while_loading(self) {
        self.refuse(GroupError::CoordinatorLoadInProgress);
    }

    fn refuse_as_unavailable(self) {
        self.refuse(GroupError::CoordinatorNotAvailable);
    }
}
