//! Request, response and error types of the Amazon MSK REST API as far as it is served, of the small subsets of Secrets
//! Manager and STS beside it, and of our extensions under `/openmsk/v1`. No behaviour.
//!
//! Names on the wire are MSK's (lowerCamelCase); unknown members are ignored, as AWS does. Members that an operation
//! does not use yet are not here: `control-plane` refuses them by name where ignoring them would mislead.

pub mod acls;
pub mod blob;
pub mod bootstrap;
pub mod client_authorities;
pub mod clusters;
pub mod configurations;
pub mod connectivity;
pub mod error;
pub mod extensions;
pub mod hosts;
pub mod identities;
pub mod instance_types;
pub mod monitoring;
pub mod nodes;
pub mod operations;
pub mod policies;
pub mod quotas;
pub mod scram;
pub mod secret_text;
pub mod secrets_manager;
pub mod security;
pub mod serverless;
pub mod storage;
pub mod tags;
pub mod topics;
pub mod updates;
pub mod versions;

pub use blob::Blob;
pub use error::{ErrorBody, ErrorType};
pub use secret_text::SecretText;
pub use server_properties;
