//! Why the coordinator refuses. `response/error.rs` turns each into Kafka's code.

use thiserror::Error;

use crate::coordinator::WriteFailure;

/// A refusal. The first block tells a client to look again or to wait, the second that another instance of it has taken over,
/// the third to mend its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum TransactionError {
    #[error("the coordinator is still loading the partition of the transactional id")]
    CoordinatorLoadInProgress,
    #[error("this broker does not coordinate the transactional id")]
    NotCoordinator,
    #[error("the coordinator is not available")]
    CoordinatorNotAvailable,
    #[error("the transaction is being ended")]
    ConcurrentTransactions,

    #[error("a newer instance of the producer has taken over")]
    ProducerFenced,
    #[error("the producer id is not that of the transactional id")]
    InvalidProducerIdMapping,

    #[error("the transaction cannot do this in its state")]
    InvalidTxnState,
    #[error("the partition is not part of the transaction, which can be aborted only")]
    TransactionAbortable,
    #[error("the timeout is not positive, or longer than transaction.max.timeout.ms")]
    InvalidTransactionTimeout,
    #[error("the transactional id is empty")]
    InvalidRequest,
    #[error("the transactional id is not known")]
    TransactionalIdNotFound,
    #[error("access control lists deny it for the transactional id")]
    TransactionalIdAuthorizationFailed,
    #[error("no partition of the request was added, because some could not be")]
    OperationNotAttempted,
    #[error("access control lists deny it for the topic")]
    TopicAuthorizationFailed,
    #[error("the topic or partition does not exist")]
    UnknownTopicOrPartition,
    #[error("access control lists deny it for the group")]
    GroupAuthorizationFailed,
    #[error("the records were refused by the topic of transactions")]
    Unwritable,
}

impl From<WriteFailure> for TransactionError {
    fn from(failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::NotAvailable => Self::CoordinatorNotAvailable,
            WriteFailure::NotCoordinator => Self::NotCoordinator,
            // The topic of transactions is written outside of any.
            WriteFailure::ProducerFenced
            | WriteFailure::NotInTransaction
            | WriteFailure::CoordinatorFenced
            | WriteFailure::Unwritable => Self::Unwritable,
        }
    }
}
