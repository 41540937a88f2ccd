//! Our errors become HTTP statuses here, and nowhere else.

use axum::response::{IntoResponse, Response};
use control_plane_api::{ErrorBody, ErrorType};
use engine::{TopicError, chain};
use http::{StatusCode, header};

use super::sigv4::Distrust;
use crate::{error::OperationError, model::Operation};

/// Seconds after which a caller that was told to come back later should do so.
const RETRY_AFTER_S: &str = "1";

/// The type of an error, in an extension of its answer: the audit log names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal(pub(super) ErrorType);

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
    let mut response = (status, headers, [("x-amzn-errortype", kind.name())], value.to_string()).into_response();
    if matches!(kind, ErrorType::TooManyRequests | ErrorType::ServiceUnavailable) {
        let later = header::HeaderValue::from_static(RETRY_AFTER_S);
        response.headers_mut().insert(header::RETRY_AFTER, later);
    }
    response.extensions_mut().insert(Refusal(kind));
    response
}

/// The answer to a call that was not carried out, in the types that `operation` may answer.
pub(crate) fn of_operation(error: &OperationError, operation: Option<&Operation>) -> Response {
    let (kind, parameter) = match error {
        OperationError::InvalidRequest { parameter, .. } => (ErrorType::BadRequest, parameter.clone()),
        OperationError::NotAvailable(_) => (ErrorType::BadRequest, None),
        OperationError::Forbidden(_) => (ErrorType::Forbidden, None),
        OperationError::TooManyRequests(_) => (ErrorType::TooManyRequests, None),
        OperationError::NotFound(_) => (ErrorType::NotFound, None),
        OperationError::Conflict(_) => (ErrorType::Conflict, None),
        OperationError::Topic(error) => (of_topic(error), None),
        OperationError::SecretNotFound(_) => (ErrorType::ResourceNotFound, None),
        OperationError::SecretExists(_) => (ErrorType::ResourceExists, None),
        OperationError::InvalidSecretRequest(_) => (ErrorType::InvalidRequest, None),
        OperationError::Store(_) | OperationError::Internal(_) => {
            tracing::error!(error = chain(error), "call failed");
            let message = "the control plane failed; see its log".to_owned();
            return response(ErrorType::InternalServerError, message, None);
        }
    };
    let kind = operation.map_or(kind, |operation| modelled(kind, &operation.errors));
    response(kind, error.to_string(), parameter)
}

fn of_topic(error: &TopicError) -> ErrorType {
    match error {
        TopicError::UnknownTopic(_) => ErrorType::UnknownTopicOrPartition,
        TopicError::TopicExists(_) => ErrorType::TopicExists,
        TopicError::InvalidRequest(_) => ErrorType::KafkaRequest,
        TopicError::ClusterConnectivity(_) => ErrorType::ClusterConnectivity,
        TopicError::NotController(_) => ErrorType::NotController,
        TopicError::ControllerMoved(_) => ErrorType::ControllerMoved,
        TopicError::ReassignmentInProgress(_) => ErrorType::ReassignmentInProgress,
        TopicError::GroupSubscribedToTopic(_) => ErrorType::GroupSubscribedToTopic,
        TopicError::Timeout(_) => ErrorType::KafkaTimeout,
    }
}

/// The nearest error among those that an operation may answer: clients know no others.
fn modelled(kind: ErrorType, allowed: &[ErrorType]) -> ErrorType {
    let instead: &[ErrorType] = match kind {
        ErrorType::UnknownTopicOrPartition => &[ErrorType::NotFound],
        ErrorType::TopicExists | ErrorType::ReassignmentInProgress | ErrorType::GroupSubscribedToTopic => {
            &[ErrorType::Conflict]
        }
        ErrorType::ClusterConnectivity
        | ErrorType::KafkaTimeout
        | ErrorType::NotController
        | ErrorType::ControllerMoved => &[ErrorType::ServiceUnavailable, ErrorType::InternalServerError],
        // Whoever is asked to wait, or may not, has to learn it whatever the operation.
        ErrorType::TooManyRequests | ErrorType::Forbidden => return kind,
        _ => &[],
    };
    let mut candidates = std::iter::once(&kind).chain(instead);
    let found = candidates.find(|candidate| allowed.contains(candidate));
    found.copied().unwrap_or(ErrorType::BadRequest)
}

/// The answer to a request that is too large or too slow.
pub(crate) fn of_size(message: String) -> Response {
    response(ErrorType::BadRequest, message, None)
}

/// The answer to a caller who is not believed.
pub(crate) fn of_distrust(distrust: Distrust) -> Response {
    let (kind, message) = explain(distrust);
    response(kind, message.to_owned(), None)
}

/// Why a caller is not believed, in words.
pub(super) fn explain(distrust: Distrust) -> (ErrorType, &'static str) {
    match distrust {
        Distrust::Unsigned => (ErrorType::MissingAuthenticationToken, "the request is not signed"),
        Distrust::UnknownKey => (
            ErrorType::UnrecognizedClient,
            "the access key is not known or disabled: use the one in the credentials file of the runtime, or make one with \
             broker-runtime keys create",
        ),
        Distrust::SessionToken => (
            ErrorType::Unauthorized,
            "the request carries a session token, and nobody here gives any: unset AWS_SESSION_TOKEN, or take the session \
             token out of the profile",
        ),
        Distrust::Mismatch => (
            ErrorType::InvalidSignature,
            "the signature does not match the request: check the secret key",
        ),
        Distrust::UnsignedHeader => (
            ErrorType::InvalidSignature,
            "the signature must cover the headers host and x-amz-*",
        ),
        Distrust::UnsignedPayload => (
            ErrorType::InvalidSignature,
            "the body must be signed as a whole: unsigned and chunked payloads are not accepted",
        ),
        Distrust::Skewed => (
            ErrorType::InvalidSignature,
            "the signature has expired: the clocks of caller and control plane are more than 15 minutes apart",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::model;

    #[test]
    fn errors_are_confined_to_those_of_the_operation() {
        let of = |name: &str, error: OperationError| {
            let response = of_operation(&error, model().operation(name));
            response.headers()["x-amzn-errortype"].to_str().unwrap().to_owned()
        };
        let topic = || OperationError::from(TopicError::UnknownTopic("t".to_owned()));
        assert_eq!(of("DeleteTopic", topic()), "UnknownTopicOrPartitionException");
        assert_eq!(of("DescribeTopic", topic()), "NotFoundException");
        let unreachable = || OperationError::unreachable("c");
        assert_eq!(of("ListTopics", unreachable()), "ServiceUnavailableException");
        assert_eq!(of("ListNodes", unreachable()), "InternalServerErrorException");
        let missing = || OperationError::NotFound("c".to_owned());
        assert_eq!(of("DescribeCluster", missing()), "NotFoundException");
        assert_eq!(of("PutClusterPolicy", missing()), "BadRequestException");
        assert_eq!(
            of("CreateCluster", OperationError::Conflict("c".to_owned())),
            "ConflictException"
        );
    }
}
