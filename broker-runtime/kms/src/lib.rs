//! Keys for encryption at rest, as a key management service has them: a user names a key by its ARN, a cluster has a data
//! key of its own, and what is stored beside the data is that data key, encrypted under the user's.
//!
//! The keys are files of one directory, which may be on another medium than the data; nothing here goes over a network.

mod data_key;
mod error;
mod key;
mod store;

pub use data_key::{DATA_KEY_BYTES, WrappedDataKey};
pub use error::KmsError;
pub use key::Key;
pub use store::KeyStore;
