//! Ids of producers: each is given once in the life of a cluster. They come from the controller in blocks (KIP-730).

use std::ops::Range;

use kafka_metadata::rpc::{ControllerRequest, ControllerResponse};

use crate::broker::Broker;

/// What is left of the block that this broker has.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    block: tokio::sync::Mutex<Range<i64>>,
}

impl ProducerIds {
    /// The next id of the block, or the first one of a new block; `None` while the controller gives none. Whoever needs a
    /// block while another asks for one waits for it.
    pub(crate) async fn next(&self, broker: &Broker) -> Option<i64> {
        let mut ids = self.block.lock().await;
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
}
