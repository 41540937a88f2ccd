//! `CreatePartitions`: a topic can only grow. Kafka: `ReplicationControlManager.createPartitions`.

use rand::Rng;

use super::{
    create_topics::{PARTITIONS_PER_REQUEST_MAX, assign_one, place_one, too_many_partitions},
    draft::Draft,
    placement::Placement,
};
use crate::{
    PartitionState, TopicImage,
    rpc::{ControllerError, ControllerResponse, NewPartitions},
};

/// Adds partitions to topics, to each on its own.
pub(super) fn create(draft: &mut Draft<'_>, topics: &[NewPartitions], rng: &mut dyn Rng) -> ControllerResponse {
    let mut results = Vec::with_capacity(topics.len());
    for (at, topic) in topics.iter().enumerate() {
        let is_named_before = topics[..at].iter().any(|other| other.name == topic.name);
        results.push(if is_named_before {
            Err(ControllerError::InvalidRequest(format!(
                "Duplicate topic name: {}",
                topic.name
            )))
        } else {
            create_one(draft, topic, rng)
        });
    }
    ControllerResponse::Results(results)
}

fn create_one(draft: &mut Draft<'_>, wanted: &NewPartitions, rng: &mut dyn Rng) -> Result<(), ControllerError> {
    let unknown = || ControllerError::UnknownTopicOrPartition(wanted.name.clone());
    let topic = draft.image().topics.get(&wanted.name).cloned().ok_or_else(unknown)?;
    let added = count_added(&topic, wanted)?;
    if added > PARTITIONS_PER_REQUEST_MAX {
        return Err(too_many_partitions(added));
    }
    let states = new_states(draft, &topic, wanted, added, rng)?;
    draft.count_mutations(added)?;
    let first = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    for (partition, state) in (first..).zip(states) {
        draft.push_partition(topic.topic_id, partition, state);
    }
    Ok(())
}

fn count_added(topic: &TopicImage, wanted: &NewPartitions) -> Result<usize, ControllerError> {
    let current = topic.partitions.len();
    let total = usize::try_from(wanted.total).unwrap_or_default();
    if total == current {
        return Err(ControllerError::InvalidPartitions(format!(
            "Topic already has {current} partition(s)."
        )));
    }
    total.checked_sub(current).ok_or_else(|| {
        ControllerError::InvalidPartitions(format!(
            "The topic {} currently has {current} partition(s); {} would not be an increase.",
            topic.name, wanted.total
        ))
    })
}

fn new_states(
    draft: &Draft<'_>,
    topic: &TopicImage,
    wanted: &NewPartitions,
    added: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<PartitionState>, ControllerError> {
    let image = draft.image();
    // Not that of Kafka, which counts replicas that a reassignment takes away, too.
    let factor = topic
        .partitions
        .first()
        .map_or(1, |state| state.target_replicas().len());
    let Some(assignments) = &wanted.assignments else {
        let mut placement = Placement::new(image, &topic.partitions, rng);
        return (0..added).map(|_| place_one(image, &mut placement, factor)).collect();
    };
    if assignments.len() != added {
        return Err(ControllerError::InvalidReplicaAssignment(format!(
            "Attempted to add {added} additional partition(s), but only {} assignment(s) were specified.",
            assignments.len()
        )));
    }
    (topic.partitions.len()..)
        .zip(assignments)
        .map(|(partition, replicas)| assign_one(image, partition, replicas, factor))
        .collect()
}
