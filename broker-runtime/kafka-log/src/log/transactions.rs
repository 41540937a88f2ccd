//! Transactions of a log: what of it is stable, which were aborted, and verification of those that begin.

use std::sync::atomic::Ordering;

use super::log::Log;
use crate::{AbortedTransaction, VerificationGuard, producers::ProducerStates};

/// Stands for "there is none" where an offset is kept.
const NONE: i64 = i64::MAX;

impl Log {
    /// Where readers of committed records stop: the first open transaction, or `high_watermark` (the last stable offset). A
    /// transaction counts as open until the high watermark has passed its marker.
    pub fn last_stable_offset(&self, high_watermark: i64) -> i64 {
        let unstable = self.first_unstable_offset.load(Ordering::Acquire);
        unstable.max(self.log_start_offset()).min(high_watermark)
    }

    /// The transactions whose records between `offset` and `end_offset` (exclusive) do not count, by their markers.
    pub fn aborted_transactions(&self, offset: i64, end_offset: i64) -> Vec<AbortedTransaction> {
        let mut found = Vec::new();
        let segments = self.segments();
        let first = segments
            .partition_point(|segment| segment.base_offset() <= offset)
            .saturating_sub(1);
        for segment in &segments[first..] {
            let all = segment.aborted(|aborted| {
                if aborted.last_offset >= offset && aborted.first_offset < end_offset {
                    found.push(*aborted);
                }
                // Transactions that end later have begun later.
                aborted.last_stable_offset < end_offset
            });
            if !all {
                break;
            }
        }
        found
    }

    /// Asks whether a batch of `producer_id` would begin a transaction here. Then its coordinator has to be asked about it,
    /// and the append needs the guard; `None` when the transaction is open in this log already. `bumps_epoch` says that the
    /// producer gets a new epoch with every transaction (KIP-890, second part).
    pub fn begin_verification(
        &self,
        producer_id: i64,
        (epoch, sequence): (i16, i32),
        bumps_epoch: bool,
        now_ms: i64,
    ) -> Option<VerificationGuard> {
        let mut producers = self.writer.lock();
        if producers.has_open_transaction(producer_id, epoch) {
            return None;
        }
        let transactions = &mut producers.transactions;
        Some(transactions.verify(producer_id, (epoch, sequence), bumps_epoch, now_ms))
    }

    /// Lets readers know what is not stable.
    pub(super) fn publish_unstable(&self, producers: &ProducerStates) {
        let transactions = &producers.transactions;
        let unstable = transactions.first_unstable_offset().unwrap_or(NONE);
        self.first_unstable_offset.store(unstable, Ordering::Release);
        let marker = transactions.first_uncommitted_marker().unwrap_or(NONE);
        self.first_uncommitted_marker.store(marker, Ordering::Release);
    }

    /// The high watermark has passed at least one marker.
    pub(super) fn pass_markers(&self, high_watermark: i64) {
        let mut producers = self.writer.lock();
        producers.transactions.committed(high_watermark);
        self.publish_unstable(&producers);
    }
}
