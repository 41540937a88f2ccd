//! How far a connection has come with SASL.
//!
//! ```text
//!              handshake              first token              final token
//!   Idle ────────────────► Chosen ────────────────► Challenged ────────────► Idle, authenticated
//!    ▲ │ mechanism unknown                               │
//!    └─┘                                                 └──► Failed: the connection is closed after the answer
//! ```
//!
//! An authenticated connection may go round again (KIP-368), as the same user. What is answered before the first
//! time, [`SaslState::allows`] says.

use kafka_metadata::ScramMechanism;
use thiserror::Error;

use super::scram::{Challenge, ClientFirst, Credential, ScramError, challenge};

/// API keys that are answered before authentication: SaslHandshake, ApiVersions, SaslAuthenticate.
const KEYS_BEFORE_AUTHENTICATION: [i16; 3] = [17, 18, 36];

/// What we offer, in the order it is listed. PLAIN is not: it would hand us passwords.
pub(crate) const MECHANISMS: [ScramMechanism; 2] = [ScramMechanism::Sha512, ScramMechanism::Sha256];

/// Kafka's name of the mechanism.
pub(crate) fn mechanism_name(mechanism: ScramMechanism) -> &'static str {
    match mechanism {
        ScramMechanism::Sha256 => "SCRAM-SHA-256",
        ScramMechanism::Sha512 => "SCRAM-SHA-512",
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum SaslError {
    /// ILLEGAL_SASL_STATE.
    #[error("no SaslHandshake came before the token")]
    IllegalState,
    /// SASL_AUTHENTICATION_FAILED; the cause is not for the client.
    #[error("authentication with {} failed", mechanism_name(*.mechanism))]
    Failed {
        mechanism: ScramMechanism,
        again: bool,
        #[source]
        cause: ScramError,
    },
    /// SASL_AUTHENTICATION_FAILED: an authenticated connection tried to become somebody else (KIP-368).
    #[error("the connection cannot change its principal")]
    PrincipalChanged,
}

impl SaslError {
    /// What the client is told, in Kafka's words.
    pub(crate) fn client_message(&self) -> String {
        match self {
            Self::IllegalState => "SaslAuthenticate request received without a SaslHandshake".to_owned(),
            Self::Failed { mechanism, again, .. } => format!(
                "Authentication failed during {} due to invalid credentials with SASL mechanism {}",
                if *again { "re-authentication" } else { "authentication" },
                mechanism_name(*mechanism)
            ),
            Self::PrincipalChanged => "Cannot change principals during re-authentication".to_owned(),
        }
    }
}

/// Why a mechanism cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum HandshakeError {
    /// UNSUPPORTED_SASL_MECHANISM.
    #[error("the mechanism is not offered")]
    UnknownMechanism,
    /// ILLEGAL_SASL_STATE.
    #[error("an exchange is going on")]
    IllegalState,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Idle,
    Chosen(ScramMechanism),
    Challenged(ScramMechanism, Box<Challenge>),
    Failed,
}

/// Progress of SASL on one connection.
#[derive(Debug, Default)]
pub struct SaslState {
    step: Step,
    user: Option<String>,
    /// `SaslHandshake` 0 was used: tokens come without a Kafka header.
    raw_tokens: bool,
}

/// What follows from a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenOutcome {
    /// Send this and wait for another token.
    Continue(String),
    /// Send this; the connection now belongs to the user.
    Authenticated { message: String, user: String },
}

impl SaslState {
    /// Authentication has succeeded; it stays so while the connection authenticates again.
    pub fn is_complete(&self) -> bool {
        self.user.is_some() && !matches!(self.step, Step::Failed)
    }

    /// After `SaslHandshake` 0 the next frames are bare tokens without a Kafka header.
    pub fn expects_raw_token(&self) -> bool {
        self.raw_tokens && matches!(self.step, Step::Chosen(_) | Step::Challenged(..))
    }

    /// Whether a request with this key may be answered now on a listener that asks for SASL.
    pub fn allows(&self, api_key: i16) -> bool {
        match self.step {
            Step::Failed => false,
            _ => self.user.is_some() || KEYS_BEFORE_AUTHENTICATION.contains(&api_key),
        }
    }

    /// SaslHandshake: chooses a mechanism. After an unknown one the client may choose again.
    pub(crate) fn handshake(&mut self, mechanism: &str, version: i16) -> Result<(), HandshakeError> {
        if matches!(self.step, Step::Challenged(..) | Step::Failed) {
            self.step = Step::Failed;
            return Err(HandshakeError::IllegalState);
        }
        let chosen = MECHANISMS
            .into_iter()
            .find(|offered| mechanism_name(*offered) == mechanism);
        self.step = chosen.map_or(Step::Idle, Step::Chosen);
        self.raw_tokens = version == 0;
        chosen.map(|_| ()).ok_or(HandshakeError::UnknownMechanism)
    }

    /// Takes a token. `credential` looks a user up, inventing one that does not exist; `server_nonce` is random.
    pub(crate) fn token(
        &mut self,
        token: &[u8],
        server_nonce: &str,
        credential: impl FnOnce(ScramMechanism, &str) -> Credential,
    ) -> Result<TokenOutcome, SaslError> {
        let again = self.user.is_some();
        let failed = |mechanism, cause| SaslError::Failed {
            mechanism,
            again,
            cause,
        };
        // Whatever goes wrong from here leaves the connection failed.
        match std::mem::replace(&mut self.step, Step::Failed) {
            Step::Idle | Step::Failed => Err(SaslError::IllegalState),
            Step::Chosen(mechanism) => {
                let first = ClientFirst::parse(token).map_err(|cause| failed(mechanism, cause))?;
                let credential = credential(mechanism, &first.user);
                let (challenge, message) = challenge(mechanism, first, credential, server_nonce);
                self.step = Step::Challenged(mechanism, Box::new(challenge));
                Ok(TokenOutcome::Continue(message))
            }
            Step::Challenged(mechanism, challenge) => {
                let (user, message) = challenge.verify(token).map_err(|cause| failed(mechanism, cause))?;
                if self.user.as_ref().is_some_and(|before| *before != user) {
                    return Err(SaslError::PrincipalChanged);
                }
                self.step = Step::Idle;
                self.user = Some(user.clone());
                Ok(TokenOutcome::Authenticated { message, user })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::hmac;

    use super::*;

    fn nobody(mechanism: ScramMechanism, user: &str) -> Credential {
        Credential::invent(mechanism, user, &hmac::Key::new(hmac::HMAC_SHA256, b"k"), (16, 4096))
    }

    #[test]
    fn only_what_leads_to_authentication_is_answered_before_it() {
        let state = SaslState::default();
        assert!([17, 18, 36].into_iter().all(|key| state.allows(key)));
        assert!([0, 1, 3, 19].into_iter().all(|key| !state.allows(key)));
    }

    #[test]
    fn an_unknown_mechanism_leaves_another_choice() {
        let mut state = SaslState::default();
        assert_eq!(state.handshake("PLAIN", 1), Err(HandshakeError::UnknownMechanism));
        assert_eq!(state.token(b"n,,n=u,r=x", "y", nobody), Err(SaslError::IllegalState));
        let mut state = SaslState::default();
        assert_eq!(state.handshake("PLAIN", 1), Err(HandshakeError::UnknownMechanism));
        assert_eq!(state.handshake("SCRAM-SHA-256", 1), Ok(()));
        assert!(!state.expects_raw_token());
        assert_eq!(state.handshake("SCRAM-SHA-512", 0), Ok(()));
        assert!(state.expects_raw_token());
    }

    #[test]
    fn a_user_that_does_not_exist_gets_a_challenge_and_then_the_common_answer() {
        let mut state = SaslState::default();
        state.handshake("SCRAM-SHA-512", 1).unwrap();
        let TokenOutcome::Continue(message) = state.token(b"n,,n=ghost,r=abc", "def", nobody).unwrap() else {
            panic!("the first token is answered with a challenge");
        };
        assert!(message.starts_with("r=abcdef,s="));
        let error = state.token(b"c=biws,r=abcdef,p=AAAA", "", nobody).unwrap_err();
        assert_eq!(
            error.client_message(),
            "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512"
        );
        assert!(!state.is_complete());
        assert!(!state.allows(18), "a failed connection answers nothing more");
    }

    #[test]
    fn a_malformed_token_gets_the_common_answer_too() {
        let mut state = SaslState::default();
        state.handshake("SCRAM-SHA-256", 1).unwrap();
        let error = state.token(b"\0user\0password", "def", nobody).unwrap_err();
        assert!(
            error
                .client_message()
                .ends_with("invalid credentials with SASL mechanism SCRAM-SHA-256")
        );
    }
}
