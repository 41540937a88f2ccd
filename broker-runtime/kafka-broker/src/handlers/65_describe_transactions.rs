//! DescribeTransactions 0: where transactional ids stand, told by their coordinator (KIP-664). Partitions of topics that whoever
//! asks may not see are left out.

use std::sync::Arc;

use kafka_codec::{
    StrBytes,
    messages::{
        DescribeTransactionsRequest, DescribeTransactionsResponse,
        describe_transactions_response::{TopicData, TransactionState},
    },
};
use kafka_metadata::acl::AclOperation;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::transaction_error_code,
    security::Resource,
    transactions::{Ask, TransactionDescription, TransactionError, TransactionalId},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(65, "DescribeTransactions", 0..=0, DescribeTransactionsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeTransactionsRequest,
    _version: i16,
) -> DescribeTransactionsResponse {
    let mut response = DescribeTransactionsResponse::default();
    for transactional_id in request.transactional_ids {
        let id = TransactionalId::new(transactional_id.as_str());
        let mut answer = match find(context, broker, &id).await {
            Ok(found) => describe(context, broker, &found),
            Err(error) => {
                let mut refused = TransactionState::default();
                refused.error_code = transaction_error_code(error).code();
                refused
            }
        };
        answer.transactional_id = transactional_id;
        response.transaction_states.push(answer);
    }
    response
}

async fn find(
    context: &RequestContext,
    broker: &Broker,
    id: &TransactionalId,
) -> Result<TransactionDescription, TransactionError> {
    context.may_with_transaction(broker, AclOperation::Describe, id.as_str())?;
    if id.as_str().is_empty() {
        return Err(TransactionError::InvalidRequest);
    }
    let asked = broker
        .transactions
        .ask(broker, id, |answer| Ask::Describe(id.clone(), answer));
    asked.await
}

fn describe(context: &RequestContext, broker: &Broker, found: &TransactionDescription) -> TransactionState {
    let transaction = &found.transaction;
    let mut state = TransactionState::default();
    state.transaction_state = StrBytes::from(transaction.state.name());
    state.transaction_timeout_ms = transaction.timeout_ms;
    state.transaction_start_time_ms = transaction.start_ms;
    (state.producer_id, state.producer_epoch) = (transaction.producer.id, transaction.producer.epoch);
    for partition in &transaction.partitions {
        if !context.may_quietly(broker, AclOperation::Describe, Resource::Topic(&partition.topic)) {
            continue;
        }
        match state.topics.last_mut() {
            Some(last) if last.topic.as_str() == &*partition.topic => last.partitions.push(partition.partition),
            _ => {
                let mut topic = TopicData::default();
                topic.topic = StrBytes::from(&*partition.topic);
                topic.partitions.push(partition.partition);
                state.topics.push(topic);
            }
        }
    }
    state
}
