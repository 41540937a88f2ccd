//! A bound on memory that many connections share. Who wants a part of it waits in line, or makes do with what is there.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is counted in units of this size.
const UNIT_BYTES: usize = 1024;

/// Less than this can always be had: who makes do with little gets on, however many others hold on to what they have.
const LEAST_BYTES: usize = 64 * 1024;

/// A part of the memory, given back when it is dropped.
pub(crate) type MemoryShare = OwnedSemaphorePermit;

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    units: Arc<Semaphore>,
    /// What the largest single share is.
    largest_bytes: usize,
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX)
}

impl MemoryBudget {
    /// So much for all; nobody asks for more than `largest_bytes` at once.
    pub(crate) fn new(bytes: usize, largest_bytes: usize) -> Self {
        Self {
            units: Arc::new(Semaphore::new(bytes / UNIT_BYTES)),
            largest_bytes,
        }
    }

    /// Waits until so much can be had.
    pub(crate) async fn reserve(&self, bytes: usize) -> Option<MemoryShare> {
        // The semaphore is never closed.
        Arc::clone(&self.units).acquire_many_owned(units(bytes)).await.ok()
    }

    /// How much can be had at once.
    pub(crate) fn room(&self) -> usize {
        (self.units.available_permits() * UNIT_BYTES).max(LEAST_BYTES)
    }

    /// Somebody may be waiting.
    pub(crate) fn is_short(&self) -> bool {
        self.units.available_permits() * UNIT_BYTES < self.largest_bytes
    }

    /// Takes so much without waiting, or nothing where it is not there any more: little, or memory that is held already.
    pub(crate) fn take(&self, bytes: usize) -> Option<MemoryShare> {
        Arc::clone(&self.units).try_acquire_many_owned(units(bytes)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shares_are_given_back_and_little_can_always_be_had() {
        let budget = MemoryBudget::new(1_000_000, 300_000);
        let most = budget.reserve(900_000).await;
        assert!(budget.is_short() && budget.room() == 100_352);
        assert!(budget.take(200_000).is_none());
        let rest = budget.take(budget.room());
        assert_eq!(budget.room(), LEAST_BYTES);
        drop((most, rest));
        assert!(!budget.is_short());
        assert_eq!(budget.room(), 999_424);
    }
}
