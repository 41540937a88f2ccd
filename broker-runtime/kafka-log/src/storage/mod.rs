//! Where files live. The log reaches the disk through these two traits only, so that a test can fill the disk, break it,
//! or pull the plug.

mod disk;
mod encrypted;
#[cfg(test)]
mod faulty;
mod traits;
mod whole_disk;

pub use disk::Disk;
pub(crate) use encrypted::EncryptedStorage;
pub use encrypted::{DATA_KEY_BYTES, DataKey};
#[cfg(test)]
pub(crate) use faulty::FaultyDisk;
pub use traits::{Entry, FileSystem, Storage, StorageFile};
