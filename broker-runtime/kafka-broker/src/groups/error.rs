//! Why the coordinator refuses. `response/error.rs` turns each into Kafka's code.

use thiserror::Error;

use crate::coordinator::WriteFailure;

/// A refusal. The first block tells a client to look again, the second to join again, the third to mend its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum GroupError {
    #[error("the coordinator is still loading the group's partition")]
    CoordinatorLoadInProgress,
    #[error("this broker does not coordinate the group")]
    NotCoordinator,
    #[error("the coordinator is not available")]
    CoordinatorNotAvailable,

    #[error("the member must join again with the id it was given")]
    MemberIdRequired,
    #[error("the member is not known to the group")]
    UnknownMemberId,
    #[error("the generation is not the group's")]
    IllegalGeneration,
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    #[error("another member took over the group instance id")]
    FencedInstanceId,

    #[error("the member's epoch is not the one that it has")]
    FencedMemberEpoch,
    #[error("the member's epoch is not the one that it has")]
    StaleMemberEpoch,
    #[error("the group instance id belongs to a member that has not left")]
    UnreleasedInstanceId,

    #[error("the group id is empty")]
    InvalidGroupId,
    #[error("the session timeout is outside of group.min.session.timeout.ms and group.max.session.timeout.ms")]
    InvalidSessionTimeout,
    #[error("the member shares no protocol with the group")]
    InconsistentGroupProtocol,
    #[error("the group has group.max.size members")]
    GroupMaxSizeReached,
    #[error("the regular expression is not valid, or too large")]
    InvalidRegularExpression,
    #[error("the version of the request has no epoch of a member")]
    UnsupportedVersion,
    #[error("the group does not exist")]
    GroupIdNotFound,
    #[error("the group has members")]
    NonEmptyGroup,
    #[error("the group consumes the topic")]
    GroupSubscribedToTopic,
    #[error("the offset's metadata is longer than offset.metadata.max.bytes")]
    OffsetMetadataTooLarge,
    #[error("the topic or partition does not exist")]
    UnknownTopicOrPartition,
    #[error("the topic id does not exist")]
    UnknownTopicId,
    #[error("access control lists deny it for the group")]
    GroupAuthorizationFailed,
    #[error("access control lists deny it for the topic")]
    TopicAuthorizationFailed,
    #[error("the offset depends on a transaction that is open")]
    UnstableOffsetCommit,
    #[error("a newer instance of the transactional producer has taken over")]
    InvalidProducerEpoch,
    #[error("the transaction that the offsets are committed with is not open")]
    InvalidTxnState,
    #[error("the records were refused by the offsets topic")]
    Unwritable,
}

impl From<WriteFailure> for GroupError {
    fn from(failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::NotAvailable => Self::CoordinatorNotAvailable,
            WriteFailure::NotCoordinator => Self::NotCoordinator,
            WriteFailure::ProducerFenced => Self::InvalidProducerEpoch,
            WriteFailure::NotInTransaction => Self::InvalidTxnState,
            WriteFailure::CoordinatorFenced | WriteFailure::Unwritable => Self::Unwritable,
        }
    }
}
