//! What can be told of a partition from outside, for metrics.

use std::sync::atomic::Ordering;

use kafka_metadata::BrokerId;

use super::replica::{Partition, Role};
use crate::replication::Reasons;

/// What the leader sees of its replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaderHealth {
    /// Replicas, without those that a reassignment is bringing.
    pub(crate) replicas: usize,
    /// Those that are in sync.
    pub(crate) in_sync: usize,
    /// How many have to be, for acks=all.
    pub(crate) required: usize,
}

impl LeaderHealth {
    /// Some replicas are not in sync.
    pub(crate) fn is_under_replicated(self) -> bool {
        self.in_sync < self.replicas
    }

    /// Too few are in sync for acks=all.
    pub(crate) fn is_under_min_isr(self) -> bool {
        self.in_sync < self.required
    }

    /// One less, and they were too few.
    pub(crate) fn is_at_min_isr(self) -> bool {
        self.in_sync == self.required
    }
}

impl Partition {
    /// What this broker sees of the replicas; `None` unless it leads.
    pub(crate) fn leader_health(&self) -> Option<LeaderHealth> {
        let role = self.role.read();
        let Role::Leader(leader) = &*role else {
            return None;
        };
        let leader = leader.lock();
        Some(LeaderHealth {
            replicas: leader.settled_replicas(),
            in_sync: leader.isr().len(),
            required: leader.required_isr(self.leader_settings()),
        })
    }

    /// Why the follower's replica may be sent to at a throttled rate only, where this broker leads; it is not in sync. `moves`
    /// while the engine is moving data.
    pub(crate) fn throttled_for(&self, follower: BrokerId, moves: bool) -> Reasons {
        let named = self.settings.load().throttled_as_leader.has(self.index);
        if !named && !moves {
            return Reasons::default();
        }
        match &*self.role.read() {
            Role::Leader(leader) => {
                let leader = leader.lock();
                let behind = !leader.isr().contains(&follower);
                Reasons {
                    named: behind && named,
                    moving: behind && moves && leader.is_bringing(follower),
                }
            }
            _ => Reasons::default(),
        }
    }

    /// True where this broker's replica receives at the throttled rate, as long as it is not in sync.
    pub(crate) fn is_throttled_here(&self) -> bool {
        self.settings.load().throttled_as_follower.has(self.index)
    }

    /// Records that the leader had committed and this follower did not have when it last asked.
    pub(crate) fn behind(&self) -> i64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Its log can be used.
    pub(crate) fn is_online(&self) -> bool {
        !self.offline.load(Ordering::Acquire) && !self.log.is_offline()
    }

    /// Files its log consists of.
    pub(crate) fn segment_count(&self) -> usize {
        self.log.segment_count()
    }
}
