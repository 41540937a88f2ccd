//! How far a connection has come with SASL.
//!
//! ```text
//!              handshake              first token              final token
//!   Idle ────────────────► Chosen ────────────────► Challenged ────────────► Idle, authenticated
//!    ▲ │ mechanism unknown   │                           │                             ▲
//!    └─┘                     │ a signature               └──► Failed: the connection   │ admitted
//!                            └────────────────────────► Asked ──► is closed after the ─┘
//!                                                        refused  answer
//! ```
//!
//! An authenticated connection may go round again (KIP-368), as the same user. What is answered before the first
//! time, [`SaslState::allows`] says.

use kafka_metadata::{ScramMechanism, rpc::PresignedUrl};
use thiserror::Error;

use super::{
    iam::{self, IamError},
    mechanism::Mechanism,
    scram::{Challenge, ClientFirst, Credential, ScramError, challenge},
};

/// API keys that are answered before authentication: SaslHandshake, ApiVersions, SaslAuthenticate.
const KEYS_BEFORE_AUTHENTICATION: [i16; 3] = [17, 18, 36];

/// API keys that an authenticated connection may still use when its session has ended: SaslHandshake, SaslAuthenticate.
const KEYS_AFTER_THE_END: [i16; 2] = [17, 36];

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum SaslError {
    /// ILLEGAL_SASL_STATE.
    #[error("no SaslHandshake came before the token")]
    IllegalState,
    /// SASL_AUTHENTICATION_FAILED; the cause is not for the client.
    #[error("authentication with {mechanism} failed")]
    Failed {
        mechanism: Mechanism,
        again: bool,
        #[source]
        cause: Cause,
    },
    /// SASL_AUTHENTICATION_FAILED: the signature is good, or not, and the reason is for the client too.
    #[error("access was denied: {0}")]
    Denied(String),
    /// SASL_AUTHENTICATION_FAILED: an authenticated connection tried to become somebody else (KIP-368).
    #[error("the connection cannot change its principal")]
    PrincipalChanged,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Cause {
    /// With one of SCRAM.
    #[error(transparent)]
    Scram(#[from] ScramError),
    /// With one of a signature.
    #[error(transparent)]
    Iam(#[from] IamError),
}

impl SaslError {
    /// What the client is told, in Kafka's words.
    pub(crate) fn client_message(&self) -> String {
        match self {
            Self::IllegalState => "SaslAuthenticate request received without a SaslHandshake".to_owned(),
            Self::Failed { mechanism, again, .. } => format!(
                "Authentication failed during {} due to invalid credentials with SASL mechanism {}",
                if *again { "re-authentication" } else { "authentication" },
                mechanism
            ),
            Self::Denied(why) => format!("Access denied: {why}"),
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
    Chosen(Mechanism),
    Challenged(ScramMechanism, Box<Challenge>),
    Asked(Mechanism),
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
#[derive(Debug)]
pub(crate) enum TokenOutcome {
    /// Send this and wait for another token.
    Continue(String),
    /// Ask the controller whether whoever has signed this may log in, then go on with [`SaslState::admitted`].
    Ask(PresignedUrl),
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

    /// Whether a request with this key may be answered once the session has ended: only what begins the next one (KIP-368).
    pub fn renews(api_key: i16) -> bool {
        KEYS_AFTER_THE_END.contains(&api_key)
    }

    /// SaslHandshake: chooses a mechanism of those that the listener offers. After an unknown one the client may choose
    /// again.
    pub(crate) fn handshake(
        &mut self,
        mechanism: &str,
        offered: &[Mechanism],
        version: i16,
    ) -> Result<(), HandshakeError> {
        if matches!(self.step, Step::Challenged(..) | Step::Asked(_) | Step::Failed) {
            self.step = Step::Failed;
            return Err(HandshakeError::IllegalState);
        }
        let chosen = offered.iter().copied().find(|offered| offered.name() == mechanism);
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
        let scram_failed = |mechanism, cause: ScramError| failed(Mechanism::Scram(mechanism), cause.into());
        // Whatever goes wrong from here leaves the connection failed.
        match std::mem::replace(&mut self.step, Step::Failed) {
            Step::Idle | Step::Asked(_) | Step::Failed => Err(SaslError::IllegalState),
            Step::Chosen(mechanism @ (Mechanism::AwsMskIam | Mechanism::OauthBearer)) => {
                let url = match mechanism {
                    Mechanism::AwsMskIam => iam::from_document(token),
                    _ => iam::from_bearer(token),
                };
                let url = url.map_err(|cause| failed(mechanism, cause.into()))?;
                self.step = Step::Asked(mechanism);
                Ok(TokenOutcome::Ask(url))
            }
            Step::Chosen(Mechanism::Scram(mechanism)) => {
                let first = ClientFirst::parse(token).map_err(|cause| scram_failed(mechanism, cause))?;
                let credential = credential(mechanism, &first.user);
                let (challenge, message) = challenge(mechanism, first, credential, server_nonce);
                self.step = Step::Challenged(mechanism, Box::new(challenge));
                Ok(TokenOutcome::Continue(message))
            }
            Step::Challenged(mechanism, challenge) => {
                let (user, message) = challenge
                    .verify(token)
                    .map_err(|cause| scram_failed(mechanism, cause))?;
                self.authenticated(user, message)
            }
        }
    }

    /// After [`TokenOutcome::Ask`]: who it is, or why nobody is let in.
    pub(crate) fn admitted(&mut self, decision: Result<String, String>) -> Result<TokenOutcome, SaslError> {
        let Step::Asked(mechanism) = std::mem::replace(&mut self.step, Step::Failed) else {
            return Err(SaslError::IllegalState);
        };
        let principal = decision.map_err(SaslError::Denied)?;
        // A bearer token is accepted without a word (RFC 7628).
        let message = match mechanism {
            Mechanism::AwsMskIam => iam::welcome(),
            _ => String::new(),
        };
        self.authenticated(principal, message)
    }

    fn authenticated(&mut self, user: String, message: String) -> Result<TokenOutcome, SaslError> {
        if self.user.as_ref().is_some_and(|before| *before != user) {
            return Err(SaslError::PrincipalChanged);
        }
        self.step = Step::Idle;
        self.user = Some(user.clone());
        Ok(TokenOutcome::Authenticated { message, user })
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
        assert_eq!(
            state.handshake("PLAIN", Mechanism::offered(false), 1),
            Err(HandshakeError::UnknownMechanism)
        );
        assert_eq!(
            state.token(b"n,,n=u,r=x", "y", nobody).unwrap_err(),
            SaslError::IllegalState
        );
        let mut state = SaslState::default();
        assert_eq!(
            state.handshake("PLAIN", Mechanism::offered(false), 1),
            Err(HandshakeError::UnknownMechanism)
        );
        assert_eq!(state.handshake("SCRAM-SHA-256", Mechanism::offered(false), 1), Ok(()));
        assert!(!state.expects_raw_token());
        assert_eq!(state.handshake("SCRAM-SHA-512", Mechanism::offered(false), 0), Ok(()));
        assert!(state.expects_raw_token());
    }

    #[test]
    fn a_user_that_does_not_exist_gets_a_challenge_and_then_the_common_answer() {
        let mut state = SaslState::default();
        state.handshake("SCRAM-SHA-512", Mechanism::offered(false), 1).unwrap();
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
        state.handshake("SCRAM-SHA-256", Mechanism::offered(false), 1).unwrap();
        let error = state.token(b"\0user\0password", "def", nobody).unwrap_err();
        assert!(
            error
                .client_message()
                .ends_with("invalid credentials with SASL mechanism SCRAM-SHA-256")
        );
    }

    /// The first message of `OAUTHBEARER` with a URL.
    fn bearer() -> Vec<u8> {
        let token = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, "https://host/?a=b");
        format!("n,,\u{1}auth=Bearer {token}\u{1}\u{1}").into_bytes()
    }

    #[test]
    fn whoever_has_signed_is_asked_about_and_stays_the_same() {
        let mut state = SaslState::default();
        let offered = Mechanism::offered(true);
        assert_eq!(
            state.handshake("SCRAM-SHA-512", offered, 1),
            Err(HandshakeError::UnknownMechanism)
        );
        state.handshake("OAUTHBEARER", offered, 1).unwrap();
        let Ok(TokenOutcome::Ask(url)) = state.token(&bearer(), "", nobody) else {
            panic!("nobody here knows the key");
        };
        assert_eq!(url.0, "https://host/?a=b");
        assert!(!state.is_complete() && !state.allows(3), "not before the answer");
        let admitted = state.admitted(Ok("arn:aws:iam::0:root".to_owned())).unwrap();
        assert!(matches!(admitted, TokenOutcome::Authenticated { message, .. } if message.is_empty()));
        assert!(state.allows(3));
        state.handshake("OAUTHBEARER", offered, 1).unwrap();
        state.token(&bearer(), "", nobody).unwrap();
        let other = state.admitted(Ok("arn:aws:iam::0:user/other".to_owned()));
        assert_eq!(other.unwrap_err(), SaslError::PrincipalChanged);
        assert!(!state.allows(3));
    }

    #[test]
    fn whoever_is_refused_learns_why_and_is_out() {
        let mut state = SaslState::default();
        state.handshake("OAUTHBEARER", Mechanism::offered(true), 1).unwrap();
        state.token(&bearer(), "", nobody).unwrap();
        let refused = state.admitted(Err("the key is unknown".to_owned())).unwrap_err();
        assert_eq!(refused.client_message(), "Access denied: the key is unknown");
        assert!(!state.allows(18));
    }
}
