//! What the leader of a partition knows of its replicas, as a plain value: who is in sync, how far everybody is, where
//! the high watermark may go, and which change of the ISR to propose. No I/O, no clock; the partition feeds it events.
//!
//! ```text
//!                 ┌──────────── AlterPartition accepted / superseded ◄────────────┐
//!                 ▼                                                               │
//!   committed ISR ── follower caught up, or one fell behind ──► pending ISR ──────┤
//!                                                               (maximal ISR      │
//!                 ▲                                              = both)          │
//!                 └───────────────────── refused ◄────────────────────────────────┘
//! ```
//!
//! Rules (Kafka's `Partition.scala`, `reference` §3.3): the high watermark is the least end offset over the *maximal*
//! ISR, which is the committed one and the one in flight together; a replica counts with what it has *flushed*; with
//! fewer in-sync replicas than `min.insync.replicas` the high watermark stands still.

use std::{cmp::Ordering, collections::BTreeMap};

use kafka_metadata::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionState};

/// What is known of one follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FollowerState {
    /// It has, flushed, everything below this; -1 while it has not fetched in this epoch.
    pub(crate) log_end_offset: i64,
    /// Its first offset.
    pub(crate) log_start_offset: i64,
    /// When it was last known to have everything.
    pub(crate) last_caught_up_ms: i64,
    /// End of our log when it fetched last.
    leader_end_at_last_fetch: i64,
    /// When it fetched last.
    last_fetch_ms: i64,
    /// Registration it fetched with.
    pub(crate) broker_epoch: Option<BrokerEpoch>,
}

/// One fetch of a follower, as the leader sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowerFetch {
    /// Who.
    pub(crate) broker_id: BrokerId,
    /// Registration it claims.
    pub(crate) broker_epoch: Option<BrokerEpoch>,
    /// It asks for this offset, and so has everything below, flushed.
    pub(crate) offset: i64,
    /// Its first offset.
    pub(crate) log_start_offset: i64,
    /// End of our log now.
    pub(crate) leader_end: i64,
    /// Now.
    pub(crate) now_ms: i64,
}

/// An ISR that is worth proposing to the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IsrProposal {
    /// The epoch it is based on.
    pub(crate) partition_epoch: PartitionEpoch,
    /// In the order of the assignment.
    pub(crate) isr: Vec<BrokerId>,
}

/// Numbers that come from configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaderSettings {
    /// `min.insync.replicas`.
    pub(crate) min_insync_replicas: usize,
    /// `replica.lag.time.max.ms`.
    pub(crate) replica_lag_time_max_ms: i64,
}

/// The leader's view. One instance lives per leader epoch.
#[derive(Clone, Debug)]
pub(crate) struct LeaderState {
    broker_id: BrokerId,
    /// Epoch of this leadership.
    pub(crate) leader_epoch: LeaderEpoch,
    /// First offset of this epoch.
    pub(crate) epoch_start_offset: i64,
    /// Epoch of the committed state.
    pub(crate) partition_epoch: PartitionEpoch,
    replicas: Vec<BrokerId>,
    isr: Vec<BrokerId>,
    pending_isr: Option<Vec<BrokerId>>,
    followers: BTreeMap<BrokerId, FollowerState>,
    high_watermark: i64,
}

impl LeaderState {
    /// Begins a leadership. `log_end_offset` is where the epoch starts, `high_watermark` what this replica knew before.
    pub(crate) fn new(
        broker_id: BrokerId,
        state: &PartitionState,
        log_end_offset: i64,
        high_watermark: i64,
        now_ms: i64,
    ) -> Self {
        let mut leader = Self {
            broker_id,
            leader_epoch: state.leader_epoch,
            epoch_start_offset: log_end_offset,
            partition_epoch: state.partition_epoch,
            replicas: Vec::new(),
            isr: Vec::new(),
            pending_isr: None,
            followers: BTreeMap::new(),
            high_watermark: high_watermark.min(log_end_offset),
        };
        leader.adopt(state, now_ms);
        leader
    }

    /// Takes over a newer committed state of the same leader epoch.
    pub(crate) fn commit(&mut self, state: &PartitionState, now_ms: i64) {
        assert_eq!(
            state.leader_epoch, self.leader_epoch,
            "a new leader epoch begins a new leadership"
        );
        match state.partition_epoch.cmp(&self.partition_epoch) {
            Ordering::Less => {}
            // What was proposed is what there is already.
            Ordering::Equal => self.pending_isr = None,
            Ordering::Greater => self.adopt(state, now_ms),
        }
    }

    fn adopt(&mut self, state: &PartitionState, now_ms: i64) {
        self.partition_epoch = state.partition_epoch;
        self.replicas.clone_from(&state.replicas);
        self.isr.clone_from(&state.isr);
        self.pending_isr = None;
        self.followers.retain(|id, _| state.replicas.contains(id));
        for &replica in state.replicas.iter().filter(|&&replica| replica != self.broker_id) {
            // A member of the ISR gets the whole lag time before it is found wanting.
            let last_caught_up_ms = if self.isr.contains(&replica) { now_ms } else { i64::MIN };
            self.followers.entry(replica).or_insert(FollowerState {
                log_end_offset: -1,
                log_start_offset: -1,
                last_caught_up_ms,
                leader_end_at_last_fetch: -1,
                last_fetch_ms: 0,
                broker_epoch: None,
            });
        }
    }

    /// The committed ISR.
    pub(crate) fn isr(&self) -> &[BrokerId] {
        &self.isr
    }

    /// Everything below is on all in-sync replicas.
    pub(crate) fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// What is known of `broker_id`; `None` when it holds no replica.
    pub(crate) fn follower(&self, broker_id: BrokerId) -> Option<&FollowerState> {
        self.followers.get(&broker_id)
    }

    /// `min.insync.replicas`, but never more than there are replicas.
    pub(crate) fn required_isr(&self, settings: LeaderSettings) -> usize {
        settings.min_insync_replicas.min(self.replicas.len())
    }

    /// Fewer replicas are in sync than acks=all asks for.
    pub(crate) fn is_under_min_isr(&self, settings: LeaderSettings) -> bool {
        self.isr.len() < self.required_isr(settings)
    }

    /// Notes a follower's fetch. False when it is no replica of this partition.
    pub(crate) fn on_fetch(&mut self, fetch: FollowerFetch) -> bool {
        let Some(follower) = self.followers.get_mut(&fetch.broker_id) else {
            return false;
        };
        // `Replica.updateFetchStateOrThrow`: caught up now, or with what there was when it fetched last.
        if fetch.offset >= fetch.leader_end {
            follower.last_caught_up_ms = follower.last_caught_up_ms.max(fetch.now_ms);
        } else if fetch.offset >= follower.leader_end_at_last_fetch && follower.leader_end_at_last_fetch >= 0 {
            follower.last_caught_up_ms = follower.last_caught_up_ms.max(follower.last_fetch_ms);
        }
        follower.log_end_offset = fetch.offset;
        follower.log_start_offset = fetch.log_start_offset;
        follower.leader_end_at_last_fetch = fetch.leader_end;
        follower.last_fetch_ms = fetch.now_ms;
        follower.broker_epoch = fetch.broker_epoch;
        true
    }

    fn in_maximal_isr(&self, broker_id: BrokerId) -> bool {
        self.isr.contains(&broker_id) || self.pending_isr.as_ref().is_some_and(|isr| isr.contains(&broker_id))
    }

    /// Moves the high watermark as far as the replicas allow; the new one if it moved. `counted_end` is the end of
    /// our own log that counts (flushed, unless the topic leaves that to the page cache). `eligible` tells whether a
    /// broker may join the ISR at all.
    pub(crate) fn advance(
        &mut self,
        counted_end: i64,
        settings: LeaderSettings,
        now_ms: i64,
        eligible: impl Fn(BrokerId) -> bool,
    ) -> Option<i64> {
        if self.is_under_min_isr(settings) {
            return None;
        }
        let mut least = counted_end;
        for (&broker_id, follower) in &self.followers {
            if follower.log_end_offset >= least {
                continue;
            }
            // A replica about to join the ISR is waited for, else it would be thrown out of it at once.
            let about_to_join = || {
                follower.log_end_offset >= 0
                    && self.caught_up(follower, counted_end, settings, now_ms)
                    && eligible(broker_id)
            };
            if self.in_maximal_isr(broker_id) || about_to_join() {
                least = follower.log_end_offset;
            }
        }
        if least <= self.high_watermark {
            return None;
        }
        self.high_watermark = least;
        Some(least)
    }

    fn caught_up(&self, follower: &FollowerState, leader_end: i64, settings: LeaderSettings, now_ms: i64) -> bool {
        follower.log_end_offset >= leader_end
            || now_ms.saturating_sub(follower.last_caught_up_ms) <= settings.replica_lag_time_max_ms
    }

    /// The ISR to propose now, if it should change and no proposal is in flight. `leader_end` is the end of our log,
    /// `eligible` tells whether a broker is alive and registered as it claims.
    pub(crate) fn propose(
        &mut self,
        leader_end: i64,
        settings: LeaderSettings,
        now_ms: i64,
        eligible: impl Fn(BrokerId, Option<BrokerEpoch>) -> bool,
    ) -> Option<IsrProposal> {
        if self.pending_isr.is_some() {
            return None;
        }
        let wanted: Vec<BrokerId> = self
            .replicas
            .iter()
            .copied()
            .filter(|&replica| {
                let Some(follower) = self.followers.get(&replica) else {
                    return replica == self.broker_id;
                };
                if self.isr.contains(&replica) {
                    self.caught_up(follower, leader_end, settings, now_ms)
                } else {
                    // `isFollowerInSync`: at the high watermark, and past the start of this epoch.
                    follower.log_end_offset >= self.high_watermark.max(0)
                        && follower.log_end_offset >= self.epoch_start_offset
                        && eligible(replica, follower.broker_epoch)
                }
            })
            .collect();
        let same = wanted.len() == self.isr.len() && wanted.iter().all(|replica| self.isr.contains(replica));
        if same {
            return None;
        }
        self.pending_isr = Some(wanted.clone());
        Some(IsrProposal {
            partition_epoch: self.partition_epoch,
            isr: wanted,
        })
    }

    /// The controller refused the proposal, or was not reached.
    pub(crate) fn proposal_failed(&mut self, partition_epoch: PartitionEpoch) {
        if self.partition_epoch == partition_epoch {
            self.pending_isr = None;
        }
    }

    /// The registration each member of `isr` fetched with; our own is `own_epoch`.
    pub(crate) fn with_epochs(&self, isr: &[BrokerId], own_epoch: BrokerEpoch) -> Vec<(BrokerId, Option<BrokerEpoch>)> {
        isr.iter()
            .map(|&replica| {
                let epoch = match self.followers.get(&replica) {
                    Some(follower) => follower.broker_epoch,
                    None => Some(own_epoch),
                };
                (replica, epoch)
            })
            .collect()
    }
}
