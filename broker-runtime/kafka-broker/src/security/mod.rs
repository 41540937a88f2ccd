//! Authentication of connections: SASL with SCRAM or with the signature of an access key, as far as the connection has
//! come with it; and the authorization of requests by access control lists.

mod authorizer;
mod certificate;
mod credentials;
mod iam;
mod mechanism;
mod sasl;
mod scram;
mod token;

pub(crate) use authorizer::{Authorizer, Resource};
pub(crate) use certificate::principal_of_certificate;
use credentials::{credential_of, server_nonce};
pub(crate) use mechanism::Mechanism;
pub use sasl::SaslState;
pub(crate) use sasl::{HandshakeError, SaslError};
pub(crate) use token::{answer_raw_token, take_token};
