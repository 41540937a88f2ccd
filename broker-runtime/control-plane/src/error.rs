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
    /// A topic of that name exists.
    #[error("{0}")]
    TopicExists(String),
    /// There is no such topic.
    #[error("{0}")]
    UnknownTopic(String),
    /// Kafka refuses the request.
    #[error("{0}")]
    KafkaRequest(String),
    /// Try again: the brokers cannot be reached.
    #[error("{0}")]
    ClusterConnectivity(String),
    /// Try again: the brokers did not answer in time.
    #[error("{0}")]
    KafkaTimeout(String),
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

    /// A request that is wrong as a whole.
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self::InvalidRequest {
            parameter: None,
            message: message.into(),
        }
    }
}

impl From<TopicError> for OperationError {
    fn from(error: TopicError) -> Self {
        let message = error.to_string();
        match error {
            TopicError::UnknownTopic(_) => Self::UnknownTopic(message),
            TopicError::TopicExists(_) => Self::TopicExists(message),
            TopicError::InvalidRequest(_) => Self::KafkaRequest(message),
            TopicError::ClusterConnectivity(_) => Self::ClusterConnectivity(message),
            TopicError::Timeout(_) => Self::KafkaTimeout(message),
        }
    }
}
