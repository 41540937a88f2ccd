//! Brings leaderships back to preferred replicas once those have been in sync again for a while, so that one restart does
//! not leave a broker idle. Kafka looks for them every `leader.imbalance.check.interval.seconds` (300). Here each waits as long as the
//! property says, where it is set, and otherwise seconds.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::elections::is_unbalanced;
use crate::{MetadataImage, MetadataOffset, TopicId};

/// Since when leaderships could return.
#[derive(Debug, Default)]
pub struct LeaderBalance {
    since: HashMap<(TopicId, i32), Instant>,
    looked_at: Option<MetadataOffset>,
}

impl LeaderBalance {
    /// A preferred replica is in sync and active for this long before it leads again, where nothing else is asked for.
    pub const PATIENCE: Duration = Duration::from_secs(3);

    /// Looks at the whole image at `now`; answers with the partitions whose leadership is to return, because it could for as long as
    /// `patience`.
    pub fn due(&mut self, image: &MetadataImage, now: Instant, patience: Duration) -> Vec<(TopicId, i32)> {
        if self.since.is_empty() && self.looked_at == image.applied {
            return Vec::new();
        }
        self.looked_at = image.applied;
        let mut since = HashMap::new();
        let mut due = Vec::new();
        for topic in image.topics.values() {
            for (partition, state) in (0..).zip(&topic.partitions) {
                if !is_unbalanced(state, image) {
                    continue;
                }
                let key = (topic.topic_id, partition);
                let first_seen = self.since.get(&key).copied().unwrap_or(now);
                if now.saturating_duration_since(first_seen) >= patience {
                    due.push(key);
                }
                since.insert(key, first_seen);
            }
        }
        self.since = since;
        due.sort_unstable();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::testing::{Controller, assigned};

    #[test]
    fn leaderships_return_after_the_time_that_is_asked_for() {
        let mut controller = Controller::new(2);
        controller.create(assigned("t", &[1, 2])).unwrap();
        controller.fence(1);
        controller.beat(1, false).unwrap();
        controller.propose(2, controller.proposal("t", &[1, 2])).unwrap();
        let begun = Instant::now();
        let mut balance = LeaderBalance::default();
        let minute = Duration::from_secs(60);
        let due = |balance: &mut LeaderBalance, after| balance.due(&controller.image, begun + after, minute).len();
        assert_eq!(due(&mut balance, Duration::ZERO), 0);
        assert_eq!(due(&mut balance, LeaderBalance::PATIENCE), 0);
        assert_eq!(due(&mut balance, minute), 1);
    }
}
