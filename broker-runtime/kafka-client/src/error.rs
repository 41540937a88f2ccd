//! Why a call failed. After any of these the connection is of no further use.

use std::io;

use kafka_codec::{EncodeError, ResponseError};
use thiserror::Error;

/// Failures of a connection.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The broker cannot be reached, or the connection broke.
    #[error("connection to {address} failed")]
    Io {
        /// Host and port.
        address: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// No answer came in time.
    #[error("no answer from {address} in time")]
    TimedOut {
        /// Host and port.
        address: String,
    },
    /// The address cannot stand in a certificate.
    #[error("{0:?} is no name a certificate can have")]
    InvalidName(String),
    /// The request cannot be expressed in the version asked for.
    #[error("request cannot be encoded")]
    Encode(#[from] EncodeError),
    /// The answer is not what the protocol says.
    #[error("response cannot be decoded")]
    Decode(#[from] ResponseError),
    /// The answer belongs to another request, or its frame is out of bounds.
    #[error("peer broke the protocol: {0}")]
    Protocol(&'static str),
}
