//! Tokens of a connection, however they are wrapped.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_metadata::rpc::{ControllerError, ControllerRequest, ControllerResponse, PresignedUrl};

use super::{SaslError, credential_of, sasl::TokenOutcome, server_nonce};
use crate::{
    broker::Broker,
    dispatch::{Connection, Principal, Reply, ReplyFrame, RequestError},
};

/// How long a login by signature waits for somebody who decides: long enough for a control plane that was killed to come
/// back.
const DECISION_LIMIT: Duration = Duration::from_secs(8);
/// Pause before it is asked again.
const DECISION_PAUSE: Duration = Duration::from_millis(100);

/// The answer to a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What the mechanism says.
    pub(crate) message: String,
    /// How long the session lasts that has just begun, in milliseconds; 0: as long as the connection.
    pub(crate) lifetime_ms: i64,
}

/// Takes a token and gives the answer to it; once the exchange is complete the connection belongs to the user, for as long as
/// `connections.max.reauth.ms` says.
pub(crate) async fn take_token(connection: &Connection, broker: &Broker, token: &[u8]) -> Result<Answer, SaslError> {
    let image = broker.metadata.image();
    let outcome = connection
        .session
        .lock()
        .sasl
        .token(token, &server_nonce(), |mechanism, user| {
            credential_of(&image, mechanism, user)
        })?;
    let outcome = match outcome {
        TokenOutcome::Ask(url) => {
            let decision = decide(connection, broker, url).await;
            connection.session.lock().sasl.admitted(decision)?
        }
        outcome => outcome,
    };
    match outcome {
        TokenOutcome::Continue(message) => Ok(Answer {
            message,
            lifetime_ms: 0,
        }),
        TokenOutcome::Authenticated { message, user } => {
            let lifetime_ms = broker.settings.connections_max_reauth_ms;
            let mut session = connection.session.lock();
            session.principal = Principal::user(&user);
            session.ends_ms = (lifetime_ms > 0).then(|| broker.uptime_ms().saturating_add(lifetime_ms));
            drop(session);
            tracing::debug!(id = connection.id, peer = %connection.peer, user, lifetime_ms, "authenticated");
            Ok(Answer { message, lifetime_ms })
        }
        TokenOutcome::Ask(_) => Err(SaslError::IllegalState),
    }
}

/// The principal of whoever has signed, or why it is not let in.
async fn decide(connection: &Connection, broker: &Broker, url: PresignedUrl) -> Result<String, String> {
    let begun = broker.clock.monotonic();
    loop {
        let request = ControllerRequest::AuthenticateIam {
            url: url.clone(),
            source: connection.peer.ip(),
        };
        match broker.controller.call_within(request, DECISION_LIMIT).await {
            Ok(ControllerResponse::Authenticated { principal }) => return Ok(principal),
            Err(ControllerError::AuthenticationRefused(why)) => return Err(why),
            Err(ControllerError::NotController)
                if broker.clock.monotonic().saturating_duration_since(begun) < DECISION_LIMIT =>
            {
                broker.clock.sleep(DECISION_PAUSE).await;
            }
            Ok(_) | Err(_) => return Err("the control plane, which knows the access keys, does not answer".to_owned()),
        }
    }
}

/// Answers a token that came as a bare frame, after `SaslHandshake` 0. A failure has no answer there: the connection is
/// closed.
pub(crate) async fn answer_raw_token(
    connection: &Arc<Connection>,
    broker: &Arc<Broker>,
    token: &[u8],
) -> Result<Reply, RequestError> {
    match take_token(connection, broker, token).await {
        Ok(Answer { message, .. }) => {
            let mut length = BytesMut::with_capacity(4);
            length.put_u32(u32::try_from(message.len()).expect("our messages are short"));
            Ok(Reply::Now(ReplyFrame::of([length.freeze(), Bytes::from(message)])))
        }
        Err(error) => {
            tracing::warn!(peer = %connection.peer, %error, "authentication failed");
            Err(RequestError::Protocol("authentication failed"))
        }
    }
}
