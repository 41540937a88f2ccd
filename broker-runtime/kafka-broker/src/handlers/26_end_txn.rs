//! EndTxn 0–5: commits or aborts a transaction. Answered once that is decided for good; the partitions hear of it afterwards, and
//! until they have the producer may have to come again (CONCURRENT_TRANSACTIONS).
//!
//! From version 5 on the producer gets a new epoch with the answer, so that nothing of this transaction can be taken for the next
//! one's (KIP-890); when its epochs are used up, a new id.

use std::sync::Arc;

use kafka_codec::messages::{EndTxnRequest, EndTxnResponse};
use kafka_metadata::acl::AclOperation;

use super::transaction_codes::{FENCED_VERSION, code_for_version};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    partition::ProducerIdentity,
    transactions::{Ask, EndTransaction, TransactionError, TransactionalId},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(26, "EndTxn", 0..=5, EndTxnRequest, handle);

/// First version with a new epoch in the answer.
const EPOCH_VERSION: i16 = 5;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: EndTxnRequest,
    version: i16,
) -> EndTxnResponse {
    let mut response = EndTxnResponse::default();
    match end(context, broker, &request, version >= EPOCH_VERSION).await {
        Ok(producer) if version >= EPOCH_VERSION => {
            (response.producer_id, response.producer_epoch) = (producer.id, producer.epoch);
        }
        Ok(_) => {}
        Err(error) => response.error_code = code_for_version(error, version, FENCED_VERSION).code(),
    }
    response
}

async fn end(
    context: &RequestContext,
    broker: &Broker,
    request: &EndTxnRequest,
    bumps_epoch: bool,
) -> Result<ProducerIdentity, TransactionError> {
    let id = TransactionalId::new(request.transactional_id.as_str());
    context.may_with_transaction(broker, AclOperation::Write, id.as_str())?;
    let end = EndTransaction {
        id: id.clone(),
        producer: ProducerIdentity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        },
        commit: request.committed,
        bumps_epoch,
        fresh_producer_id: None,
    };
    let ask = |fresh_producer_id| {
        let end = EndTransaction {
            fresh_producer_id,
            ..end.clone()
        };
        |answer| Ask::End(end, answer)
    };
    broker.transactions.ask_with_fresh_id(broker, &id, ask).await
}
