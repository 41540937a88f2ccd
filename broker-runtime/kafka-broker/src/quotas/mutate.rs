//! Changes of metadata that clients ask for: the controller counts them, for the whole cluster.

use std::time::Duration;

use kafka_metadata::rpc::{ControllerError, ControllerRequest, ControllerResponse};

use crate::{broker::Broker, dispatch::RequestContext};

/// What the controller answers, and how long the client has to wait for it, in milliseconds.
pub(crate) type Mutated = (Result<ControllerResponse, ControllerError>, i32);

impl RequestContext {
    /// Asks the controller for a change that counts against `controller_mutation_rate`, and lets the connection wait for what is
    /// too much. Where it is `strict`, what is too much is refused besides: the client's version knows the error.
    pub(crate) async fn mutate(
        &self,
        broker: &Broker,
        request: ControllerRequest,
        strict: bool,
        timeout: Duration,
    ) -> Mutated {
        let limit = (!self.is_internal())
            .then(|| broker.quotas.mutation_limit(self.used(broker), strict))
            .flatten();
        let Some(limit) = limit else {
            return (broker.controller.call_within(request, timeout).await, 0);
        };
        let request = ControllerRequest::Limited {
            limit,
            request: Box::new(request),
        };
        match broker.controller.call_within(request, timeout).await {
            Ok(ControllerResponse::Limited { throttle_ms, response }) => {
                if throttle_ms > 0 {
                    self.connection.mute_until(broker.uptime_ms() + throttle_ms);
                }
                (Ok(*response), i32::try_from(throttle_ms).unwrap_or(i32::MAX))
            }
            answer => (answer, 0),
        }
    }
}
