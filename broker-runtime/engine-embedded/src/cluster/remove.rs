//! Deletes a cluster: no process, no port, no file stays. It works from the directory alone, so that it also removes what
//! cannot be opened any more.

use std::{fs, sync::Arc, time::Duration};

use clock::Clock;
use engine::EngineError;
use futures::future::try_join_all;

use super::{Cluster, Description, Layout, Phase, broker::supervisor_error, logs, running::blocking};
use cluster_files::durable_file;

/// Its records are deleted with it, so a broker is not given time to close its logs.
const GRACE: Duration = Duration::ZERO;

/// Removes all of a cluster. `running` is what runs of it in this process. Its logs are delivered first, where they are.
pub(crate) async fn remove(
    layout: &Layout,
    running: Option<&Arc<Cluster>>,
    clock: &dyn Clock,
) -> Result<(), EngineError> {
    if !layout.root().exists() {
        return Ok(());
    }
    // From here on a crash leaves something that is removed at the next start.
    let marked = layout.clone();
    blocking(move || match Description::read(&marked) {
        Ok(Some(description)) => description.in_phase(Phase::Removing).write(&marked),
        Ok(None) | Err(_) => Ok(()),
    })
    .await?;
    if let Some(cluster) = running {
        let failed = |source| supervisor_error("ending a broker".to_owned(), source);
        let brokers = cluster.brokers();
        try_join_all(
            brokers
                .iter()
                .map(|supervised| async move { supervised.kill().await.map_err(failed) }),
        )
        .await?;
        drop(brokers);
        cluster.close().await;
    } else {
        end_left_over(layout, GRACE).await?;
    }
    let (layout, now_ms) = (layout.clone(), clock.now_ms());
    blocking(move || {
        if let Ok(Some(description)) = Description::read(&layout) {
            logs::deliver_all(&layout, &description, now_ms);
        }
        durable_file::remove_directory(layout.root())
    })
    .await
}

/// Ends brokers that nobody supervises.
pub(super) async fn end_left_over(layout: &Layout, grace: Duration) -> Result<(), EngineError> {
    let entries =
        fs::read_dir(layout.root()).map_err(|source| durable_file::file_error("read", layout.root(), source))?;
    let directories = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("process.lock").exists());
    try_join_all(directories.map(|path| async move {
        let name = path.display().to_string();
        let ended = supervisor::end(&name, &path, grace).await;
        ended.map_err(|source| supervisor_error(format!("ending the process of {name}"), source))
    }))
    .await
    .map(drop)
}
