//! The end of a cluster that another engine is to have: its brokers end in good order, and once the other one has what they have
//! stored, nothing is left but the description.

use std::{fs, path::Path, sync::Arc, time::Duration};

use cluster_files::durable_file::{self, file_error};
use engine::EngineError;
use futures::future::try_join_all;

use super::{Cluster, Description, Layout, Phase, broker::supervisor_error, remove::end_left_over, running::blocking};

/// How long brokers that nobody supervises may take to close their logs. Nobody tells them where leaderships go.
const GRACE: Duration = Duration::from_secs(5);

/// Ends all brokers, and what runs of the cluster in this process.
pub(crate) async fn end_brokers(layout: &Layout, running: Option<&Arc<Cluster>>) -> Result<(), EngineError> {
    if let Some(cluster) = running {
        let brokers = cluster.brokers();
        let failed = |source| supervisor_error("ending a broker".to_owned(), source);
        let ends = brokers
            .iter()
            .map(|broker| async move { broker.stop().await.map_err(failed) });
        try_join_all(ends).await?;
        drop(brokers);
        cluster.close().await;
        return Ok(());
    }
    end_left_over(layout, GRACE).await
}

/// Deletes everything but the description. Refuses to delete records that nobody has taken.
pub(crate) async fn forget(layout: &Layout, description: Description) -> Result<(), EngineError> {
    let layout = layout.clone();
    blocking(move || {
        for id in description.broker_ids() {
            let data = layout.broker(id).data();
            if data.exists() {
                return Err(EngineError::Internal {
                    context: format!("forgetting cluster {:?}", description.cluster_name),
                    source: format!("{} has not been taken over", data.display()).into(),
                });
            }
        }
        description.in_phase(Phase::HandedOver).write(&layout)?;
        clear(layout.root(), &layout.description())
    })
    .await
}

fn clear(root: &Path, kept: &Path) -> Result<(), EngineError> {
    let entries = fs::read_dir(root).map_err(|source| file_error("read", root, source))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path != kept) {
        if path.is_dir() {
            durable_file::remove_directory(&path)?;
        } else {
            durable_file::remove_file(&path).map_err(|source| file_error("removed", &path, source))?;
        }
    }
    Ok(())
}
