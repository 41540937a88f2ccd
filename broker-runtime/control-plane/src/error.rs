//! Why an operation or a query was refused, grouped by what the caller should do. `http/error.rs` turns it into a status.

use engine::TopicError;
use thiserror::Error;

use crate::store::StoreError;

/// Why a call was not carried out.
#[derive(Debug, Error)]
pub(crate) enum OperationError {
    /// Correct the request.
    #[error("{message}")]
    InvalidRequest {
        /// The parameter that is wrong, in the API's spelling.
        parameter: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// This product does not do it yet.
    #[error("{0}")]
    NotAvailable(String),
    /// The caller may not.
    #[error("{0}")]
    Forbidden(String),
    /// Try again later: too much is asked for at once.
    #[error("{0}")]
    TooManyRequests(String),
    /// Correct the request: there is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The thing exists already, or is in a state that does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// The cluster, or its controller, does not do it.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// There is no such secret.
    #[error("{0}")]
    SecretNotFound(String),
    /// A secret of that name exists.
    #[error("{0}")]
    SecretExists(String),
    /// The secret is not in a state that allows this, or the request is wrong.
    #[error("{0}")]
    InvalidSecretRequest(String),
    /// Our fault: the store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Our fault.
    #[error("{0}")]
    Internal(String),
}

impl OperationError {
    /// A request whose `parameter`, a path into it, is wrong.
    pub(crate) fn invalid(parameter: &str, message: impl Into<String>) -> Self {
        Self::InvalidRequest {
            parameter: Some(parameter.to_owned()),
            message: message.into(),
        }
    }

    /// The cluster cannot be asked now.
    pub(crate) fn unreachable(why: impl Into<String>) -> Self {
        TopicError::ClusterConnectivity(why.into()).into()
    }

    /// A request that is wrong as a whole.
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self::InvalidRequest {
            parameter: None,
            message: message.into(),
        }
    }
}
