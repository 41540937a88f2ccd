//! `CreateTopics`. Messages follow Kafka's `ReplicationControlManager.createTopic`, so that tools which read them still do.

use std::collections::BTreeMap;

use rand::Rng;
use uuid::Builder;

use super::{
    draft::Draft,
    placement::Placement,
    topic_name::{check_collision, validate_topic_name},
};
use crate::{
    BrokerId, ConfigResource, LeaderEpoch, MetadataImage, MetadataRecord, PartitionEpoch, PartitionState, TopicId,
    rpc::{ControllerError, ControllerResponse, CreatedTopic, NewTopic},
};

/// Most partitions that one request may add, as in Kafka.
pub(super) const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

/// Creates topics, each on its own: one that is refused does not stop the others.
pub(super) fn create(draft: &mut Draft<'_>, topics: &[NewTopic], rng: &mut dyn Rng) -> ControllerResponse {
    let mut partitions_left = PARTITIONS_PER_REQUEST_MAX;
    let mut results = Vec::with_capacity(topics.len());
    for (at, topic) in topics.iter().enumerate() {
        let is_named_before = topics[..at].iter().any(|other| other.name == topic.name);
        results.push(if is_named_before {
            Err(ControllerError::InvalidRequest(format!(
                "Duplicate topic name: {}",
                topic.name
            )))
        } else {
            create_one(draft, topic, &mut partitions_left, rng)
        });
    }
    ControllerResponse::CreateTopics(results)
}

fn create_one(
    draft: &mut Draft<'_>,
    topic: &NewTopic,
    partitions_left: &mut usize,
    rng: &mut dyn Rng,
) -> Result<CreatedTopic, ControllerError> {
    validate_topic_name(&topic.name)?;
    if draft.image().topics.contains_key(&topic.name) {
        return Err(ControllerError::TopicAlreadyExists(topic.name.clone()));
    }
    check_collision(draft.image(), &topic.name)?;
    check_configs(draft, topic)?;
    let partitions = match &topic.assignments {
        Some(assignments) => assigned(draft.image(), topic, assignments)?,
        None => placed(draft, topic, *partitions_left, rng)?,
    };
    *partitions_left = partitions_left
        .checked_sub(partitions.len())
        .ok_or_else(|| too_many_partitions(partitions.len()))?;
    draft.count_mutations(partitions.len())?;
    let topic_id = new_topic_id(draft.image(), rng);
    let created = CreatedTopic {
        topic_id,
        partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
        replication_factor: partitions
            .first()
            .map_or(0, |state| i16::try_from(state.replicas.len()).unwrap_or(0)),
    };
    draft.push(MetadataRecord::TopicCreated {
        topic_id,
        name: topic.name.clone(),
    });
    for (partition, state) in (0..).zip(partitions) {
        draft.push_partition(topic_id, partition, state);
    }
    for (name, value) in &topic.configs {
        let resource = ConfigResource::Topic(topic.name.clone());
        draft.push(MetadataRecord::Config {
            resource,
            name: name.clone(),
            value: Some(value.clone()),
        });
    }
    Ok(created)
}

pub(super) fn too_many_partitions(count: usize) -> ControllerError {
    ControllerError::PolicyViolation(format!(
        "excessively large number of partitions per request: {count} would go over {PARTITIONS_PER_REQUEST_MAX}"
    ))
}

/// A random id that is neither in use nor one of those Kafka reserves.
fn new_topic_id(image: &MetadataImage, rng: &mut dyn Rng) -> TopicId {
    loop {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        let id = TopicId(Builder::from_random_bytes(bytes).into_uuid());
        if !image.topic_names.contains_key(&id) && id.0.as_u128() > 1 {
            return id;
        }
    }
}

fn check_configs(draft: &Draft<'_>, topic: &NewTopic) -> Result<(), ControllerError> {
    for (name, value) in &topic.configs {
        server_properties::validate_topic_config(name, value).map_err(ControllerError::InvalidConfig)?;
    }
    check_combination(draft, &topic.configs)
}

/// Checks the values a topic would have with `configs` of its own.
pub(super) fn check_combination(draft: &Draft<'_>, configs: &BTreeMap<String, String>) -> Result<(), ControllerError> {
    let of_broker = |name: &str| draft.image().broker_property(None, name, &draft.defaults().properties);
    let value = |name: &str| {
        configs
            .get(name)
            .cloned()
            .or_else(|| server_properties::topic_default(name, of_broker))
    };
    server_properties::validate_topic_combination(value).map_err(ControllerError::InvalidConfig)
}

fn placed(
    draft: &Draft<'_>,
    topic: &NewTopic,
    partitions_left: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<PartitionState>, ControllerError> {
    let partitions = topic.partitions.unwrap_or_else(|| draft.defaults().num_partitions());
    let factor = topic
        .replication_factor
        .unwrap_or_else(|| draft.defaults().default_replication_factor());
    let count = usize::try_from(partitions)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| {
            ControllerError::InvalidPartitions(
                "Number of partitions was set to an invalid non-positive value.".to_owned(),
            )
        })?;
    let factor = usize::try_from(factor)
        .ok()
        .filter(|factor| *factor > 0)
        .ok_or_else(|| {
            ControllerError::InvalidReplicationFactor(
                "Replication factor was set to an invalid non-positive value.".to_owned(),
            )
        })?;
    if count > partitions_left {
        return Err(too_many_partitions(count));
    }
    let mut placement = Placement::new(draft.image(), &[], rng);
    (0..count)
        .map(|_| place_one(draft.image(), &mut placement, factor))
        .collect()
}

/// Places one new partition.
pub(super) fn place_one(
    image: &MetadataImage,
    placement: &mut Placement<'_>,
    factor: usize,
) -> Result<PartitionState, ControllerError> {
    let replicas = placement.next_partition(factor).map_err(|reason| {
        ControllerError::InvalidReplicationFactor(format!(
            "Unable to replicate the partition {factor} time(s): {reason}"
        ))
    })?;
    Ok(new_partition(image, replicas))
}

/// A new partition: every active replica is in sync, for there is nothing to have missed.
fn new_partition(image: &MetadataImage, replicas: Vec<BrokerId>) -> PartitionState {
    let isr: Vec<_> = replicas
        .iter()
        .copied()
        .filter(|replica| image.active_broker(*replica).is_some())
        .collect();
    PartitionState {
        leader: isr.first().copied(),
        isr,
        replicas,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        adding: Vec::new(),
        removing: Vec::new(),
        elr: Vec::new(),
    }
}

fn assigned(
    image: &MetadataImage,
    topic: &NewTopic,
    assignments: &[Vec<BrokerId>],
) -> Result<Vec<PartitionState>, ControllerError> {
    if topic.partitions.is_some() || topic.replication_factor.is_some() {
        return Err(ControllerError::InvalidRequest(
            "A manual partition assignment was specified, but numPartitions or replicationFactor was not set to -1."
                .to_owned(),
        ));
    }
    if assignments.is_empty() {
        return Err(ControllerError::InvalidReplicaAssignment(
            "The manual partition assignment includes no partition.".to_owned(),
        ));
    }
    let factor = assignments[0].len();
    (0..)
        .zip(assignments)
        .map(|(partition, replicas)| assign_one(image, partition, replicas, factor))
        .collect()
}

/// A partition on chosen brokers, of which there must be `factor`.
pub(super) fn assign_one(
    image: &MetadataImage,
    partition: usize,
    replicas: &[BrokerId],
    factor: usize,
) -> Result<PartitionState, ControllerError> {
    let refuse = |reason: String| Err(ControllerError::InvalidReplicaAssignment(reason));
    if replicas.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".to_owned());
    }
    for (at, replica) in replicas.iter().enumerate() {
        if !image.brokers.contains_key(replica) {
            return refuse(format!(
                "The manual partition assignment includes broker {replica}, but no such broker is registered."
            ));
        }
        if replicas[..at].contains(replica) {
            return refuse(format!(
                "The manual partition assignment includes the broker {replica} more than once."
            ));
        }
    }
    if replicas.len() != factor {
        return refuse(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with \
             previous partitions, which have {factor} replica(s).",
            replicas.len()
        ));
    }
    let state = new_partition(image, replicas.to_vec());
    if state.isr.is_empty() {
        return refuse(format!(
            "All brokers specified in the manual partition assignment for partition {partition} are fenced or in \
             controlled shutdown."
        ));
    }
    Ok(state)
}
