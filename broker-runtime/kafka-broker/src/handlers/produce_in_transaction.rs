//! What comes before records of a transaction are appended: whether the client may write with its transactional id, and whether
//! the transaction is open, by its coordinator (KIP-890).

use std::{collections::HashMap, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{ProduceRequest, produce_request::PartitionProduceData},
    record_batch::BatchHeader,
};
use kafka_log::VerificationGuard;
use kafka_metadata::acl::AclOperation;

use super::produce::{Outcome, name_of};
use crate::{
    broker::Broker,
    dispatch::RequestContext,
    groups::TopicPartition,
    partition::ProducerIdentity,
    response::transaction_error_code,
    security::Resource,
    transactions::{Beginning, Participant, Participation, TransactionError, TransactionalId, take_part},
};

/// First version whose clients get a new epoch with every transaction, and do not add partitions themselves.
const JOINING_VERSION: i16 = 12;

/// First version whose clients know TRANSACTION_ABORTABLE.
const ABORTABLE_VERSION: i16 = 11;

/// What was found out of the partitions of a request in which a transaction would begin.
#[derive(Default)]
pub(super) struct Verified {
    by_partition: HashMap<TopicPartition, Result<VerificationGuard, (ErrorCode, TransactionError)>>,
}

impl Verified {
    /// The guard to append with, `None` where none is needed; or the refusal.
    pub(super) fn guard(&self, topic: &str, index: i32) -> Result<Option<VerificationGuard>, Outcome> {
        if self.by_partition.is_empty() {
            return Ok(None);
        }
        let partition = TopicPartition {
            topic: Arc::from(topic),
            partition: index,
        };
        match self.by_partition.get(&partition) {
            None => Ok(None),
            Some(Ok(guard)) => Ok(Some(*guard)),
            Some(Err((code, error))) => Err(Outcome::refused(*code, Some(StrBytes::from(error.to_string())))),
        }
    }
}

fn headers(request: &ProduceRequest) -> impl Iterator<Item = (&PartitionProduceData, BatchHeader)> {
    let partitions = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    partitions.filter_map(|partition| Some((partition, header_of(partition)?)))
}

fn header_of(partition: &PartitionProduceData) -> Option<BatchHeader> {
    BatchHeader::parse(partition.records.as_deref()?).ok()
}

/// Records of a transaction need a transactional id that the client may write with; others do not care.
pub(super) fn may_be_transactional(context: &RequestContext, broker: &Broker, request: &ProduceRequest) -> bool {
    match &request.transactional_id {
        Some(id) => context.may(broker, AclOperation::Write, Resource::TransactionalId(id)),
        None => headers(request).all(|(_, header)| !header.is_transactional()),
    }
}

/// Asks the coordinator about the partitions in which a transaction would begin.
pub(super) async fn verify(context: &RequestContext, broker: &Arc<Broker>, request: &ProduceRequest) -> Verified {
    let mut verified = Verified::default();
    let Some(id) = &request.transactional_id else {
        return verified;
    };
    let participation = if context.api_version >= JOINING_VERSION {
        Participation::Join
    } else {
        Participation::Verify
    };
    let Some(producer) = headers(request).find_map(|(_, header)| producer_of(&header)) else {
        return verified;
    };
    let participant = Participant {
        id: TransactionalId::new(id.as_str()),
        producer,
    };
    let begin = || begin(context, broker, request, (producer, participation));
    for (partition, result) in take_part(broker, &participant, participation, begin).await {
        let result = result.map_err(|error| (code_of(error, context.api_version), error));
        verified.by_partition.insert(partition, result);
    }
    verified
}

/// The producer of a batch that belongs to a transaction.
fn producer_of(header: &BatchHeader) -> Option<ProducerIdentity> {
    let is_of_transaction = header.is_transactional() && header.has_producer_id();
    is_of_transaction.then_some(ProducerIdentity {
        id: header.producer_id,
        epoch: header.producer_epoch,
    })
}

/// The partitions of a request in whose logs a transaction of the producer would begin. A request is of one producer; what
/// another one has in it is refused, because it has no guard.
fn begin(
    context: &RequestContext,
    broker: &Broker,
    request: &ProduceRequest,
    (producer, participation): (ProducerIdentity, Participation),
) -> Vec<Beginning> {
    let image = broker.metadata.image();
    let mut beginnings = Vec::new();
    for topic in &request.topic_data {
        let Some(name) = name_of(context, &image, topic) else {
            continue;
        };
        if !context.may_quietly(broker, AclOperation::Write, Resource::Topic(name)) {
            continue;
        }
        for data in &topic.partition_data {
            let header = header_of(data).filter(|header| producer_of(header) == Some(producer));
            let replica = broker.partitions.get(name, data.index);
            let (Some(header), Some(replica)) = (header, replica.filter(|replica| replica.is_leader())) else {
                continue;
            };
            let joins = participation == Participation::Join;
            if let Some(guard) = replica.begin_verification(producer, header.base_sequence, joins) {
                let partition = TopicPartition {
                    topic: Arc::from(name),
                    partition: data.index,
                };
                beginnings.push((partition, guard));
            }
        }
    }
    beginnings
}

/// What the producer is told: to try again where the coordinator could not be asked.
fn code_of(error: TransactionError, version: i16) -> ErrorCode {
    match error {
        TransactionError::ConcurrentTransactions if version < JOINING_VERSION => ErrorCode::NotEnoughReplicas,
        TransactionError::CoordinatorLoadInProgress
        | TransactionError::CoordinatorNotAvailable
        | TransactionError::NotCoordinator => ErrorCode::NotEnoughReplicas,
        TransactionError::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        TransactionError::TransactionAbortable if version < ABORTABLE_VERSION => ErrorCode::InvalidTxnState,
        error => transaction_error_code(error),
    }
}
