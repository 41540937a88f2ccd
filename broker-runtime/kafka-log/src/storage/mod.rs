//! Where files live. The log reaches the disk through these two traits only, so that a test can fill the disk, break it,
//! or pull the plug.

mod disk;
#[cfg(test)]
pub(crate) mod faulty;
mod traits;

pub use disk::Disk;
pub use traits::{Entry, Storage, StorageFile};
