//! The server's side of SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677, KIP-84), without any I/O.
//!
//! ```text
//!   client-first ──► ClientFirst::parse ──► challenge ──► server-first
//!   client-final ──► Challenge::verify ──► server-final, or InvalidCredentials
//! ```
//!
//! Channel binding is not offered (`n,,`), as in Kafka; nor are delegation tokens (the `tokenauth` extension). A user that
//! does not exist is led through the same two steps with invented credentials, and fails where a wrong password fails.
//!
//! Different from Apache Kafka 4, as in Apache Kafka 3: clients of librdkafka before 2.6.1, such as Debian's kcat, get in. They put
//! their own part of the nonce before the one that they were sent, which has it already (librdkafka's pull request 4895).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kafka_metadata::{ScramCredential, ScramMechanism};
use ring::{digest, hmac, rand::SystemRandom};
use thiserror::Error;

/// Longest message we look at; real ones have a few hundred bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Why an exchange ends. Clients are told only that their credentials are invalid; the rest is for logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ScramError {
    #[error("the message is not a SCRAM message")]
    Malformed,
    #[error("the client asks for channel binding, which is not offered")]
    ChannelBinding,
    #[error("the client asks to act for somebody else")]
    AuthorizationId,
    #[error("the client uses an extension that is not supported")]
    Extension,
    #[error("the nonce is not the one of this exchange")]
    Nonce,
    #[error("the user does not exist or the password is wrong")]
    InvalidCredentials,
}

/// What the server knows of a user, decoded.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
    /// False for invented credentials, which nothing can prove.
    exists: bool,
}

impl Credential {
    /// Decodes a credential of the metadata image; `None` when it is damaged.
    pub(crate) fn decode(mechanism: ScramMechanism, written: &ScramCredential) -> Option<Self> {
        let length = algorithm(mechanism).digest_algorithm().output_len();
        let key = |text: &str| BASE64.decode(text).ok().filter(|key| key.len() == length);
        Some(Self {
            salt: BASE64.decode(&written.salt).ok()?,
            iterations: written.iterations,
            stored_key: key(&written.stored_key)?,
            server_key: key(&written.server_key)?,
            exists: true,
        })
    }

    /// Credentials of a user that does not exist: the same ones whenever the name is tried, so that they do not give
    /// it away. `secret` is random and stays in this process; `like` lends salt length and iterations.
    pub(crate) fn invent(mechanism: ScramMechanism, user: &str, secret: &hmac::Key, like: (usize, u32)) -> Self {
        let derive = |purpose: &str| {
            hmac::sign(secret, format!("{purpose}\0{user}").as_bytes())
                .as_ref()
                .to_vec()
        };
        let length = algorithm(mechanism).digest_algorithm().output_len();
        let (salt_length, iterations) = like;
        let mut salt = derive("salt");
        salt.resize(salt_length.max(1), 0x5c);
        let mut key = derive("key");
        key.resize(length, 0);
        Self {
            salt,
            iterations,
            stored_key: key.clone(),
            server_key: key,
            exists: false,
        }
    }
}

/// The parts of `client-first-message` that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst {
    pub(crate) user: String,
    nonce: String,
    /// Without the header, as it enters the signatures.
    bare: String,
    /// `n,,` or `n,a=user,`: comes back in the final message.
    gs2_header: String,
}

impl ClientFirst {
    pub(crate) fn parse(message: &[u8]) -> Result<Self, ScramError> {
        let message = text(message)?;
        let (binding, rest) = message.split_once(',').ok_or(ScramError::Malformed)?;
        if binding != "n" {
            return Err(ScramError::ChannelBinding);
        }
        let (authorization_id, bare) = rest.split_once(',').ok_or(ScramError::Malformed)?;
        let mut fields = bare.split(',');
        let user = fields
            .next()
            .and_then(|field| field.strip_prefix("n="))
            .ok_or(ScramError::Malformed)?;
        let user = unescape(user)?;
        let nonce = fields
            .next()
            .and_then(|field| field.strip_prefix("r="))
            .ok_or(ScramError::Malformed)?;
        if user.is_empty() || !is_printable(nonce) {
            return Err(ScramError::Malformed);
        }
        if fields.any(is_delegation_token) {
            return Err(ScramError::Extension);
        }
        if !authorization_id.is_empty() {
            let named = authorization_id.strip_prefix("a=").ok_or(ScramError::Malformed)?;
            if unescape(named)? != user {
                return Err(ScramError::AuthorizationId);
            }
        }
        Ok(Self {
            user,
            nonce: nonce.to_owned(),
            bare: bare.to_owned(),
            gs2_header: message[..message.len() - bare.len()].to_owned(),
        })
    }
}

/// What is kept between the two steps.
pub(crate) struct Challenge {
    mechanism: ScramMechanism,
    credential: Credential,
    user: String,
    nonce: String,
    /// The nonce as librdkafka before 2.6.1 sends it back: with the client's own part in front once more.
    nonce_of_old_librdkafka: String,
    channel_binding: String,
    /// `client-first-message-bare,server-first-message`.
    signed_so_far: String,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Challenge({:?})", self.mechanism)
    }
}

/// Answers the first message. `server_nonce` is random and printable.
pub(crate) fn challenge(
    mechanism: ScramMechanism,
    first: ClientFirst,
    credential: Credential,
    server_nonce: &str,
) -> (Challenge, String) {
    let nonce = format!("{}{server_nonce}", first.nonce);
    let nonce_of_old_librdkafka = format!("{}{nonce}", first.nonce);
    let message = format!(
        "r={nonce},s={},i={}",
        BASE64.encode(&credential.salt),
        credential.iterations
    );
    let challenge = Challenge {
        mechanism,
        credential,
        user: first.user,
        nonce,
        nonce_of_old_librdkafka,
        channel_binding: BASE64.encode(&first.gs2_header),
        signed_so_far: format!("{},{message}", first.bare),
    };
    (challenge, message)
}

impl Challenge {
    /// Checks the final message: the user's name and our own final message, or the reason why not.
    pub(crate) fn verify(self, message: &[u8]) -> Result<(String, String), ScramError> {
        let message = text(message)?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(ScramError::Malformed)?;
        let mut fields = without_proof.split(',');
        let binding = fields
            .next()
            .and_then(|field| field.strip_prefix("c="))
            .ok_or(ScramError::Malformed)?;
        let nonce = fields
            .next()
            .and_then(|field| field.strip_prefix("r="))
            .ok_or(ScramError::Malformed)?;
        let proof = BASE64.decode(proof).map_err(|_| ScramError::Malformed)?;
        if binding != self.channel_binding {
            return Err(ScramError::ChannelBinding);
        }
        // Both have the server's part, which is new in every exchange, and the proof is over what was sent.
        if nonce != self.nonce && nonce != self.nonce_of_old_librdkafka {
            return Err(ScramError::Nonce);
        }
        let algorithm = algorithm(self.mechanism);
        let signed = format!("{},{without_proof}", self.signed_so_far);
        let key = hmac::Key::new(algorithm, &self.credential.stored_key);
        let client_signature = hmac::sign(&key, signed.as_bytes());
        if proof.len() != client_signature.as_ref().len() {
            return Err(ScramError::InvalidCredentials);
        }
        let client_key: Vec<u8> = proof
            .iter()
            .zip(client_signature.as_ref())
            .map(|(a, b)| a ^ b)
            .collect();
        let proven = digest::digest(algorithm.digest_algorithm(), &client_key);
        let is_proven = equal_in_constant_time(proven.as_ref(), &self.credential.stored_key);
        if !is_proven || !self.credential.exists {
            return Err(ScramError::InvalidCredentials);
        }
        let key = hmac::Key::new(algorithm, &self.credential.server_key);
        let server_signature = hmac::sign(&key, signed.as_bytes());
        Ok((self.user, format!("v={}", BASE64.encode(server_signature))))
    }
}

fn algorithm(mechanism: ScramMechanism) -> hmac::Algorithm {
    match mechanism {
        ScramMechanism::Sha256 => hmac::HMAC_SHA256,
        ScramMechanism::Sha512 => hmac::HMAC_SHA512,
    }
}

/// Compares by the HMAC under a random key, whose verification does not stop at the first difference.
fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    match hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()) {
        Ok(key) => hmac::verify(&key, left, hmac::sign(&key, right).as_ref()).is_ok(),
        // Without randomness nobody gets in.
        Err(_) => false,
    }
}

fn text(message: &[u8]) -> Result<&str, ScramError> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(ScramError::Malformed);
    }
    std::str::from_utf8(message).map_err(|_| ScramError::Malformed)
}

/// RFC 5802: printable ASCII without the comma.
fn is_printable(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| matches!(byte, 0x21..=0x2b | 0x2d..=0x7e))
}

fn is_delegation_token(extension: &str) -> bool {
    extension
        .split_once('=')
        .is_some_and(|(name, value)| name == "tokenauth" && value.eq_ignore_ascii_case("true"))
}

/// `=2C` stands for the comma and `=3D` for the equals sign; no other use of `=` is allowed.
fn unescape(name: &str) -> Result<String, ScramError> {
    let mut pieces = name.split('=');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        if let Some(rest) = piece.strip_prefix("2C") {
            plain.push(',');
            plain.push_str(rest);
        } else if let Some(rest) = piece.strip_prefix("3D") {
            plain.push('=');
            plain.push_str(rest);
        } else {
            return Err(ScramError::Malformed);
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests;
