//! InitProducerId 0–5: gives a producer its id and epoch.
//!
//! * An idempotent producer gets a new id with epoch 0; one that asks with the id it has gets a new one too, as in Kafka.
//! * A transactional one gets the id of its transactional id with a new epoch, and whoever had it before is fenced. What that
//!   one has left open is aborted first: CONCURRENT_TRANSACTIONS, and the client comes again. From version 3 on the client may
//!   say who it is, to go on after an error (KIP-360).
//!
//! Difference from Kafka: two-phase commit (version 6, KIP-939) is not offered.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode,
    messages::{InitProducerIdRequest, InitProducerIdResponse},
};
use kafka_metadata::acl::{AclOperation, AclResourceType};

use super::transaction_codes::code_for_version;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    partition::ProducerIdentity,
    security::Resource,
    transactions::{Ask, InitProducer, TransactionConfig, TransactionError, TransactionalId},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(22, "InitProducerId", 0..=5, InitProducerIdRequest, handle);

/// First version whose clients know PRODUCER_FENCED.
const FENCED_VERSION: i16 = 4;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: InitProducerIdRequest,
    version: i16,
) -> InitProducerIdResponse {
    let result = match &request.transactional_id {
        Some(id) => {
            let id = TransactionalId::new(id.as_str());
            let result = init_transactional(context, broker, &request, id).await;
            result.map_err(|error| code_for_version(error, version, FENCED_VERSION))
        }
        None => init_idempotent(context, broker).await,
    };
    let mut response = InitProducerIdResponse::default();
    let producer = match result {
        Ok(producer) => producer,
        Err(code) => {
            response.error_code = code.code();
            ProducerIdentity::NONE
        }
    };
    (response.producer_id, response.producer_epoch) = (producer.id, producer.epoch);
    response
}

async fn init_idempotent(context: &RequestContext, broker: &Broker) -> Result<ProducerIdentity, ErrorCode> {
    let may = context.may_quietly(broker, AclOperation::IdempotentWrite, Resource::Cluster)
        || context.may_with_some(broker, AclOperation::Write, AclResourceType::Topic);
    if !may {
        return Err(ErrorCode::ClusterAuthorizationFailed);
    }
    // Producers try again after this one.
    let id = broker
        .producer_ids
        .next(broker)
        .await
        .ok_or(ErrorCode::CoordinatorLoadInProgress)?;
    Ok(ProducerIdentity { id, epoch: 0 })
}

async fn init_transactional(
    context: &RequestContext,
    broker: &Broker,
    request: &InitProducerIdRequest,
    id: TransactionalId,
) -> Result<ProducerIdentity, TransactionError> {
    context.may_with_transaction(broker, AclOperation::Write, id.as_str())?;
    let expected = ProducerIdentity {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    if (expected.id < 0) != (expected.epoch < 0) {
        return Err(TransactionError::InvalidRequest);
    }
    let init = InitProducer {
        id: id.clone(),
        timeout_ms: request.transaction_timeout_ms,
        expected: (expected.id >= 0).then_some(expected),
        fresh_producer_id: None,
    };
    // Before a coordinator is looked for, as in Kafka: there may be none yet.
    init.check(&TransactionConfig::read(&broker.config.server_properties))?;
    let ask = |fresh_producer_id| {
        let init = InitProducer {
            fresh_producer_id,
            ..init.clone()
        };
        |answer| Ask::Init(init, answer)
    };
    broker.transactions.ask_with_fresh_id(broker, &id, ask).await
}
