//! Errors of the API: the type in the header `x-amzn-ErrorType`, the rest in the body.

use serde::{Deserialize, Serialize};

/// Body of every error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// What is wrong, for a person.
    #[serde(default, alias = "Message")]
    pub message: String,
    /// The parameter that is wrong, in the API's spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_parameter: Option<String>,
}

macro_rules! error_types {
    ($($(#[$doc:meta])* $variant:ident = $status:literal),+ $(,)?) => {
        /// Types of errors. Their names on the wire are the variants' with `Exception` behind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorType {
            $($(#[$doc])* $variant,)+
        }

        impl ErrorType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// Name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!(stringify!($variant), "Exception"),)+ }
            }
        }
    };
}

error_types! {
    /// The request has to be corrected.
    BadRequest = 400,
    /// Who are you?
    Unauthorized = 401,
    /// You may not.
    Forbidden = 403,
    /// The access key is not known.
    UnrecognizedClient = 403,
    /// The signature does not match.
    InvalidSignature = 403,
    /// There is no signature.
    MissingAuthenticationToken = 403,
    /// It does not exist.
    NotFound = 404,
    /// It exists already, or is in a state that does not allow this.
    Conflict = 409,
    /// Later.
    TooManyRequests = 429,
    /// Our fault.
    InternalServerError = 500,
    /// Later.
    ServiceUnavailable = 503,
    /// A topic of this name exists.
    TopicExists = 409,
    /// The cluster's brokers cannot be reached.
    ClusterConnectivity = 409,
    /// The cluster did not answer in time.
    KafkaTimeout = 409,
    /// The controller is another one now.
    ControllerMoved = 409,
    /// The broker that was asked is not the controller.
    NotController = 409,
    /// Replicas of the topic are being moved.
    ReassignmentInProgress = 409,
    /// A group consumes the topic.
    GroupSubscribedToTopic = 409,
    /// There is no such topic.
    UnknownTopicOrPartition = 404,
    /// Kafka refused the request.
    KafkaRequest = 400,
    /// Secrets Manager: it does not exist.
    ResourceNotFound = 400,
    /// Secrets Manager: it exists.
    ResourceExists = 400,
    /// Secrets Manager: a parameter is wrong.
    InvalidParameter = 400,
    /// Secrets Manager: not in this state.
    InvalidRequest = 400,
}
