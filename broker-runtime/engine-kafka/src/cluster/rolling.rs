//! Restarts, one node after the other. A node leaves only while every partition has all of its replicas in sync and all other
//! controllers have all there is, and the next one only once that is so again. Kafka moves leaderships away before a broker ends.

use std::{collections::BTreeMap, time::Duration};

use engine::{EngineError, Progress, Step};
use futures::future::try_join_all;

use super::{Cluster, nodes::WantedNode};
use crate::bundle::Bundle;

/// How long replicas may take to come into sync.
const IN_SYNC_LIMIT: Duration = Duration::from_secs(300);

impl Cluster {
    /// Restarts nodes that have read something else than what they should have.
    pub(super) async fn restart_outdated(
        &self,
        wanted: &BTreeMap<i32, WantedNode>,
        bundle: &Bundle,
    ) -> Result<(), EngineError> {
        let begun = self.description().restarting;
        let looks = wanted.iter().map(|(id, node)| async move {
            let is_outdated = begun == Some(*id) || self.is_outdated(*id, node).await?;
            Ok::<_, EngineError>(is_outdated.then_some((*id, node)))
        });
        let mut outdated: Vec<_> = try_join_all(looks).await?.into_iter().flatten().collect();
        // First the one whose restart was cut off.
        outdated.sort_by_key(|(id, _)| (begun != Some(*id), *id));
        let total = u64::try_from(outdated.len()).unwrap_or(u64::MAX);
        for (done, (id, node)) in (0..).zip(outdated) {
            self.report(Some(Progress {
                done,
                total,
                ..Progress::begun(Step::RestartBrokers)
            }));
            let is_member = self.is_one_of_several_controllers(id);
            if begun != Some(id) {
                self.wait_in_sync().await?;
            }
            if is_member {
                self.wait_quorum_without(id).await?;
            }
            tracing::info!(
                node_id = id,
                cluster = self.name(),
                "restarting a node with another configuration"
            );
            // Before its files are replaced: from these nobody could tell what the process has read.
            self.describe(|next| next.restarting = Some(id)).await?;
            self.stop_for_replacement(id, bundle).await?;
            let stopped_at_ms = if is_member {
                Some(self.quorum_time_ms().await?)
            } else {
                None
            };
            self.start_replaced(id, node, bundle).await?;
            self.wait_for_brokers().await?;
            if let Some(stopped_at_ms) = stopped_at_ms {
                self.wait_quorum_since(stopped_at_ms).await?;
            }
            self.wait_in_sync().await?;
            self.describe(|next| next.restarting = None).await?;
        }
        if total == 0 {
            return Ok(());
        }
        self.give_leaders_back().await
    }

    /// Leaders were taken as brokers came up: once all have caught up, each partition gets its preferred one.
    pub(super) async fn spread_leaders(&self) -> Result<(), EngineError> {
        self.wait_in_sync().await?;
        self.give_leaders_back().await
    }

    async fn give_leaders_back(&self) -> Result<(), EngineError> {
        let failed = |error| super::refused("giving leaderships back", error);
        let image = self.kafka.image(&[]).await.map_err(failed)?;
        self.kafka.elect_preferred(&image).await.map(drop).map_err(failed)
    }

    /// Restarts a node that is a controller only, with what it was started with.
    pub(super) async fn restart_controller(&self, id: i32) -> Result<(), EngineError> {
        let is_member = self.is_one_of_several_controllers(id);
        if is_member {
            self.wait_quorum_without(id).await?;
        }
        self.stop_node(id).await?;
        let stopped_at_ms = if is_member { self.quorum_time_ms().await? } else { 0 };
        self.start_again(id).await?;
        self.wait_quorum_since(stopped_at_ms).await
    }

    /// Whether the others can do without this controller for a while, and have to.
    fn is_one_of_several_controllers(&self, id: i32) -> bool {
        let description = self.description();
        description.nodes.get(&id).is_some_and(|node| node.is_controller) && self.controller_count() > 1
    }

    pub(super) async fn wait_in_sync(&self) -> Result<(), EngineError> {
        let what = format!("getting the replicas of cluster {:?} in sync", self.name());
        self.wait(&what, IN_SYNC_LIMIT, || async {
            Ok(match self.kafka.image(&[]).await {
                Ok(image) => image.out_of_sync(),
                Err(error) => Some(error.to_string()),
            })
        })
        .await
    }
}
