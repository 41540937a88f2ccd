//! AddOffsetsToTxn 0–4: a transaction takes in the partition of `__consumer_offsets` that keeps the offsets of a group. Producers
//! that get a new epoch with every transaction do not ask: TxnOffsetCommit 5 does it for them.

use std::sync::Arc;

use kafka_codec::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use kafka_metadata::acl::AclOperation;

use super::transaction_codes::{FENCED_VERSION, code_for_version};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    groups::{OFFSETS_TOPIC, TopicPartition},
    partition::ProducerIdentity,
    security::Resource,
    transactions::{AddPartitions, Ask, TransactionError, TransactionalId},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(25, "AddOffsetsToTxn", 0..=4, AddOffsetsToTxnRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: AddOffsetsToTxnRequest,
    version: i16,
) -> AddOffsetsToTxnResponse {
    let mut response = AddOffsetsToTxnResponse::default();
    if let Err(error) = add(context, broker, &request).await {
        response.error_code = code_for_version(error, version, FENCED_VERSION).code();
    }
    response
}

async fn add(
    context: &RequestContext,
    broker: &Broker,
    request: &AddOffsetsToTxnRequest,
) -> Result<(), TransactionError> {
    let id = TransactionalId::new(request.transactional_id.as_str());
    context.may_with_transaction(broker, AclOperation::Write, id.as_str())?;
    if !context.may(broker, AclOperation::Read, Resource::Group(&request.group_id)) {
        return Err(TransactionError::GroupAuthorizationFailed);
    }
    OFFSETS_TOPIC.ensure(broker).await;
    let image = broker.metadata.image();
    let found = OFFSETS_TOPIC.partition_of(&image, &request.group_id);
    let (partition, _) = found.ok_or(TransactionError::CoordinatorNotAvailable)?;
    let add = AddPartitions {
        id: id.clone(),
        producer: ProducerIdentity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        },
        partitions: vec![TopicPartition {
            topic: Arc::from(OFFSETS_TOPIC.name),
            partition,
        }],
        bumps_epoch: false,
    };
    broker
        .transactions
        .ask(broker, &id, |answer| Ask::Add(add, answer))
        .await
}
