//! Tokens of a connection, however they are wrapped.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::{SaslError, TokenOutcome, credential_of, server_nonce};
use crate::{
    broker::Broker,
    dispatch::{Connection, Principal, Reply, ReplyFrame, RequestError},
};

/// Takes a token; once the exchange is complete the connection belongs to the user.
pub(crate) fn take_token(connection: &Connection, broker: &Broker, token: &[u8]) -> Result<TokenOutcome, SaslError> {
    let image = broker.metadata.image();
    let mut session = connection.session.lock();
    let outcome = session.sasl.token(token, &server_nonce(), |mechanism, user| {
        credential_of(&image, mechanism, user)
    })?;
    if let TokenOutcome::Authenticated { user, .. } = &outcome {
        session.principal = Principal::user(user);
        tracing::debug!(id = connection.id, peer = %connection.peer, user, "authenticated");
    }
    Ok(outcome)
}

/// Answers a token that came as a bare frame, after `SaslHandshake` 0. A failure has no answer there: the connection is
/// closed.
pub(crate) fn answer_raw_token(
    connection: &Arc<Connection>,
    broker: &Arc<Broker>,
    token: &[u8],
) -> Result<Reply, RequestError> {
    match take_token(connection, broker, token) {
        Ok(TokenOutcome::Continue(message) | TokenOutcome::Authenticated { message, .. }) => {
            let mut length = BytesMut::with_capacity(4);
            length.put_u32(u32::try_from(message.len()).expect("our messages are short"));
            Ok(Reply::Now(ReplyFrame {
                segments: vec![length.freeze(), Bytes::from(message)],
            }))
        }
        Err(error) => {
            tracing::warn!(peer = %connection.peer, %error, "authentication failed");
            Err(RequestError::Protocol("authentication failed"))
        }
    }
}
