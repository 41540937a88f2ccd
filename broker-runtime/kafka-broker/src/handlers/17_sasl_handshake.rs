//! SaslHandshake 0–1: chooses SCRAM-SHA-512 or SCRAM-SHA-256, on listeners for access keys AWS_MSK_IAM or OAUTHBEARER. Anything else is UNSUPPORTED_SASL_MECHANISM with the list, and
//! the client may choose again; ILLEGAL_SASL_STATE on a listener without SASL and in the middle of an exchange.
//!
//! After version 0 tokens follow as bare frames, after version 1 inside of SaslAuthenticate. An authenticated connection
//! may begin again (KIP-368).
//!
//! Difference from Kafka: the mechanisms are those of MSK's listeners, and PLAIN is never among them.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{SaslHandshakeRequest, SaslHandshakeResponse},
};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::{HandshakeError, Mechanism},
};

/// See the module.
pub(crate) const API: ApiEntry = api!(17, "SaslHandshake", 0..=1, SaslHandshakeRequest, handle);

async fn handle(
    context: &RequestContext,
    _broker: &Arc<Broker>,
    request: SaslHandshakeRequest,
    version: i16,
) -> SaslHandshakeResponse {
    let mut response = SaslHandshakeResponse::default();
    if !context.connection.sasl_required {
        response.error_code = ErrorCode::IllegalSaslState.code();
        return response;
    }
    let offered = Mechanism::offered(context.listener().is_iam());
    response.mechanisms = offered
        .iter()
        .map(|mechanism| StrBytes::from(mechanism.name()))
        .collect();
    let chosen = context
        .connection
        .session
        .lock()
        .sasl
        .handshake(&request.mechanism, offered, version);
    response.error_code = match chosen {
        Ok(()) => ErrorCode::None,
        Err(HandshakeError::UnknownMechanism) => ErrorCode::UnsupportedSaslMechanism,
        Err(HandshakeError::IllegalState) => ErrorCode::IllegalSaslState,
    }
    .code();
    response
}
