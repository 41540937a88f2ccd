//! Eligible leader replicas (KIP-966). While the ISR has fewer members than `min.insync.replicas` the high watermark stands still, so
//! whoever leaves it then keeps everything that was acknowledged, and may lead later; the ISR may become empty. Once the ISR has
//! enough members again, the others fall behind it, and nobody else is eligible.
//!
//! Kafka: `PartitionChangeBuilder.maybePopulateTargetElr`. Differences: a replica stays eligible when its process ended without a
//! clean shutdown, because acknowledged records are on its disk, or in the page cache of the machine that all replicas share; so
//! there is always somebody who is in sync or eligible, and nobody is ever the last known leader only. A change of `min.insync.replicas`
//! takes away who is eligible only where the ISR has enough members afterwards. What takes eligibility away is a disk that was
//! replaced, wherever others have what was acknowledged.

use super::draft::Draft;
use crate::{BrokerId, MetadataImage, MetadataRecord, PartitionEpoch, PartitionState, TopicId, image::TopicImage};

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

/// Nobody counts on what was on the disk of a broker that comes back with another one, unless it is the last one that could lead.
pub(super) fn without_its_disk(draft: &mut Draft<'_>, broker_id: BrokerId) {
    let counts = |state: &PartitionState| state.elr.contains(&broker_id) && state.safe_replicas().nth(1).is_some();
    for (topic_id, partition, mut state) in partitions(draft.image(), |_, state| counts(state)) {
        state.elr.retain(|replica| *replica != broker_id);
        state.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
        draft.push(MetadataRecord::Partition {
            topic_id,
            partition,
            state,
        });
    }
}

/// Takes away who is eligible where the ISR has enough members, now that `min.insync.replicas` may have changed.
pub(super) fn review(draft: &mut Draft<'_>) {
    let image = draft.image();
    let min = |topic: &TopicImage| image.min_insync_replicas(&topic.name, &draft.defaults().properties);
    let has_enough = |topic: &TopicImage, state: &PartitionState| {
        !state.elr.is_empty() && state.isr.len() >= state.required_isr(min(topic))
    };
    for (topic_id, partition, mut state) in partitions(image, has_enough) {
        state.partition_epoch = PartitionEpoch(state.partition_epoch.0 + 1);
        draft.push_partition(topic_id, partition, state);
    }
}

/// Partitions of which `condition` holds, in the order of topics and indexes.
fn partitions(
    image: &MetadataImage,
    condition: impl Fn(&TopicImage, &PartitionState) -> bool,
) -> Vec<(TopicId, i32, PartitionState)> {
    let mut topics: Vec<&TopicImage> = image.topics.values().map(AsRef::as_ref).collect();
    topics.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    let mut found = Vec::new();
    for topic in topics {
        for (partition, state) in (0..).zip(&topic.partitions) {
            if condition(topic, state) {
                found.push((topic.topic_id, partition, state.clone()));
            }
        }
    }
    found
}
