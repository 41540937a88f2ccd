//! Files that are encrypted on the medium: AES-256 in XTS mode (IEEE 1619), as block devices do it. Kafka's format stays
//! byte for byte what it is for everything above this folder.

mod disk;
mod file;
mod key;
mod xts;

pub(crate) use disk::EncryptedStorage;
pub use key::{DATA_KEY_BYTES, DataKey};
