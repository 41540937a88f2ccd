//! One partition's log.

mod append;
mod compact;
mod flush;
mod flush_together;
mod load;
mod log;
mod merge;
mod offsets;
mod read;
mod retention;
mod transactions;
mod truncate;
mod validate;

pub use compact::Compaction;
pub(crate) use flush_together::SyncTogether;
pub(crate) use load::LoadLog;
pub use log::Log;
pub(crate) use log::{LogIdentity, RecoveryPoints};
pub(crate) use validate::DECOMPRESSED_BYTES_MAX;

#[cfg(test)]
mod compact_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod flush_together_tests;
#[cfg(test)]
mod full_disk_tests;
#[cfg(test)]
mod merge_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transaction_tests;
