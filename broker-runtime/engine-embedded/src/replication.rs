//! Another number of replicas for a topic: the controller's plan says which brokers; here it is carried out. New replicas are copied, so
//! they come a few partitions at a time, like everything that moves; replicas go all at once, since nothing is copied for that.

use engine::{Replicated, TopicError};
use kafka_metadata::{
    MetadataImage, PartitionState, TopicImage,
    controller::replicate,
    rpc::{ControllerRequest, ControllerResponse, Reassignment},
};

use crate::{
    cluster::{Cluster, MOVING_MAX, moving},
    metadata_calls::{refused, unexpected, wait_applied},
};

/// The reassignments that a topic needs to have `factor` replicas. One that it can never have is refused.
pub(crate) fn plan(image: &MetadataImage, name: &str, factor: i16) -> Result<Vec<Reassignment>, TopicError> {
    find(image, name)?;
    let planned = usize::try_from(factor)
        .ok()
        .and_then(|factor| replicate(image, name, factor));
    planned.ok_or_else(|| {
        let staying = image.brokers.values().filter(|broker| !broker.retiring).count();
        TopicError::InvalidRequest(format!(
            "topic {name:?} cannot have a replication factor of {factor}: each replica needs a broker of its own, and the cluster has \
             {staying}"
        ))
    })
}

/// Begins as many of them as may go on at once.
pub(crate) async fn begin_some(cluster: &Cluster, name: &str, factor: i16) -> Result<(), TopicError> {
    let planned = plan(&cluster.image(), name, factor)?;
    let (fewer, more): (Vec<_>, Vec<_>) = planned.into_iter().partition(|one| takes_away(&cluster.image(), one));
    if !fewer.is_empty() {
        // Leaders keep their replicas: so that these are not on few brokers then, the preferred ones lead first.
        let partitions = fewer.iter().map(|one| (one.topic.clone(), one.partition)).collect();
        let request = ControllerRequest::ElectPreferredLeaders {
            partitions: Some(partitions),
        };
        cluster.call(request).await.map_err(refused)?;
        let planned = plan(&cluster.image(), name, factor)?;
        let fewer = planned.into_iter().filter(|one| takes_away(&cluster.image(), one));
        reassign(cluster, fewer.collect()).await?;
    }
    let image = cluster.image();
    let moving = moving(&image);
    let (begun, waiting): (Vec<_>, Vec<_>) = more
        .into_iter()
        .partition(|one| moving.contains(&(one.topic.clone(), one.partition)));
    let room = MOVING_MAX.saturating_sub(moving.len());
    let next: Vec<_> = begun.into_iter().chain(waiting.into_iter().take(room)).collect();
    let moves = !next.is_empty() || !moving.is_empty();
    let throttled = cluster.throttle_moves(moves).await;
    if let Err(error) = throttled {
        tracing::warn!(%error, "the movement of data is not throttled");
    }
    reassign(cluster, next).await
}

/// How far a topic is from having `factor` replicas, all of which have come into sync.
pub(crate) fn progress(image: &MetadataImage, name: &str, factor: i16) -> Result<Replicated, TopicError> {
    let topic = find(image, name)?;
    let factor = usize::try_from(factor).unwrap_or_default();
    let remaining: Vec<(usize, &PartitionState)> = topic
        .partitions
        .iter()
        .enumerate()
        .filter(|(_, state)| !state.has_replicas(factor))
        .collect();
    let moving = remaining.iter().find(|(_, state)| state.is_moving());
    Ok(Replicated {
        partitions: topic.partitions.len(),
        remaining: remaining.len(),
        waits_for: moving
            .or(remaining.first())
            .map(|(index, state)| waits_for(image, &format!("{name}-{index}"), state)),
    })
}

fn find<'a>(image: &'a MetadataImage, name: &str) -> Result<&'a TopicImage, TopicError> {
    let topic = image.topics.get(name).map(AsRef::as_ref);
    topic.ok_or_else(|| TopicError::UnknownTopic(name.to_owned()))
}

/// What a partition that is not there yet waits for.
fn waits_for(image: &MetadataImage, partition: &str, state: &PartitionState) -> String {
    let late = state.adding.iter().find(|broker_id| !state.isr.contains(broker_id));
    match late {
        Some(broker_id) if image.active_broker(*broker_id).is_none() => {
            format!("{partition} waits for broker {broker_id}, which is away")
        }
        Some(broker_id) => format!("{partition} waits for broker {broker_id}, which copies it"),
        None if state.is_moving() => format!("{partition} waits until one of its brokers is back"),
        None => {
            format!("{partition} waits until other partitions have moved, or another change of the cluster is done")
        }
    }
}

/// Whether fewer replicas are left then than the partition has, or is about to have.
fn takes_away(image: &MetadataImage, one: &Reassignment) -> bool {
    let has = image
        .partition(&one.topic, one.partition)
        .map_or(0, |state| state.target_replicas().len());
    one.target.as_ref().is_some_and(|target| target.len() < has)
}

async fn reassign(cluster: &Cluster, reassignments: Vec<Reassignment>) -> Result<(), TopicError> {
    if reassignments.is_empty() {
        return Ok(());
    }
    tracing::info!(
        topic = reassignments[0].topic,
        partitions = reassignments.len(),
        "changing replicas"
    );
    let request = ControllerRequest::AlterReassignments { reassignments };
    match cluster.call(request).await.map_err(refused)? {
        // A topic that was deleted meanwhile is missed in a moment.
        ControllerResponse::Results(results) => {
            for error in results.into_iter().filter_map(Result::err) {
                tracing::warn!(%error, "replicas are not changed");
            }
        }
        other => return Err(unexpected(&other)),
    }
    wait_applied(cluster).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_metadata::{BrokerId, LeaderEpoch, PartitionEpoch, TopicId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn progress_says_how_many_partitions_are_left_and_what_one_waits_for() {
        let state = |replicas: &[i32], adding: &[i32], isr: &[i32]| {
            let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
            PartitionState {
                replicas: ids(replicas),
                adding: ids(adding),
                isr: ids(isr),
                leader: None,
                leader_epoch: LeaderEpoch(0),
                partition_epoch: PartitionEpoch(0),
                removing: Vec::new(),
                elr: Vec::new(),
            }
        };
        let mut image = MetadataImage::default();
        let topic = TopicImage {
            name: "orders".to_owned(),
            topic_id: TopicId(Uuid::nil()),
            partitions: vec![
                state(&[1, 2], &[], &[1, 2]),
                state(&[1], &[], &[1]),
                state(&[1, 2], &[2], &[1]),
            ],
        };
        image.topics.insert_mut("orders".to_owned(), Arc::new(topic));
        let replicated = progress(&image, "orders", 2).unwrap();
        assert_eq!((replicated.partitions, replicated.remaining), (3, 2));
        assert_eq!(
            replicated.waits_for.as_deref(),
            Some("orders-2 waits for broker 2, which is away")
        );
        let refused = plan(&image, "orders", 2).unwrap_err().to_string();
        assert!(refused.contains("the cluster has 0"), "{refused}");
        assert!(matches!(progress(&image, "gone", 2), Err(TopicError::UnknownTopic(_))));
    }
}
