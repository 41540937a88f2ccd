//! From a frame to a reply: header, table of APIs, permission to ask, handler.

use std::sync::Arc;

use super::{ApiEntry, Connection, Reply, ReplyFrame, RequestContext, RequestError};
use crate::{
    broker::Broker,
    handlers,
    quotas::Throttled,
    security::{self, SaslState},
};
use bytes::Bytes;
use kafka_codec::{
    KafkaDecode, decode_limits, decode_request_header, encode_response,
    messages::{KafkaRequest, KafkaResponse},
};
use tracing::trace;

/// API key of `ApiVersions`, the one request that is answered in versions that do not exist.
const API_VERSIONS: i16 = 18;

/// The API with this key.
pub(crate) fn find_api(key: i16) -> Option<&'static ApiEntry> {
    handlers::APIS.iter().find(|api| api.key == key)
}

/// Answers one frame.
pub(crate) async fn answer(
    connection: &Arc<Connection>,
    broker: &Arc<Broker>,
    frame: Bytes,
) -> Result<Reply, RequestError> {
    if connection.session.lock().sasl.expects_raw_token() {
        return security::answer_raw_token(connection, broker, &frame).await;
    }
    let (header, body) = decode_request_header(frame, decode_limits())?;
    let context = RequestContext {
        connection: Arc::clone(connection),
        principal: connection.session.lock().principal.clone(),
        client_id: header.client_id,
        api_key: header.api_key,
        api_version: header.api_version,
        correlation_id: header.correlation_id,
    };
    let api = find_api(context.api_key).ok_or(RequestError::Protocol("api key is not supported"))?;
    if connection.sasl_required && !connection.session.lock().sasl.allows(context.api_key) {
        return Err(RequestError::Protocol("request before authentication"));
    }
    let ends_ms = connection.session.lock().ends_ms;
    if ends_ms.is_some_and(|ends_ms| broker.uptime_ms() > ends_ms) && !SaslState::renews(context.api_key) {
        return Err(RequestError::Protocol(
            "the session has ended, and the client has not authenticated again",
        ));
    }
    // Brokers of a cluster are all of one make, and speak among themselves as they like.
    let newest = if context.is_internal() {
        api.max
    } else {
        broker.kafka_version().newest(api)
    };
    if context.api_version < api.min || context.api_version > newest {
        if context.api_key == API_VERSIONS {
            return Ok(Reply::Now(handlers::api_versions_unsupported(&context)?));
        }
        return Err(RequestError::Protocol("api version is not supported"));
    }
    trace!(
        api = api.name,
        version = context.api_version,
        correlation_id = context.correlation_id,
        client_id = context.client_id(),
        principal = context.principal.as_str(),
        peer = %connection.peer,
        listener = %connection.listener,
        "request"
    );
    (api.handler)(&context, broker, body).await
}

/// Carries a request out, charges the time that it takes, and encodes the answer, which says how long its client has to wait.
pub(crate) async fn respond<R: Throttled>(
    context: &RequestContext,
    broker: &Broker,
    handled: impl Future<Output = Result<R, RequestError>>,
) -> Result<Reply, RequestError> {
    let (response, throttle_ms) = context.charge_time(broker, handled).await;
    let mut response = response?;
    response.throttle(throttle_ms);
    Ok(Reply::Now(encode_reply(context, &response)?))
}

/// Reads the body of a request.
pub(crate) fn decode_request<R: KafkaRequest + KafkaDecode>(
    context: &RequestContext,
    body: Bytes,
) -> Result<R, RequestError> {
    Ok(kafka_codec::decode_request(context.api_version, body, decode_limits())?)
}

/// Makes the frame of a response.
pub(crate) fn encode_reply<R: KafkaResponse>(
    context: &RequestContext,
    response: &R,
) -> Result<ReplyFrame, RequestError> {
    let frame = encode_response(context.correlation_id, context.api_version, response)?;
    Ok(ReplyFrame::of([frame]))
}
