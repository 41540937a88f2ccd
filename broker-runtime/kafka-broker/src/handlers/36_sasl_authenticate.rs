//! SaslAuthenticate 0–2: one token of a SCRAM exchange, or the one token of a login with an access key.
//!
//! * A failure is SASL_AUTHENTICATION_FAILED with Kafka's text, the same one for a user that does not exist, a wrong
//!   password and a message that is none; it comes after `connection.failed.authentication.delay.ms` and is the last
//!   answer of the connection.
//!   For an access key it says why instead: whoever has a key may know.
//! * The session lifetime (version 1 and later) is `connections.max.reauth.ms`. A client has to authenticate again before it is
//!   over (KIP-368), as the same user; the first request after it that does something else ends the connection, whatever the
//!   version. 0: a session lives as long as its connection. Access keys are permanent, so nothing else bounds it; who logs in
//!   again with one that is gone, or disabled, is refused.
//!
//! Differences from Kafka: delegation tokens are not offered; a user that does not exist gets a challenge, where Kafka
//! ends the exchange at once and so tells.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kafka_codec::{
    StrBytes,
    messages::{SaslAuthenticateRequest, SaslAuthenticateResponse},
};

use crate::{
    broker::Broker,
    dispatch::{ApiEntry, Reply, RequestContext, RequestError, decode_request, encode_reply},
    response::sasl_error_code,
    security::{SaslError, take_token},
};

/// See the module.
pub(crate) const API: ApiEntry = ApiEntry {
    key: 36,
    name: "SaslAuthenticate",
    min: 0,
    max: 2,
    advertised_min: 0,
    handler: |context, broker, body| Box::pin(handle(context, broker, body)),
};

/// `connection.failed.authentication.delay.ms` where it is not set.
const FAILURE_DELAY_MS: u64 = 100;

async fn handle(context: &RequestContext, broker: &Arc<Broker>, body: Bytes) -> Result<Reply, RequestError> {
    let request = decode_request::<SaslAuthenticateRequest>(context, body)?;
    let mut response = SaslAuthenticateResponse::default();
    match take_token(&context.connection, broker, &request.auth_bytes).await {
        Ok(answer) => {
            response.auth_bytes = Bytes::from(answer.message);
            response.session_lifetime_ms = answer.lifetime_ms;
            Ok(Reply::Now(encode_reply(context, &response)?))
        }
        Err(error) => {
            log_failure(context, &error);
            let configured = broker
                .config
                .server_properties
                .get("connection.failed.authentication.delay.ms");
            let delay_ms = configured
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(FAILURE_DELAY_MS);
            broker.clock.sleep(Duration::from_millis(delay_ms)).await;
            response.error_code = sasl_error_code(&error).code();
            response.error_message = Some(StrBytes::from(error.client_message()));
            Ok(Reply::Last(encode_reply(context, &response)?))
        }
    }
}

fn log_failure(context: &RequestContext, error: &SaslError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(peer = %context.peer(), listener = %context.listener(), %error, cause, "authentication failed");
}
