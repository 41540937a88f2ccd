//! What the leader of a partition knows of its replicas, as a plain value: who is in sync, how far everybody is, where
//! the high watermark may go, and which change of the ISR to propose. No I/O, no clock; the partition feeds it events.
//!
//! ```text
//!                 ┌──────────── AlterPartition accepted / superseded ◄────────────┐
//!                 ▼                                                               │
//!   committed ISR ── follower caught up, or one fell behind ──► pending ISR ──────┤
//!                                                               (maximal ISR      │
//!                 ▲                                              = all)           │
//!                 ├───────────────────── refused ◄────────────────────────────────┤
//!                 └── in doubt (its members count until the epoch moves) ◄── no answer
//! ```
//!
//! Rules (Kafka's `Partition.scala`): the high watermark is the least end offset over the *maximal*
//! ISR, which is the committed one, the one in flight and those in doubt together; a replica counts with what it has *flushed*;
//! with fewer in-sync replicas than `min.insync.replicas` the high watermark stands still.

use std::collections::BTreeMap;

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
    /// Number of replicas without those that a reassignment is bringing.
    settled_replicas: usize,
    /// Replicas that a reassignment is bringing.
    adding: Vec<BrokerId>,
    isr: Vec<BrokerId>,
    /// The controller holds others for eligible to lead: what is acknowledged now would be lost with them as leaders.
    has_eligible: bool,
    pending_isr: Option<Vec<BrokerId>>,
    /// Members of proposals that were not answered: the controller may have taken one of them, and elect any of its members. Over when
    /// the epoch of the committed state moves, since they were based on this one.
    in_doubt: Vec<BrokerId>,
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
            settled_replicas: 0,
            adding: Vec::new(),
            isr: Vec::new(),
            has_eligible: false,
            pending_isr: None,
            in_doubt: Vec::new(),
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
        if state.partition_epoch > self.partition_epoch {
            self.adopt(state, now_ms);
        }
    }

    fn adopt(&mut self, state: &PartitionState, now_ms: i64) {
        self.partition_epoch = state.partition_epoch;
        self.replicas.clone_from(&state.replicas);
        self.settled_replicas = state.settled_replicas().len();
        self.adding.clone_from(&state.adding);
        self.isr.clone_from(&state.isr);
        self.has_eligible = !state.elr.is_empty();
        self.pending_isr = None;
        self.in_doubt.clear();
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

    /// The in-sync follower among `brokers` that has most, if it has the offset.
    pub(crate) fn closest_replica(&self, brokers: &[BrokerId], offset: i64) -> Option<BrokerId> {
        let followers = brokers.iter().filter(|broker| self.isr.contains(broker));
        let followers = followers.filter_map(|broker| Some((*broker, self.followers.get(broker)?)));
        let with_offset =
            followers.filter(|(_, follower)| (follower.log_start_offset..=follower.log_end_offset).contains(&offset));
        let most = with_offset.max_by_key(|(_, follower)| follower.log_end_offset);
        most.map(|(broker, _)| broker)
    }

    /// True when a reassignment is bringing a replica to the broker.
    pub(crate) fn is_bringing(&self, broker_id: BrokerId) -> bool {
        self.adding.contains(&broker_id)
    }

    /// The committed ISR.
    pub(crate) fn isr(&self) -> &[BrokerId] {
        &self.isr
    }

    /// Everything below is on all in-sync replicas.
    #[cfg(test)]
    fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// The lowest log start offset of the followers that are `alive`; `None` when there are none.
    pub(crate) fn lowest_log_start_offset(&self, alive: impl Fn(BrokerId) -> bool) -> Option<i64> {
        let living = self.followers.iter().filter(|(broker_id, _)| alive(**broker_id));
        living.map(|(_, follower)| follower.log_start_offset).min()
    }

    /// `min.insync.replicas`, but never more than there are replicas; those that are only being brought do not count.
    pub(crate) fn required_isr(&self, settings: LeaderSettings) -> usize {
        settings.min_insync_replicas.min(self.settled_replicas)
    }

    /// Number of replicas without those that a reassignment is bringing.
    pub(crate) fn settled_replicas(&self) -> usize {
        self.settled_replicas
    }

    /// Fewer replicas are in sync than acks=all asks for, by what this broker knows or by what the controller does: a change of
    /// `min.insync.replicas` may come later than the answer to a proposal.
    pub(crate) fn is_under_min_isr(&self, settings: LeaderSettings) -> bool {
        self.has_eligible || self.isr.len() < self.required_isr(settings)
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
        let in_flight = self.pending_isr.iter().flatten().chain(&self.in_doubt);
        self.isr.iter().chain(in_flight).any(|member| *member == broker_id)
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

    /// The ISR to propose now, if it should change and no proposal is in flight; also the one that there is, when it is in doubt, so
    /// that its epoch moves. `leader_end` is the end of our log,
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
        if same && self.in_doubt.is_empty() {
            return None;
        }
        self.pending_isr = Some(wanted.clone());
        Some(IsrProposal {
            partition_epoch: self.partition_epoch,
            isr: wanted,
        })
    }

    /// The controller refused the proposal, or left the state as it was: it has no effect, now or later.
    pub(crate) fn proposal_refused(&mut self, partition_epoch: PartitionEpoch) {
        if self.partition_epoch == partition_epoch {
            self.pending_isr = None;
        }
    }

    /// Nobody knows what has become of the proposal.
    pub(crate) fn proposal_in_doubt(&mut self, partition_epoch: PartitionEpoch) {
        if self.partition_epoch == partition_epoch {
            self.in_doubt.extend(self.pending_isr.take().unwrap_or_default());
            self.in_doubt.sort_unstable();
            self.in_doubt.dedup();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: LeaderSettings = LeaderSettings {
        min_insync_replicas: 2,
        replica_lag_time_max_ms: 100,
    };

    fn ids(ids: &[i32]) -> Vec<BrokerId> {
        ids.iter().map(|id| BrokerId(*id)).collect()
    }

    fn state(isr: &[i32], partition_epoch: i32) -> PartitionState {
        PartitionState {
            replicas: ids(&[1, 2, 3]),
            isr: ids(isr),
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(5),
            partition_epoch: PartitionEpoch(partition_epoch),
            adding: Vec::new(),
            removing: Vec::new(),
            elr: Vec::new(),
        }
    }

    fn fetch(broker_id: i32, offset: i64, leader_end: i64, now_ms: i64) -> FollowerFetch {
        FollowerFetch {
            broker_id: BrokerId(broker_id),
            broker_epoch: Some(BrokerEpoch(7)),
            offset,
            log_start_offset: 0,
            leader_end,
            now_ms,
        }
    }

    fn everybody(_: BrokerId) -> bool {
        true
    }

    fn everybody_epoch(_: BrokerId, _: Option<BrokerEpoch>) -> bool {
        true
    }

    #[test]
    fn high_watermark_waits_for_every_member_of_the_isr() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2, 3], 0), 10, 10, 0);
        assert_eq!(
            leader.advance(20, SETTINGS, 0, everybody),
            None,
            "nobody has fetched yet"
        );
        leader.on_fetch(fetch(2, 20, 20, 1));
        assert_eq!(leader.advance(20, SETTINGS, 1, everybody), None);
        leader.on_fetch(fetch(3, 15, 20, 1));
        assert_eq!(leader.advance(20, SETTINGS, 1, everybody), Some(15));
        assert_eq!(leader.advance(12, SETTINGS, 1, everybody), None, "it never goes back");
    }

    #[test]
    fn what_the_leader_has_not_flushed_does_not_count() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2], 0), 0, 0, 0);
        leader.on_fetch(fetch(2, 20, 20, 1));
        assert_eq!(leader.advance(7, SETTINGS, 1, everybody), Some(7));
    }

    #[test]
    fn high_watermark_stands_still_below_min_isr() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1], 0), 0, 0, 0);
        assert_eq!(leader.advance(5, SETTINGS, 0, everybody), None);
        assert!(leader.is_under_min_isr(SETTINGS));
        let alone = LeaderSettings {
            min_insync_replicas: 1,
            ..SETTINGS
        };
        // Replica 2 is far behind, so nobody waits for it.
        assert_eq!(leader.advance(5, alone, 1000, everybody), Some(5));
    }

    #[test]
    fn caught_up_replica_is_proposed_and_counts_at_once() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2], 0), 0, 0, 0);
        leader.on_fetch(fetch(2, 10, 10, 1));
        assert_eq!(leader.advance(10, SETTINGS, 1, everybody), Some(10));
        leader.on_fetch(fetch(3, 9, 10, 1));
        assert_eq!(
            leader.propose(10, SETTINGS, 1, everybody_epoch),
            None,
            "below the high watermark"
        );
        leader.on_fetch(fetch(3, 10, 10, 2));
        let proposal = leader.propose(10, SETTINGS, 2, everybody_epoch).unwrap();
        assert_eq!(
            proposal,
            IsrProposal {
                partition_epoch: PartitionEpoch(0),
                isr: ids(&[1, 2, 3])
            }
        );
        assert_eq!(
            leader.propose(10, SETTINGS, 2, everybody_epoch),
            None,
            "one proposal at a time"
        );
        leader.on_fetch(fetch(2, 12, 12, 3));
        assert_eq!(
            leader.advance(12, SETTINGS, 3, everybody),
            None,
            "replica 3 counts while it is proposed"
        );
        leader.commit(&state(&[1, 2, 3], 1), 3);
        leader.on_fetch(fetch(3, 12, 12, 4));
        assert_eq!(leader.advance(12, SETTINGS, 4, everybody), Some(12));
    }

    #[test]
    fn replica_that_has_not_reached_this_epoch_does_not_join() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2], 0), 10, 5, 0);
        leader.on_fetch(fetch(3, 8, 10, 1));
        assert_eq!(leader.propose(10, SETTINGS, 1, everybody_epoch), None);
    }

    #[test]
    fn silent_replica_leaves_after_the_lag_time_and_a_busy_one_stays() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2, 3], 0), 0, 0, 0);
        assert_eq!(leader.propose(10, SETTINGS, 100, everybody_epoch), None);
        // Replica 2 is always one fetch behind, as under load; replica 3 has stopped.
        for (step, now_ms) in (0..).zip((10..=200).step_by(10)) {
            leader.on_fetch(fetch(2, step * 10, step * 10 + 10, now_ms));
        }
        let proposal = leader.propose(300, SETTINGS, 200, everybody_epoch).unwrap();
        assert_eq!(proposal.isr, ids(&[1, 2]));
        leader.proposal_refused(PartitionEpoch(0));
        assert!(
            leader.propose(300, SETTINGS, 200, everybody_epoch).is_some(),
            "a refused proposal is made again"
        );
    }

    #[test]
    fn a_replica_that_may_have_joined_is_waited_for() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2], 3), 0, 0, 0);
        for id in [2, 3] {
            leader.on_fetch(fetch(id, 10, 10, 1));
        }
        leader.advance(10, SETTINGS, 1, everybody);
        assert_eq!(
            leader.propose(10, SETTINGS, 1, everybody_epoch).unwrap().isr,
            ids(&[1, 2, 3])
        );
        leader.proposal_in_doubt(PartitionEpoch(3));
        // Replica 3 stands still, for so long that it is not about to join any more.
        leader.on_fetch(fetch(2, 20, 20, 500));
        assert_eq!(leader.advance(20, SETTINGS, 500, everybody), None);
        let again = leader.propose(20, SETTINGS, 500, |id, _| id == BrokerId(2)).unwrap();
        assert_eq!(again.isr, ids(&[1, 2]), "what there is, so that its epoch moves");
        leader.proposal_refused(PartitionEpoch(3));
        assert_eq!(leader.advance(20, SETTINGS, 500, everybody), None);
        leader.commit(&state(&[1, 2], 4), 500);
        assert_eq!(leader.advance(20, SETTINGS, 500, everybody), Some(20));
        assert_eq!(leader.propose(20, SETTINGS, 500, |id, _| id == BrokerId(2)), None);
    }

    #[test]
    fn proposal_that_changes_nothing_is_over_when_it_is_accepted() {
        let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2], 3), 0, 0, 0);
        leader.on_fetch(fetch(3, 0, 0, 1));
        leader.propose(0, SETTINGS, 1, everybody_epoch).unwrap();
        leader.commit(&state(&[1, 2], 3), 1);
        assert_eq!(
            leader.propose(0, SETTINGS, 1, everybody_epoch),
            None,
            "no answer to this one"
        );
        leader.proposal_refused(PartitionEpoch(3));
        assert!(leader.propose(0, SETTINGS, 1, everybody_epoch).is_some());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Append(i64),
        Flush,
        Fetch(i32, i64),
        Review,
        Accept,
        Refuse,
        /// The answer does not come, and the proposal has been accepted or not.
        Lose(bool),
        /// The committed state comes.
        Learn,
        Pass(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1..10i64).prop_map(Step::Append),
            Just(Step::Flush),
            ((2..=3i32), (0..20i64)).prop_map(|(id, behind)| Step::Fetch(id, behind)),
            Just(Step::Review),
            Just(Step::Accept),
            Just(Step::Refuse),
            any::<bool>().prop_map(Step::Lose),
            Just(Step::Learn),
            (1..80i64).prop_map(Step::Pass),
        ];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        /// Whatever happens, everything below the high watermark is flushed on every replica that may be elected.
        #[test]
        fn committed_records_are_on_every_member_of_the_isr(steps in steps()) {
            let mut leader = LeaderState::new(BrokerId(1), &state(&[1, 2, 3], 0), 0, 0, 0);
            let (mut end, mut flushed, mut now_ms, mut partition_epoch) = (0, 0, 0, 0);
            let mut ends = BTreeMap::from([(2, 0), (3, 0)]);
            let mut committed_isr = vec![1, 2, 3];
            let mut proposed: Option<IsrProposal> = None;
            let mut last = 0;
            for step in steps {
                match step {
                    Step::Append(count) => end += count,
                    Step::Flush => flushed = end,
                    Step::Fetch(id, behind) => {
                        let known = ends.get_mut(&id).unwrap();
                        *known = (*known).max(end - behind);
                        leader.on_fetch(fetch(id, *known, end, now_ms));
                    }
                    Step::Review => {
                        if let Some(proposal) = leader.propose(end, SETTINGS, now_ms, everybody_epoch) {
                            proposed = Some(proposal);
                        }
                    }
                    Step::Accept => if let Some(proposal) = proposed.take() {
                        // Unless one before it was accepted.
                        if proposal.partition_epoch.0 == partition_epoch {
                            partition_epoch += 1;
                            committed_isr = proposal.isr.iter().map(|id| id.0).collect();
                        }
                        leader.commit(&state(&committed_isr, partition_epoch), now_ms);
                    },
                    Step::Refuse => if let Some(proposal) = proposed.take() {
                        leader.proposal_refused(proposal.partition_epoch);
                    },
                    Step::Lose(accepted) => if let Some(proposal) = proposed.take() {
                        if accepted && proposal.partition_epoch.0 == partition_epoch {
                            partition_epoch += 1;
                            committed_isr = proposal.isr.iter().map(|id| id.0).collect();
                        }
                        leader.proposal_in_doubt(proposal.partition_epoch);
                    },
                    Step::Learn => {
                        leader.commit(&state(&committed_isr, partition_epoch), now_ms);
                        proposed = proposed.filter(|it| it.partition_epoch.0 == partition_epoch);
                    }
                    Step::Pass(ms) => now_ms += ms,
                }
                leader.advance(flushed, SETTINGS, now_ms, everybody);
                let high_watermark = leader.high_watermark();
                prop_assert!(high_watermark >= last);
                prop_assert!(high_watermark <= flushed);
                if high_watermark > last {
                    for id in committed_isr.iter().filter(|id| **id != 1) {
                        prop_assert!(ends[id] >= high_watermark, "replica {id} ends at {}", ends[id]);
                    }
                }
                last = high_watermark;
            }
        }
    }
}
