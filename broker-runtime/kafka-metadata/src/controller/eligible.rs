//! Eligible leader replicas (KIP-966). While the ISR has fewer members than `min.insync.replicas` the high watermark stands still, so
//! whoever leaves it then keeps everything that was acknowledged, and may lead later; the ISR may become empty. Once the ISR has
//! enough members again, the others fall behind it, and nobody else is eligible.
//!
//! Kafka: `PartitionChangeBuilder.maybePopulateTargetElr`. Differences: a replica stays eligible when its process ended without a
//! clean shutdown, because acknowledged records are on its disk, or in the page cache of the machine that all replicas share; so
//! there is always somebody who is in sync or eligible, and nobody is ever the last known leader only. A change of `min.insync.replicas`
//! takes away who is eligible only where the ISR has enough members afterwards.

use super::draft::Draft;
use crate::{BrokerId, PartitionEpoch, PartitionState, TopicId};

/// The property that decides.
pub(super) const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Who is eligible beside the ISR of `next`, in the order of the replicas. `min` is `min.insync.replicas`.
pub(super) fn beside_isr(before: &PartitionState, next: &PartitionState, min: impl FnOnce() -> usize) -> Vec<BrokerId> {
    let was_safe: Vec<BrokerId> = before.safe_replicas().collect();
    let is_left = |replica: &BrokerId| was_safe.contains(replica) && !next.isr.contains(replica);
    let left: Vec<BrokerId> = next.replicas.iter().copied().filter(is_left).collect();
    if left.is_empty() || next.isr.len() >= next.required_isr(min()) {
        return Vec::new();
    }
    left
}

/// Takes away who is eligible where the ISR has enough members, now that `min.insync.replicas` may have changed.
pub(super) fn review(draft: &mut Draft<'_>) {
    let image = draft.image();
    let mut due: Vec<(String, TopicId, i32, PartitionState)> = Vec::new();
    for topic in image.topics.values() {
        let min = image.min_insync_replicas(&topic.name, &draft.defaults().properties);
        for (partition, state) in (0..).zip(&topic.partitions) {
            if !state.elr.is_empty() && state.isr.len() >= state.required_isr(min) {
                due.push((topic.name.clone(), topic.topic_id, partition, state.clone()));
            }
        }
    }
    due.sort_unstable_by(|left, right| (&left.0, left.2).cmp(&(&right.0, right.2)));
    for (_, topic_id, partition, mut state) in due {
        state.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
        draft.push_partition(topic_id, partition, state);
    }
}
