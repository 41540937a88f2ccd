//! What can go wrong with a call, grouped by what the caller should do about it.

use std::time::Duration;

/// The cause of a failure below HTTP.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a call, or a wait for what it began, did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The endpoint is not an address of the form `http://host:port` or `https://host:port`.
    #[error("{endpoint:?} is not an address of the form http://host:port or https://host:port")]
    InvalidEndpoint {
        /// What was given.
        endpoint: String,
    },
    /// The certificates that were named as authorities cannot be used.
    #[error("certificates of authorities cannot be used")]
    InvalidAuthorities {
        /// What is wrong with them.
        source: Cause,
    },
    /// Nobody answers at the endpoint, also after the retries.
    #[error("cannot reach the control plane at {endpoint}")]
    Unreachable {
        /// The address that was tried.
        endpoint: String,
        /// What the connection said last.
        source: Cause,
    },
    /// The credentials are missing, unknown, or do not match the signature (401 or 403).
    #[error("the control plane at {endpoint} refused the credentials: {message}")]
    Unauthorized {
        /// The address that was asked.
        endpoint: String,
        /// The server's words.
        message: String,
    },
    /// What the call is about does not exist (404, and 400 for configurations, as MSK has it).
    #[error("{message}")]
    NotFound {
        /// The server's words.
        message: String,
    },
    /// The thing exists already, or is in a state that does not allow the call (409).
    #[error("{message}")]
    Conflict {
        /// The server's words.
        message: String,
        /// Name of the server's error, such as `ConflictException`.
        kind: String,
    },
    /// The request has to be corrected (400).
    #[error("{message}")]
    BadRequest {
        /// The server's words.
        message: String,
        /// The parameter that is wrong, in the API's spelling.
        invalid_parameter: Option<String>,
    },
    /// Too many requests, also after the retries (429).
    #[error("the control plane is busy: {message}")]
    Throttled {
        /// The server's words.
        message: String,
    },
    /// The server failed, also after the retries (5xx).
    #[error("the control plane failed with status {status}: {message} (request {request_id})")]
    Server {
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
        /// What the server's logs name the request.
        request_id: String,
    },
    /// The answer is not what the API promises; most likely somebody else lives at the endpoint.
    #[error("{endpoint} does not answer {operation} as an OpenMSK control plane does")]
    Malformed {
        /// The address that was asked.
        endpoint: String,
        /// The operation that was called.
        operation: &'static str,
        /// What is wrong with the answer.
        source: Cause,
    },
    /// The thing was not done in time. It may still be going on.
    #[error("{what} did not finish within {} s", after.as_secs())]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The server reported that what was asked for has failed for good.
    #[error("{what} failed: {message}")]
    Failed {
        /// What was waited for.
        what: String,
        /// The server's words.
        message: String,
    },
}

impl Error {
    /// Whether the thing the call was about does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the thing the call was about exists already.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}

/// Result of a call.
pub type Result<T> = std::result::Result<T, Error>;
