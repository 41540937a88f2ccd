//! Our errors become HTTP statuses here, and nowhere else.

use axum::response::{IntoResponse, Response};
use control_plane_api::{ErrorBody, ErrorType};
use http::{StatusCode, header};

use super::sigv4::Distrust;
use crate::{error::OperationError, reconcilers::chain};

/// An error, as the MSK API writes it.
pub(crate) fn response(kind: ErrorType, message: String, invalid_parameter: Option<String>) -> Response {
    let body = ErrorBody {
        message,
        invalid_parameter,
    };
    let mut value = serde_json::to_value(&body).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        // Secrets Manager's clients look for the type here.
        object.insert("__type".to_owned(), kind.name().into());
    }
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, [("x-amzn-errortype", kind.name())], value.to_string()).into_response()
}

/// The answer to a call that was not carried out.
pub(crate) fn of_operation(error: &OperationError) -> Response {
    let (kind, parameter) = match error {
        OperationError::InvalidRequest { parameter, .. } => (ErrorType::BadRequest, *parameter),
        OperationError::NotFound(_) => (ErrorType::NotFound, None),
        OperationError::Conflict(_) => (ErrorType::Conflict, None),
        OperationError::TopicExists(_) => (ErrorType::TopicExists, None),
        OperationError::UnknownTopic(_) => (ErrorType::UnknownTopicOrPartition, None),
        OperationError::KafkaRequest(_) => (ErrorType::KafkaRequest, None),
        OperationError::ClusterConnectivity(_) => (ErrorType::ClusterConnectivity, None),
        OperationError::KafkaTimeout(_) => (ErrorType::KafkaTimeout, None),
        OperationError::SecretNotFound(_) => (ErrorType::ResourceNotFound, None),
        OperationError::SecretExists(_) => (ErrorType::ResourceExists, None),
        OperationError::InvalidSecretRequest(_) => (ErrorType::InvalidRequest, None),
        OperationError::Store(_) | OperationError::Internal(_) => {
            tracing::error!(error = chain(error), "call failed");
            let message = "the control plane failed; see its log".to_owned();
            return response(ErrorType::InternalServerError, message, None);
        }
    };
    response(kind, error.to_string(), parameter.map(str::to_owned))
}

/// The answer to a caller who is not believed.
pub(crate) fn of_distrust(distrust: Distrust) -> Response {
    let (kind, message) = match distrust {
        Distrust::Unsigned => (ErrorType::MissingAuthenticationToken, "the request is not signed"),
        Distrust::UnknownKey => (
            ErrorType::UnrecognizedClient,
            "the access key is not known: use the one in the credentials file of the runtime",
        ),
        Distrust::Mismatch => (
            ErrorType::InvalidSignature,
            "the signature does not match the request: check the secret key",
        ),
        Distrust::Skewed => (
            ErrorType::InvalidSignature,
            "the signature has expired: the clocks of caller and control plane are more than 15 minutes apart",
        ),
    };
    response(kind, message.to_owned(), None)
}
