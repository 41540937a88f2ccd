//! The one file where the broker's errors become Kafka's codes.

use kafka_codec::ErrorCode;
use kafka_log::LogError;
use kafka_metadata::rpc::ControllerError;

use crate::{
    coordinator::WriteFailure, groups::GroupError, partition::PartitionError, replication::SessionError,
    security::SaslError, transactions::TransactionError,
};

/// Kafka's code for a partition's refusal.
pub(crate) fn partition_error_code(error: &PartitionError) -> ErrorCode {
    match error {
        PartitionError::NotLeader { .. } => ErrorCode::NotLeaderOrFollower,
        PartitionError::FencedLeaderEpoch(_) => ErrorCode::FencedLeaderEpoch,
        PartitionError::UnknownLeaderEpoch(_) => ErrorCode::UnknownLeaderEpoch,
        PartitionError::NotEnoughReplicas { .. } => ErrorCode::NotEnoughReplicas,
        PartitionError::NotEnoughReplicasAfterAppend => ErrorCode::NotEnoughReplicasAfterAppend,
        PartitionError::TimedOut => ErrorCode::RequestTimedOut,
        PartitionError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        PartitionError::OffsetNotAvailable => ErrorCode::OffsetNotAvailable,
        PartitionError::Unwritable => ErrorCode::UnknownServerError,
        PartitionError::Storage => ErrorCode::KafkaStorageError,
        PartitionError::Log(error) => log_error_code(error),
        PartitionError::KeptByPolicy => ErrorCode::PolicyViolation,
    }
}

/// Kafka's code for what a log refuses.
fn log_error_code(error: &LogError) -> ErrorCode {
    match error {
        LogError::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
        LogError::RecordListTooLarge { .. } => ErrorCode::RecordListTooLarge,
        LogError::Corrupt(_) | LogError::Damaged { .. } => ErrorCode::CorruptMessage,
        LogError::InvalidRecord(_) | LogError::NotOneBatch(_) | LogError::MalformedRecords(_) => {
            ErrorCode::InvalidRecord
        }
        LogError::RefusedRecords(refused) if refused.iter().any(|it| it.reason.is_timestamp()) => {
            ErrorCode::InvalidTimestamp
        }
        LogError::RefusedRecords(_) => ErrorCode::InvalidRecord,
        LogError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        LogError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        LogError::InvalidTransactionState { .. } => ErrorCode::InvalidTxnState,
        LogError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        LogError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        LogError::UnexpectedOffset { .. } => ErrorCode::UnknownServerError,
        LogError::NoSpace { .. } | LogError::Storage { .. } | LogError::Offline(_) => ErrorCode::KafkaStorageError,
    }
}

/// Kafka's code for a fetch session that cannot be used.
pub(crate) fn session_error_code(error: SessionError) -> ErrorCode {
    match error {
        SessionError::NotFound => ErrorCode::FetchSessionIdNotFound,
        SessionError::InvalidEpoch => ErrorCode::InvalidFetchSessionEpoch,
        SessionError::TopicIdMismatch => ErrorCode::FetchSessionTopicIdError,
    }
}

/// Kafka's code for the controller's refusal.
pub(crate) fn controller_error_code(error: &ControllerError) -> ErrorCode {
    match error {
        ControllerError::UnknownTopicOrPartition(_) => ErrorCode::UnknownTopicOrPartition,
        ControllerError::UnknownTopicId(_) => ErrorCode::UnknownTopicId,
        ControllerError::TopicAlreadyExists(_) => ErrorCode::TopicAlreadyExists,
        ControllerError::InvalidTopic { .. } => ErrorCode::InvalidTopicException,
        ControllerError::InvalidPartitions(_) => ErrorCode::InvalidPartitions,
        ControllerError::InvalidReplicationFactor(_) => ErrorCode::InvalidReplicationFactor,
        ControllerError::InvalidReplicaAssignment(_) => ErrorCode::InvalidReplicaAssignment,
        ControllerError::InvalidConfig(_) => ErrorCode::InvalidConfig,
        ControllerError::InvalidRequest(_) => ErrorCode::InvalidRequest,
        ControllerError::StaleBrokerEpoch(_) => ErrorCode::StaleBrokerEpoch,
        ControllerError::DuplicateBrokerRegistration(_) => ErrorCode::DuplicateBrokerRegistration,
        ControllerError::InconsistentClusterId(_) => ErrorCode::InconsistentClusterId,
        ControllerError::FencedLeaderEpoch(_) => ErrorCode::FencedLeaderEpoch,
        ControllerError::InvalidUpdateVersion(_) => ErrorCode::InvalidUpdateVersion,
        ControllerError::IneligibleReplica(_) => ErrorCode::IneligibleReplica,
        ControllerError::NoReassignmentInProgress => ErrorCode::NoReassignmentInProgress,
        ControllerError::ElectionNotNeeded => ErrorCode::ElectionNotNeeded,
        ControllerError::PreferredLeaderNotAvailable => ErrorCode::PreferredLeaderNotAvailable,
        ControllerError::EligibleLeadersNotAvailable => ErrorCode::EligibleLeadersNotAvailable,
        ControllerError::NotController => ErrorCode::NotController,
        ControllerError::AuthenticationRefused(_) => ErrorCode::SaslAuthenticationFailed,
        ControllerError::TopicAuthorizationFailed(_) => ErrorCode::TopicAuthorizationFailed,
        ControllerError::PolicyViolation(_) => ErrorCode::PolicyViolation,
        ControllerError::ThrottlingQuotaExceeded => ErrorCode::ThrottlingQuotaExceeded,
    }
}

/// Kafka's code for the group coordinator's refusal.
pub(crate) fn group_error_code(error: GroupError) -> ErrorCode {
    match error {
        GroupError::CoordinatorLoadInProgress => ErrorCode::CoordinatorLoadInProgress,
        GroupError::NotCoordinator => ErrorCode::NotCoordinator,
        GroupError::CoordinatorNotAvailable => ErrorCode::CoordinatorNotAvailable,
        GroupError::MemberIdRequired => ErrorCode::MemberIdRequired,
        GroupError::UnknownMemberId => ErrorCode::UnknownMemberId,
        GroupError::IllegalGeneration => ErrorCode::IllegalGeneration,
        GroupError::RebalanceInProgress => ErrorCode::RebalanceInProgress,
        GroupError::FencedInstanceId => ErrorCode::FencedInstanceId,
        GroupError::FencedMemberEpoch => ErrorCode::FencedMemberEpoch,
        GroupError::StaleMemberEpoch => ErrorCode::StaleMemberEpoch,
        GroupError::UnreleasedInstanceId => ErrorCode::UnreleasedInstanceId,
        GroupError::InvalidRegularExpression => ErrorCode::InvalidRegularExpression,
        GroupError::UnsupportedVersion => ErrorCode::UnsupportedVersion,
        GroupError::InvalidGroupId => ErrorCode::InvalidGroupId,
        GroupError::InvalidSessionTimeout => ErrorCode::InvalidSessionTimeout,
        GroupError::InconsistentGroupProtocol => ErrorCode::InconsistentGroupProtocol,
        GroupError::GroupMaxSizeReached => ErrorCode::GroupMaxSizeReached,
        GroupError::GroupIdNotFound => ErrorCode::GroupIdNotFound,
        GroupError::NonEmptyGroup => ErrorCode::NonEmptyGroup,
        GroupError::GroupSubscribedToTopic => ErrorCode::GroupSubscribedToTopic,
        GroupError::OffsetMetadataTooLarge => ErrorCode::OffsetMetadataTooLarge,
        GroupError::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        GroupError::UnknownTopicId => ErrorCode::UnknownTopicId,
        GroupError::GroupAuthorizationFailed => ErrorCode::GroupAuthorizationFailed,
        GroupError::TopicAuthorizationFailed => ErrorCode::TopicAuthorizationFailed,
        GroupError::UnstableOffsetCommit => ErrorCode::UnstableOffsetCommit,
        GroupError::InvalidProducerEpoch => ErrorCode::InvalidProducerEpoch,
        GroupError::InvalidTxnState => ErrorCode::InvalidTxnState,
        GroupError::Unwritable => ErrorCode::InvalidCommitOffsetSize,
    }
}

/// Kafka's code for a coordinator's write that failed.
pub(crate) fn write_failure_code(failure: WriteFailure) -> ErrorCode {
    match failure {
        WriteFailure::NotAvailable => ErrorCode::CoordinatorNotAvailable,
        WriteFailure::NotCoordinator => ErrorCode::NotCoordinator,
        WriteFailure::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        WriteFailure::NotInTransaction => ErrorCode::InvalidTxnState,
        WriteFailure::CoordinatorFenced => ErrorCode::TransactionCoordinatorFenced,
        WriteFailure::Unwritable => ErrorCode::UnknownServerError,
    }
}

/// The transaction coordinator's refusals with their codes.
const TRANSACTION_ERRORS: [(TransactionError, ErrorCode); 17] = [
    (
        TransactionError::CoordinatorLoadInProgress,
        ErrorCode::CoordinatorLoadInProgress,
    ),
    (TransactionError::NotCoordinator, ErrorCode::NotCoordinator),
    (
        TransactionError::CoordinatorNotAvailable,
        ErrorCode::CoordinatorNotAvailable,
    ),
    (
        TransactionError::ConcurrentTransactions,
        ErrorCode::ConcurrentTransactions,
    ),
    (TransactionError::ProducerFenced, ErrorCode::ProducerFenced),
    (
        TransactionError::InvalidProducerIdMapping,
        ErrorCode::InvalidProducerIdMapping,
    ),
    (TransactionError::InvalidTxnState, ErrorCode::InvalidTxnState),
    (TransactionError::TransactionAbortable, ErrorCode::TransactionAbortable),
    (
        TransactionError::InvalidTransactionTimeout,
        ErrorCode::InvalidTransactionTimeout,
    ),
    (TransactionError::InvalidRequest, ErrorCode::InvalidRequest),
    (
        TransactionError::TransactionalIdNotFound,
        ErrorCode::TransactionalIdNotFound,
    ),
    (
        TransactionError::TransactionalIdAuthorizationFailed,
        ErrorCode::TransactionalIdAuthorizationFailed,
    ),
    (
        TransactionError::OperationNotAttempted,
        ErrorCode::OperationNotAttempted,
    ),
    (
        TransactionError::TopicAuthorizationFailed,
        ErrorCode::TopicAuthorizationFailed,
    ),
    (
        TransactionError::UnknownTopicOrPartition,
        ErrorCode::UnknownTopicOrPartition,
    ),
    (
        TransactionError::GroupAuthorizationFailed,
        ErrorCode::GroupAuthorizationFailed,
    ),
    (TransactionError::Unwritable, ErrorCode::UnknownServerError),
];

/// Kafka's code for the transaction coordinator's refusal.
pub(crate) fn transaction_error_code(error: TransactionError) -> ErrorCode {
    let found = TRANSACTION_ERRORS.iter().find(|(known, _)| *known == error);
    found.map_or(ErrorCode::UnknownServerError, |(_, code)| *code)
}

/// What another broker's code says of a transaction; `None` is a code nobody knows.
pub(crate) fn transaction_error_of(code: Option<ErrorCode>) -> TransactionError {
    let found = TRANSACTION_ERRORS.iter().find(|(_, known)| Some(*known) == code);
    found.map_or(TransactionError::Unwritable, |(error, _)| *error)
}

/// Kafka's code for a refused SASL token.
pub(crate) fn sasl_error_code(error: &SaslError) -> ErrorCode {
    match error {
        SaslError::IllegalState => ErrorCode::IllegalSaslState,
        SaslError::Failed { .. } | SaslError::Denied(_) | SaslError::PrincipalChanged => {
            ErrorCode::SaslAuthenticationFailed
        }
    }
}
