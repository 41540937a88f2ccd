//! Scaling both ways moves data: onto brokers that have joined, and away from those that are to leave. A plan over the whole
//! cluster says which replicas go where; it is carried out a few partitions at a time.

use std::time::Duration;

use engine::{EngineError, Progress, Step};
use kafka_metadata::{MetadataImage, controller::even_out, rpc::Reassignment};
use parking_lot::Mutex;

use super::{Cluster, refused};
use crate::{admin::MOVING_MAX, blocking::blocking};

/// How long no partition may arrive before somebody looks at it.
const STANDSTILL_LIMIT: Duration = Duration::from_secs(600);
/// The controller says at once that a partition has arrived; the brokers, which say where its replicas are, only after that.
const STEADY_PAUSE: Duration = Duration::from_millis(500);
/// How long replicas may take to look the same twice.
const STEADY_LIMIT: Duration = Duration::from_secs(60);

impl Cluster {
    /// Begins as many moves as may go on at once, and returns how many partitions are moving then.
    pub(crate) async fn move_some(&self) -> Result<usize, EngineError> {
        let failed = |error| refused("evening out", error);
        let image = self.steady_image(&[]).await?;
        let moving = moving(&image).len();
        let Some(plan) = planned(image.clone()).await? else {
            return Ok(0);
        };
        let next = next(&plan, &image);
        if !next.is_empty() {
            self.kafka.reassign(&next).await.map_err(failed)?;
        }
        Ok(moving + next.len())
    }

    /// Moves replicas until they are where they should be, and leaderships with them.
    pub(super) async fn even_out(&self, leaving: &[i32]) -> Result<(), EngineError> {
        let failed = |error| refused("moving partitions", error);
        let mut most = 0;
        loop {
            let image = self.steady_image(leaving).await?;
            let plan = planned(image.clone()).await?.ok_or_else(|| EngineError::Unsupported {
                reason: format!(
                    "a topic of cluster {:?} has more replicas than brokers would be left",
                    self.name()
                ),
            })?;
            let under_way = moving(&image);
            let next = next(&plan, &image);
            if next.is_empty() && under_way.is_empty() {
                break;
            }
            let left = plan.len().max(under_way.len());
            most = most.max(left);
            let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            self.report(Some(Progress {
                done: count(most - left),
                total: count(most),
                ..Progress::begun(Step::MoveData)
            }));
            tracing::info!(
                cluster = self.name(),
                moving = under_way.len(),
                begun = next.len(),
                left,
                "moving partitions"
            );
            if !next.is_empty() {
                self.kafka.reassign(&next).await.map_err(failed)?;
            }
            self.wait_for_arrival(under_way.len() + next.len()).await?;
        }
        let image = self.kafka.image(&[]).await.map_err(failed)?;
        self.kafka.elect_preferred(&image).await.map(drop).map_err(failed)
    }

    /// The cluster as it is, once it looks the same twice: a partition that has just arrived is said to have the replicas that
    /// it had on its way for a moment, and nobody may plan with those.
    async fn steady_image(&self, leaving: &[i32]) -> Result<MetadataImage, EngineError> {
        let failed = |error| refused("looking where replicas are", error);
        let found = Mutex::new(self.kafka.image(leaving).await.map_err(failed)?);
        let what = format!("finding out where the replicas of cluster {:?} are", self.name());
        self.wait(&what, STEADY_LIMIT, || async {
            tokio::time::sleep(STEADY_PAUSE).await;
            let now = self.kafka.image(leaving).await.map_err(failed)?;
            let changed = changed(&found.lock(), &now);
            *found.lock() = now;
            Ok(changed.map(|partition| format!("{partition} has others than a moment ago")))
        })
        .await?;
        Ok(found.into_inner())
    }

    /// Waits until fewer partitions are moving.
    async fn wait_for_arrival(&self, before: usize) -> Result<(), EngineError> {
        let what = format!("moving partitions of cluster {:?}", self.name());
        self.wait(&what, STANDSTILL_LIMIT, || async {
            Ok(match self.kafka.image(&[]).await {
                Err(error) => Some(error.to_string()),
                Ok(image) => {
                    let moving = moving(&image);
                    let waits = moving.len() >= before && !moving.is_empty();
                    waits.then(|| format!("{} partitions are moving, {} among them", moving.len(), moving[0]))
                }
            })
        })
        .await
    }
}

/// The moves that are missing; `None` when there are too few brokers. It is work for a processor.
async fn planned(image: MetadataImage) -> Result<Option<Vec<Reassignment>>, EngineError> {
    blocking(move || Ok(even_out(&image))).await
}

/// A partition whose replicas are not the ones of `before`.
fn changed(before: &MetadataImage, now: &MetadataImage) -> Option<String> {
    let replicas = |image: &MetadataImage, topic: &str, index: usize| {
        let state = image.topics.get(topic)?.partitions.get(index)?;
        Some((state.replicas.clone(), state.adding.clone(), state.removing.clone()))
    };
    now.topics.values().find_map(|topic| {
        let mut partitions = 0..topic.partitions.len();
        let differs = |index: &usize| replicas(before, &topic.name, *index) != replicas(now, &topic.name, *index);
        partitions.find(differs).map(|index| format!("{}-{index}", topic.name))
    })
}

/// Partitions whose replicas are being moved, in the order of their names.
fn moving(image: &MetadataImage) -> Vec<String> {
    let mut names = Vec::new();
    for topic in image.topics.values() {
        for (index, state) in topic.partitions.iter().enumerate() {
            if state.is_moving() {
                names.push(format!("{}-{index}", topic.name));
            }
        }
    }
    names.sort_unstable();
    names
}

/// The moves to begin.
fn next(plan: &[Reassignment], image: &MetadataImage) -> Vec<Reassignment> {
    let moving = moving(image);
    let room = MOVING_MAX.saturating_sub(moving.len());
    plan.iter()
        .filter(|one| !moving.contains(&format!("{}-{}", one.topic, one.partition)))
        .take(room)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_metadata::{BrokerId, LeaderEpoch, PartitionEpoch, PartitionState, TopicId, TopicImage};

    use super::*;

    fn image(replicas: &[i32], removing: &[i32]) -> MetadataImage {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let state = PartitionState {
            replicas: ids(replicas),
            isr: ids(replicas),
            elr: Vec::new(),
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            adding: Vec::new(),
            removing: ids(removing),
        };
        let topic = TopicImage {
            topic_id: TopicId(uuid::Uuid::nil()),
            name: "t".to_owned(),
            partitions: vec![state],
        };
        MetadataImage {
            topics: [("t".to_owned(), Arc::new(topic))].into_iter().collect(),
            ..MetadataImage::default()
        }
    }

    #[test]
    fn replicas_of_a_partition_that_has_just_arrived_are_looked_at_again() {
        let (on_its_way, arrived) = (image(&[1, 2, 3], &[3]), image(&[1, 2], &[]));
        let not_heard_yet = image(&[1, 2, 3], &[]);
        assert_eq!(changed(&on_its_way, &not_heard_yet).unwrap(), "t-0");
        assert_eq!(changed(&not_heard_yet, &arrived).unwrap(), "t-0");
        assert_eq!(changed(&arrived, &arrived), None);
        assert_eq!(
            changed(&MetadataImage::default(), &arrived).unwrap(),
            "t-0",
            "new topics, too"
        );
    }
}
