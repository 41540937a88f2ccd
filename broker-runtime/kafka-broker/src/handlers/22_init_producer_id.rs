//! InitProducerId 0–5: gives an idempotent producer its id, with epoch 0. Ids come from the controller in blocks (KIP-730).
//!
//! Differences from Kafka: transactions are not offered. A transactional id is refused with INVALID_REQUEST, which ends the
//! producer's `initTransactions` at once; COORDINATOR_NOT_AVAILABLE, say, would let it try for ever. An idempotent producer
//! that asks with the id it has gets a new one, as in Kafka.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode,
    messages::{InitProducerIdRequest, InitProducerIdResponse},
};
use kafka_metadata::{
    acl::{AclOperation, AclResourceType},
    rpc::{ControllerRequest, ControllerResponse},
};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(22, "InitProducerId", 0..=5, InitProducerIdRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: InitProducerIdRequest,
    _version: i16,
) -> InitProducerIdResponse {
    let mut response = InitProducerIdResponse::default();
    response.producer_id = -1;
    response.producer_epoch = -1;
    if let Some(transactional_id) = request.transactional_id {
        tracing::warn!(%transactional_id, "transactional producer refused: transactions are not offered");
        response.error_code = ErrorCode::InvalidRequest.code();
        return response;
    }
    let may = context.may_quietly(broker, AclOperation::IdempotentWrite, Resource::Cluster)
        || context.may_with_some(broker, AclOperation::Write, AclResourceType::Topic);
    if !may {
        response.error_code = ErrorCode::ClusterAuthorizationFailed.code();
        return response;
    }
    match next_producer_id(broker).await {
        Some(producer_id) => {
            response.producer_id = producer_id;
            response.producer_epoch = 0;
        }
        // Producers try again after this one.
        None => response.error_code = ErrorCode::CoordinatorLoadInProgress.code(),
    }
    response
}

/// The next id of the block, or the first one of a new block. Whoever needs a block while another asks for one waits for
/// it.
async fn next_producer_id(broker: &Broker) -> Option<i64> {
    let mut ids = broker.producer_ids.lock().await;
    if let Some(id) = ids.next() {
        return Some(id);
    }
    let request = ControllerRequest::AllocateProducerIds {
        broker_id: broker.config.broker_id,
        broker_epoch: broker.controller.broker_epoch(),
    };
    match broker.controller.call(request).await {
        Ok(ControllerResponse::ProducerIds { first, count }) => {
            *ids = first..first.saturating_add(i64::from(count));
            ids.next()
        }
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "controller gives no producer ids");
            None
        }
    }
}
