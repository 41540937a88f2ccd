//! Nodes leave hosts that are to be emptied: one at a time, and only what others have in full.
//!
//! ```text
//! partitions that are nowhere else move to other brokers → everything in sync → the node is stopped → nobody counts on its
//! replicas any more → its new place is written down → it starts there, empty, and copies → everything in sync → what is left
//! of it on the old host goes
//! ```
//! Until the new place is written down the node can start where it was, with everything it had. After that its replicas are
//! those of the others, all of which had every acknowledged record when it left.

use std::time::Duration;

use engine::{EngineError, Step};
use hosts::{HostState, UnitName};
use kafka_metadata::{BrokerId, MetadataImage, PartitionState, rpc::Reassignment};

use super::{Cluster, refused};
use crate::{admin::MOVING_MAX, description::Phase, errors::host_error};

/// How long partitions without a second replica may take to move.
const EVACUATION_LIMIT: Duration = Duration::from_secs(1800);
/// How long the controller may take to see that a broker has gone.
const FENCE_LIMIT: Duration = Duration::from_secs(60);

/// What of a cluster is not where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Displaced {
    /// A node is on a host that does not come back, or has come elsewhere and is not settled yet.
    Unsettled,
    /// This node is on a host that is to be emptied.
    OnDrainingHost(i32),
}

impl Cluster {
    /// What is to be moved first.
    pub(crate) fn displaced(&self) -> Option<Displaced> {
        let description = self.description();
        if description.phase != Phase::Established {
            return None;
        }
        let state = |host_id| self.settings.fleet.host(host_id).map(|host| host.facts().state);
        let mut nodes = description.nodes.iter();
        if !description.drained.is_empty() || nodes.any(|(_, node)| state(node.host_id) == Some(HostState::Dead)) {
            return Some(Displaced::Unsettled);
        }
        let mut nodes = description.nodes.iter();
        let (id, _) = nodes.find(|(_, node)| state(node.host_id) == Some(HostState::Draining))?;
        Some(Displaced::OnDrainingHost(*id))
    }

    /// Stops a node once others have everything that it has. After an error it runs where it was, or is about to.
    pub(crate) async fn vacate(&self, id: i32) -> Result<(), EngineError> {
        let description = self.description();
        let Some(node) = description.nodes.get(&id) else {
            return Ok(());
        };
        if node.is_controller && self.controller_count() == 1 {
            return Err(EngineError::Unsupported {
                reason: format!(
                    "node {id} of cluster {:?} cannot leave host {}: it is the only controller, and nobody else has the cluster's \
                     metadata. Clusters of three brokers and more have three controllers",
                    self.name(),
                    node.host_name
                ),
            });
        }
        self.report_step(Step::MoveData);
        if node.is_broker {
            self.evacuate(id).await?;
        }
        self.wait_in_sync().await?;
        if node.is_controller {
            self.wait_quorum_without(id).await?;
        }
        tracing::info!(
            node_id = id,
            host = node.host_name,
            cluster = self.name(),
            "node leaves its host"
        );
        self.stop_node(id).await?;
        let left = if node.is_broker {
            self.wait_until_fenced(id).await
        } else {
            Ok(())
        };
        if left.is_err() {
            self.start_again(id).await?;
        }
        left
    }

    /// Moves partitions that only this broker has to others.
    async fn evacuate(&self, id: i32) -> Result<(), EngineError> {
        let what = format!("moving partitions away from broker {id} of cluster {:?}", self.name());
        let failed = |error| refused(&what, error);
        self.wait(&what, EVACUATION_LIMIT, || async {
            let image = self.kafka.image(&[]).await.map_err(failed)?;
            let left = only_on(&image, BrokerId(id));
            let Some((topic, partition, _)) = left.first() else {
                return Ok(None);
            };
            let waits = format!("{} partitions, {topic}-{partition} among them", left.len());
            let moves = evacuation(&image, BrokerId(id), &left).map_err(|partition| EngineError::Unsupported {
                reason: format!(
                    "broker {id} of cluster {:?} cannot leave its host: partition {partition} has no other replica, and there is no \
                     other broker that could take it",
                    self.name()
                ),
            })?;
            if !self.description().uneven {
                // They come back once the broker is elsewhere.
                self.describe(|next| next.uneven = true).await?;
            }
            if !moves.is_empty() {
                self.kafka.reassign(&moves).await.map_err(failed)?;
            }
            Ok(Some(waits))
        })
        .await
    }

    /// Waits until the controller counts on no replica of a broker that has been stopped.
    async fn wait_until_fenced(&self, id: i32) -> Result<(), EngineError> {
        let what = format!("having cluster {:?} do without broker {id}", self.name());
        self.wait(&what, FENCE_LIMIT, || async {
            Ok(match self.kafka.image(&[]).await {
                Ok(image) => needed(&image, BrokerId(id)),
                Err(error) => Some(error.to_string()),
            })
        })
        .await
    }

    /// Removes what nodes have left on hosts from which they were moved, once they are in sync where they are now.
    pub(super) async fn leave_old_hosts(&self) -> Result<(), EngineError> {
        let drained = self.description().drained.clone();
        if drained.is_empty() {
            return Ok(());
        }
        self.wait_in_sync().await?;
        for (name, host_id) in drained {
            if let (Some(host), Some(unit)) = (self.settings.fleet.host(host_id), UnitName::new(name.as_str())) {
                host.remove(&unit).await.map_err(host_error)?;
            }
            self.describe(|next| next.drained.retain(|other, _| *other != name))
                .await?;
            tracing::info!(unit = name, cluster = self.name(), "node has left its host");
        }
        Ok(())
    }
}

/// Partitions that nobody but `broker` has, and whether they are moving already, in the order of their names.
fn only_on(image: &MetadataImage, broker: BrokerId) -> Vec<(String, i32, bool)> {
    let mut found = Vec::new();
    for topic in image.topics.values() {
        for (partition, state) in (0..).zip(&topic.partitions) {
            if state.settled_replicas() == [broker] {
                found.push((topic.name.clone(), partition, state.is_moving()));
            }
        }
    }
    found.sort();
    found
}

/// The moves to begin of partitions that only `broker` has, spread over the others; where there are no others, a partition that
/// cannot move is an error.
fn evacuation(
    image: &MetadataImage,
    broker: BrokerId,
    left: &[(String, i32, bool)],
) -> Result<Vec<Reassignment>, String> {
    let others = image
        .brokers
        .values()
        .filter(|other| other.broker_id != broker && !other.fenced);
    let others: Vec<BrokerId> = others.map(|other| other.broker_id).collect();
    if let (true, Some((topic, partition, _))) = (others.is_empty(), left.first()) {
        return Err(format!("{topic}-{partition}"));
    }
    let moving = left.iter().filter(|(_, _, is_moving)| *is_moving).count();
    let waiting = left.iter().filter(|(_, _, is_moving)| !is_moving);
    let moves = waiting
        .take(MOVING_MAX.saturating_sub(moving))
        .zip(others.iter().cycle());
    Ok(moves
        .map(|((topic, partition, _), other)| Reassignment {
            topic: topic.clone(),
            partition: *partition,
            target: Some(vec![*other]),
        })
        .collect())
}

/// Why a broker that has been stopped is still needed, in words.
fn needed(image: &MetadataImage, broker: BrokerId) -> Option<String> {
    let is_there = image.brokers.get(&broker).is_some_and(|it| !it.fenced);
    if is_there {
        return Some(format!("broker {broker} is not fenced"));
    }
    image.topics.values().find_map(|topic| {
        let mut partitions = topic.partitions.iter().enumerate();
        let counts = |state: &PartitionState| {
            state.replicas.contains(&broker) && (state.isr.contains(&broker) || state.isr.is_empty())
        };
        let (index, _) = partitions.find(|(_, state)| counts(state))?;
        Some(format!("partition {}-{index} is in sync nowhere else", topic.name))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_metadata::{BrokerEpoch, BrokerImage, LeaderEpoch, PartitionEpoch, TopicId, TopicImage};
    use uuid::Uuid;

    use super::*;

    fn ids(ids: &[i32]) -> Vec<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    /// A topic with one partition for each pair of replicas and replicas in sync; the first broker is fenced or not.
    fn image(brokers: i32, first_is_fenced: bool, partitions: &[(&[i32], &[i32])]) -> MetadataImage {
        let partitions = partitions.iter().map(|(replicas, isr)| PartitionState {
            replicas: ids(replicas),
            isr: ids(isr),
            elr: Vec::new(),
            leader: isr.first().copied().map(BrokerId),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            adding: Vec::new(),
            removing: Vec::new(),
        });
        let topic = TopicImage {
            topic_id: TopicId(Uuid::nil()),
            name: "t".to_owned(),
            partitions: partitions.collect(),
        };
        let mut image = MetadataImage {
            topics: [("t".to_owned(), Arc::new(topic))].into_iter().collect(),
            ..MetadataImage::default()
        };
        for id in 1..=brokers {
            let broker = BrokerImage {
                broker_id: BrokerId(id),
                broker_epoch: BrokerEpoch(0),
                incarnation_id: Uuid::nil(),
                boot_id: String::new(),
                log_dirs: Vec::new(),
                rack: None,
                endpoints: Vec::new(),
                fenced: id == 1 && first_is_fenced,
                shutting_down: false,
                retiring: false,
            };
            image.brokers.insert(BrokerId(id), Arc::new(broker));
        }
        image
    }

    #[test]
    fn partitions_that_nobody_else_has_move_to_others() {
        let partitions: &[(&[i32], &[i32])] = &[(&[1], &[1]), (&[1, 2], &[1, 2]), (&[1], &[1]), (&[2], &[2])];
        let three = image(3, false, partitions);
        let left = only_on(&three, BrokerId(1));
        let mut moving = left.clone();
        moving[0].2 = true;
        assert_eq!(evacuation(&three, BrokerId(1), &moving).unwrap().len(), 1, "each once");
        let moves = evacuation(&three, BrokerId(1), &left).unwrap();
        let moves: Vec<_> = moves
            .iter()
            .map(|one| (one.partition, one.target.clone().unwrap()))
            .collect();
        assert_eq!(moves, [(0, ids(&[2])), (2, ids(&[3]))]);
        let alone = image(1, false, partitions);
        assert_eq!(evacuation(&alone, BrokerId(1), &left).unwrap_err(), "t-0");
    }

    #[test]
    fn broker_that_somebody_still_counts_on_is_needed() {
        let gone = |isr: &'static [i32]| needed(&image(2, true, &[(&[1, 2], isr)]), BrokerId(1));
        assert_eq!(gone(&[2]), None);
        for isr in [&[1][..], &[1, 2], &[]] {
            assert_eq!(gone(isr).unwrap(), "partition t-0 is in sync nowhere else", "{isr:?}");
        }
        let serves = needed(&image(2, false, &[(&[1, 2], &[2])]), BrokerId(1));
        assert_eq!(serves.unwrap(), "broker 1 is not fenced");
    }
}
