//! Transactions in one log: which are open, which have ended without everybody knowing, and who was verified to have begun one
//! (KIP-890; `ProducerStateManager`, `VerificationStateEntry`).

use std::collections::{BTreeMap, HashMap};

/// Proof that the coordinator was asked about a transaction after its last end in this log: what it has answered holds for an
/// append with this guard, and for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationGuard(u64);

/// A transaction that a marker has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndedTransaction {
    pub(crate) producer_id: i64,
    /// Of its first record in this log.
    pub(crate) first_offset: i64,
    /// Of the marker.
    pub(crate) last_offset: i64,
    pub(crate) committed: bool,
    /// Where the first transaction begins that is still open, or the offset after the marker.
    pub(crate) last_stable_offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verification {
    guard: VerificationGuard,
    epoch: i16,
    lowest_sequence: i32,
    bumps_epoch: bool,
    begun_ms: i64,
}

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transactions {
    /// Producers by the first offset of their open transaction.
    open: BTreeMap<i64, i64>,
    /// First offsets by the marker, as long as the high watermark has not passed it.
    ended: BTreeMap<i64, i64>,
    verifications: HashMap<i64, Verification>,
    guards: u64,
}

impl Transactions {
    pub(super) fn begin(&mut self, first_offset: i64, producer_id: i64) {
        self.open.insert(first_offset, producer_id);
        self.verifications.remove(&producer_id);
    }

    pub(super) fn end(
        &mut self,
        producer_id: i64,
        first_offset: i64,
        last_offset: i64,
        committed: bool,
    ) -> EndedTransaction {
        self.open.remove(&first_offset);
        self.ended.insert(last_offset, first_offset);
        EndedTransaction {
            producer_id,
            first_offset,
            last_offset,
            committed,
            last_stable_offset: self.open.keys().next().copied().unwrap_or(last_offset + 1),
        }
    }

    /// A marker was appended: what was verified before it says nothing any more.
    pub(super) fn forget_verification(&mut self, producer_id: i64) {
        self.verifications.remove(&producer_id);
    }

    /// The first offset of which it is not known to all replicas whether it counts.
    pub(crate) fn first_unstable_offset(&self) -> Option<i64> {
        let open = self.open.keys().next().copied();
        open.into_iter().chain(self.ended.values().copied()).min()
    }

    /// The first marker that the high watermark has not passed.
    pub(crate) fn first_uncommitted_marker(&self) -> Option<i64> {
        self.ended.keys().next().copied()
    }

    /// The high watermark has moved.
    pub(crate) fn committed(&mut self, high_watermark: i64) {
        self.ended = self.ended.split_off(&high_watermark);
    }

    /// The guard of a verification that begins or goes on.
    pub(crate) fn verify(
        &mut self,
        producer_id: i64,
        (epoch, sequence): (i16, i32),
        bumps_epoch: bool,
        now_ms: i64,
    ) -> VerificationGuard {
        self.guards += 1;
        let new = Verification {
            guard: VerificationGuard(self.guards),
            epoch,
            lowest_sequence: sequence,
            bumps_epoch,
            begun_ms: now_ms,
        };
        let entry = self.verifications.entry(producer_id).or_insert(new);
        if entry.epoch != epoch {
            *entry = new;
        }
        entry.lowest_sequence = entry.lowest_sequence.min(sequence);
        entry.guard
    }

    /// Takes over which transactions have ended.
    pub(crate) fn take_ended(&mut self, other: &Self) {
        self.ended.clone_from(&other.ended);
    }

    pub(super) fn is_verified(&self, producer_id: i64, guard: Option<VerificationGuard>) -> bool {
        let entry = self.verifications.get(&producer_id);
        entry.is_some_and(|entry| Some(entry.guard) == guard)
    }

    /// The lowest sequence number that was seen of a transaction that is being verified, and whether its producer gets a new
    /// epoch with every transaction.
    pub(super) fn expected_sequence(&self, producer_id: i64) -> Option<(i32, bool)> {
        let entry = self.verifications.get(&producer_id)?;
        Some((entry.lowest_sequence, entry.bumps_epoch))
    }

    pub(super) fn remove_expired(&mut self, now_ms: i64, expiration_ms: i64) {
        self.verifications
            .retain(|_, entry| now_ms.saturating_sub(entry.begun_ms) < expiration_ms);
    }
}
