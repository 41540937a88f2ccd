//! Authentication of connections: SASL with SCRAM, as far as the connection has come with it.

mod credentials;
mod sasl;
mod scram;
mod token;

use credentials::{credential_of, server_nonce};
pub use sasl::SaslState;
pub(crate) use sasl::{HandshakeError, MECHANISMS, SaslError, TokenOutcome, mechanism_name};
pub(crate) use token::{answer_raw_token, take_token};
