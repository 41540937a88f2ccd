//! What handlers ask of a shard. Each question carries the channel its answer goes back on; a shard that is gone drops the
//! channel, which means NOT_COORDINATOR.

use tokio::sync::oneshot;

use super::{
    error::TransactionError,
    markers::MarkersOutcome,
    settings::TransactionConfig,
    state::TransactionState,
    transaction::{Transaction, TransactionalId},
};
use crate::{coordinator::Question, groups::TopicPartition, partition::ProducerIdentity};

/// Where an answer goes.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, TransactionError>>;

/// An InitProducerId request with a transactional id.
#[derive(Clone, Debug)]
pub(crate) struct InitProducer {
    pub(crate) id: TransactionalId,
    pub(crate) timeout_ms: i32,
    /// Who the client is by now, if it wants to go on after an error (KIP-360).
    pub(crate) expected: Option<ProducerIdentity>,
    /// A new producer id, in case one is needed.
    pub(crate) fresh_producer_id: Option<i64>,
}

impl InitProducer {
    /// Refuses what no coordinator would take.
    pub(crate) fn check(&self, config: &TransactionConfig) -> Result<(), TransactionError> {
        if self.id.as_str().is_empty() {
            return Err(TransactionError::InvalidRequest);
        }
        if !(1..=config.timeout_max_ms).contains(&self.timeout_ms) {
            return Err(TransactionError::InvalidTransactionTimeout);
        }
        Ok(())
    }
}

/// Partitions that a transaction is to take in, or to have taken in.
#[derive(Clone, Debug)]
pub(crate) struct AddPartitions {
    pub(crate) id: TransactionalId,
    pub(crate) producer: ProducerIdentity,
    pub(crate) partitions: Vec<TopicPartition>,
    /// The client gets a new epoch with every transaction (KIP-890, second part).
    pub(crate) bumps_epoch: bool,
}

/// An EndTxn request.
#[derive(Clone, Debug)]
pub(crate) struct EndTransaction {
    pub(crate) id: TransactionalId,
    pub(crate) producer: ProducerIdentity,
    pub(crate) commit: bool,
    /// See [`AddPartitions::bumps_epoch`].
    pub(crate) bumps_epoch: bool,
    /// See [`InitProducer::fresh_producer_id`].
    pub(crate) fresh_producer_id: Option<i64>,
}

/// Who goes on after an InitProducerId or EndTxn request, or the wish for a new producer id before it can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Successor {
    Producer(ProducerIdentity),
    NeedsProducerId,
}

/// What `DescribeTransactions` and `ListTransactions` show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransactionDescription {
    pub(crate) id: TransactionalId,
    pub(crate) transaction: Transaction,
}

impl TransactionDescription {
    pub(crate) fn state(&self) -> TransactionState {
        self.transaction.state
    }
}

/// A question to a shard.
#[derive(Debug)]
pub(crate) enum Ask {
    Init(InitProducer, Answer<Successor>),
    Add(AddPartitions, Answer<()>),
    /// One result for each partition, in that order.
    Verify(AddPartitions, Answer<Vec<Result<(), TransactionError>>>),
    End(EndTransaction, Answer<Successor>),
    Describe(TransactionalId, Answer<TransactionDescription>),
    List(Answer<Vec<TransactionDescription>>),
    /// What has become of the markers of a decided transaction.
    Markers(TransactionalId, ProducerIdentity, MarkersOutcome),
}

impl Ask {
    /// The transactional id that has to be at rest before the question can be answered.
    pub(super) fn waits_for(&self) -> Option<&TransactionalId> {
        match self {
            Self::Init(InitProducer { id, .. }, _)
            | Self::Add(AddPartitions { id, .. }, _)
            | Self::End(EndTransaction { id, .. }, _) => Some(id),
            Self::Verify(..) | Self::Describe(..) | Self::List(_) | Self::Markers(..) => None,
        }
    }

    /// Whoever asked has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Init(_, answer) | Self::End(_, answer) => answer.is_closed(),
            Self::Add(_, answer) => answer.is_closed(),
            Self::Verify(..) | Self::Describe(..) | Self::List(_) | Self::Markers(..) => false,
        }
    }

    /// Answers with `error`: the shard cannot look at the question.
    pub(crate) fn refuse(self, error: TransactionError) {
        // Whoever asked may have gone.
        match self {
            Self::Init(_, answer) | Self::End(_, answer) => drop(answer.send(Err(error))),
            Self::Add(_, answer) => drop(answer.send(Err(error))),
            Self::Verify(_, answer) => drop(answer.send(Err(error))),
            Self::Describe(_, answer) => drop(answer.send(Err(error))),
            Self::List(answer) => drop(answer.send(Err(error))),
            Self::Markers(..) => {}
        }
    }
}

impl Question for Ask {
    fn refuse_while_loading(self) {
        self.refuse(TransactionError::CoordinatorLoadInProgress);
    }

    fn refuse_as_unavailable(self) {
        self.refuse(TransactionError::CoordinatorNotAvailable);
    }
}
