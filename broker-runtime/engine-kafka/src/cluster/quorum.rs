//! Controllers that have come elsewhere take the places in the quorum of those that are lost.

use std::time::Duration;

use engine::EngineError;
use parking_lot::Mutex;
use uuid::Uuid;

use super::{Cluster, refused};
use crate::{
    admin::CaughtUp, errors::host_error, launch, log_dirs::directory_id, node_properties::DATA, placement::Node, ports,
};

/// How long a new member may take to catch up.
const LIMIT: Duration = Duration::from_secs(120);
/// How long members of the quorum may take to have all there is.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(120);
/// Members that had all there was this long ago are up to date: they ask twice a second.
const CAUGHT_UP_MS: i64 = 5_000;
/// Longest file of the properties of a directory.
const BYTES_MAX: u64 = 1 << 16;

impl Cluster {
    /// Makes the quorum what the placement says: a member with the directory of a lost host goes, the one that has its id now
    /// comes. One after the other, so that there is a majority at any moment.
    pub(super) async fn ensure_quorum(&self) -> Result<(), EngineError> {
        let failed = |error| refused("looking at the quorum of controllers", error);
        let voters = self.kafka.voters().await.map_err(failed)?;
        let description = self.description();
        for (id, node) in description.nodes.iter().filter(|(_, node)| node.is_controller) {
            if voters.get(id) == Some(&node.directory_id) {
                continue;
            }
            let directory_id = self.directory_id(*id, node).await?;
            if voters.get(id) != Some(&directory_id) {
                tracing::info!(
                    node_id = id,
                    cluster = self.name(),
                    "controller takes a place in the quorum"
                );
                if let Some(lost) = voters.get(id) {
                    let context = format!("taking controller {id} out of the quorum");
                    self.kafka
                        .remove_voter(*id, *lost)
                        .await
                        .map_err(|error| refused(&context, error))?;
                }
                let what = format!("taking controller {id} into the quorum");
                self.wait(&what, LIMIT, || async {
                    let added = self.kafka.add_voter(*id, directory_id, ports::controller(node)).await;
                    Ok(added.err().map(|error| error.to_string()))
                })
                .await?;
            }
            self.describe(|next| {
                if let Some(node) = next.nodes.get_mut(id) {
                    node.directory_id = directory_id;
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until all members of the quorum but one have all there is, so that this one may leave.
    pub(super) async fn wait_quorum_without(&self, id: i32) -> Result<(), EngineError> {
        let what = format!("having the controllers of cluster {:?} catch up", self.name());
        self.wait(&what, CATCH_UP_LIMIT, || async {
            Ok(match self.kafka.caught_up().await {
                Ok(quorum) => quorum.behind(Some(id), quorum.now_ms - CAUGHT_UP_MS),
                Err(error) => Some(error.to_string()),
            })
        })
        .await
    }

    /// What time the quorum has, once it has a leader that is not the one which has just left.
    pub(super) async fn quorum_time_ms(&self) -> Result<i64, EngineError> {
        let found: Mutex<Option<CaughtUp>> = Mutex::default();
        let what = format!("electing a leader of the controllers of cluster {:?}", self.name());
        self.wait(&what, CATCH_UP_LIMIT, || async {
            match self.kafka.caught_up().await {
                Ok(quorum) => {
                    *found.lock() = Some(quorum);
                    Ok(None)
                }
                Err(error) => Ok(Some(error.to_string())),
            }
        })
        .await?;
        Ok(found.into_inner().map_or(0, |quorum| quorum.now_ms))
    }

    /// Waits until every member of the quorum has had all there was after this time.
    pub(super) async fn wait_quorum_since(&self, since_ms: i64) -> Result<(), EngineError> {
        let what = format!("having the controllers of cluster {:?} catch up", self.name());
        self.wait(&what, CATCH_UP_LIMIT, || async {
            Ok(match self.kafka.caught_up().await {
                Ok(quorum) => quorum.behind(None, since_ms),
                Err(error) => Some(error.to_string()),
            })
        })
        .await
    }

    /// How many controllers the cluster has.
    pub(super) fn controller_count(&self) -> usize {
        let description = self.description();
        description.nodes.values().filter(|node| node.is_controller).count()
    }

    /// What the formatter has called the directory of a node.
    async fn directory_id(&self, id: i32, node: &Node) -> Result<Uuid, EngineError> {
        let host = self.host_of(node)?;
        let unit = launch::unit(self.description().cluster_id, id);
        let path = format!("{DATA}/meta.properties");
        let text = host.read_file(&unit, &path, BYTES_MAX).await.map_err(host_error)?;
        let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
        directory_id(&text).ok_or_else(|| EngineError::Internal {
            context: format!("{path} of node {id} on host {}", node.host_name),
            source: "it names no directory".into(),
        })
    }
}
