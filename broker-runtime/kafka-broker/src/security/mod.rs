//! Authentication of connections: SASL with SCRAM, as far as the connection has come with it.

mod credentials;
mod sasl;
mod scram;

pub(crate) use credentials::{credential_of, server_nonce};
pub use sasl::SaslState;
pub(crate) use sasl::{MECHANISMS, SaslError, TokenOutcome, mechanism_name};
