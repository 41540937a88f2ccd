//! Where files live. The log reaches the disk through these two traits only, so that a test can fill the disk, break it,
//! or pull the plug.

mod disk;
#[cfg(test)]
mod faulty;
mod traits;

pub use disk::Disk;
#[cfg(test)]
pub(crate) use faulty::FaultyDisk;
pub use traits::{Entry, Storage, StorageFile};
