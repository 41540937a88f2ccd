//! ListTransactions 0–2: the transactional ids that this broker coordinates (KIP-664), by state, producer, duration (version 1,
//! KIP-994) and pattern of the id (version 2, KIP-1152). Ids that whoever asks may not see are left out.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{ListTransactionsRequest, ListTransactionsResponse, list_transactions_response},
};
use kafka_metadata::acl::AclOperation;
use regex::Regex;

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::transaction_error_code,
    security::Resource,
    transactions::{Ask, TransactionDescription, TransactionState},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(66, "ListTransactions", 0..=2, ListTransactionsRequest, handle);

/// A pattern may not take more than this when it is compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: ListTransactionsRequest,
    _version: i16,
) -> ListTransactionsResponse {
    let mut response = ListTransactionsResponse::default();
    let Ok(pattern) = pattern_of(request.transactional_id_pattern.as_deref()) else {
        response.error_code = ErrorCode::InvalidRegularExpression.code();
        return response;
    };
    let is_known = |name: &StrBytes| TransactionState::ALL.iter().any(|state| state.name() == name.as_str());
    let unknown = request.state_filters.iter().filter(|name| !is_known(name));
    response.unknown_state_filters = unknown.cloned().collect();
    let now_ms = broker.clock.now_ms();
    let is_wanted = |found: &TransactionDescription| {
        let (transaction, state) = (&found.transaction, found.state().name());
        let (states, producers) = (&request.state_filters, &request.producer_id_filters);
        (states.is_empty() || states.iter().any(|name| name.as_str() == state))
            && (producers.is_empty() || producers.contains(&transaction.producer.id))
            && (request.duration_filter < 0 || now_ms.saturating_sub(transaction.start_ms) > request.duration_filter)
            && pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(found.id.as_str()))
            && context.may_quietly(
                broker,
                AclOperation::Describe,
                Resource::TransactionalId(found.id.as_str()),
            )
    };
    for found in broker.transactions.ask_all(Ask::List).await {
        match found {
            Ok(found) => {
                let wanted = found.into_iter().filter(is_wanted);
                response.transaction_states.extend(wanted.map(|found| entry(&found)));
            }
            Err(error) => {
                // An incomplete list would be taken for a whole one.
                response.error_code = transaction_error_code(error).code();
                response.transaction_states.clear();
                return response;
            }
        }
    }
    response
}

/// The pattern, which has to match the whole id.
fn pattern_of(text: Option<&str>) -> Result<Option<Regex>, regex::Error> {
    let text = text.filter(|text| !text.is_empty());
    let compile = |text: &str| {
        let mut builder = regex::RegexBuilder::new(&format!("^(?:{text})$"));
        builder.size_limit(PATTERN_BYTES_MAX).build()
    };
    text.map(compile).transpose()
}

fn entry(found: &TransactionDescription) -> list_transactions_response::TransactionState {
    let mut entry = list_transactions_response::TransactionState::default();
    entry.transactional_id = StrBytes::from(found.id.as_str());
    entry.producer_id = found.transaction.producer.id;
    entry.transaction_state = StrBytes::from(found.state().name());
    entry
}
