//! Restarts, one node after the other. A broker leaves only while every partition has all of its replicas in sync, and the
//! next one only once that is so again.

use std::{collections::BTreeMap, time::Duration};

use engine::{EngineError, Progress, Step};

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
        let mut outdated = Vec::new();
        let begun = self.description().restarting;
        for (id, node) in wanted {
            if begun == Some(*id) || self.is_outdated(*id, node).await? {
                outdated.push((*id, node));
            }
        }
        // First the one whose restart was cut off.
        outdated.sort_by_key(|(id, _)| (begun != Some(*id), *id));
        let total = u64::try_from(outdated.len()).unwrap_or(u64::MAX);
        for (done, (id, node)) in (0..).zip(outdated) {
            self.report(Some(Progress {
                done,
                total,
                ..Progress::begun(Step::RestartBrokers)
            }));
            if begun != Some(id) {
                self.wait_in_sync().await?;
            }
            tracing::info!(
                node_id = id,
                cluster = self.name(),
                "restarting a node with another configuration"
            );
            // Before its files are replaced: from these nobody could tell what the process has read.
            self.describe(|next| next.restarting = Some(id)).await?;
            self.replace_process(id, node, bundle).await?;
            self.wait_for_brokers().await?;
            self.wait_in_sync().await?;
            self.describe(|next| next.restarting = None).await?;
        }
        if total == 0 {
            return Ok(());
        }
        let failed = |error| super::refused("giving leaderships back", error);
        let image = self.kafka.image(&[]).await.map_err(failed)?;
        self.kafka.elect_preferred(&image).await.map(drop).map_err(failed)
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
