//! The typed client of the control plane: one method per endpoint, named as in the API.
//!
//! A call is signed, sent, retried while that is safe, and answered with a type of `control-plane-api` or with an
//! [`Error`] that says what the caller should do. Waiting for something to finish is a call of its own.

mod clusters;
mod configurations;
mod credentials;
mod error;
mod extensions;
mod hosts;
mod operations;
mod paging;
mod policies;
mod scram;
mod secrets_manager;
mod signing;
mod tags;
mod tls;
mod topics;
mod transport;
mod versions;
mod waiting;

pub use credentials::Credentials;
pub use error::{Cause, Error, Result};
pub use transport::{Client, Settings};
