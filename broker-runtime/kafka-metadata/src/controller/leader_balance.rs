//! Brings leaderships back to preferred replicas once those have been in sync again for a while, so that one restart does
//! not leave a broker idle. Kafka does so every `leader.imbalance.check.interval.seconds` (300); we wait seconds.

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
    /// A preferred replica is in sync and active for this long before it leads again.
    pub const PATIENCE: Duration = Duration::from_secs(3);

    /// Looks at the whole image at `now`; answers with the partitions whose leadership is to return.
    pub fn due(&mut self, image: &MetadataImage, now: Instant) -> Vec<(TopicId, i32)> {
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
                if now.saturating_duration_since(first_seen) >= Self::PATIENCE {
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
