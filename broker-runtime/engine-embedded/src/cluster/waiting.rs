//! Waiting for the cluster to have come to a state, woken by its metadata, with a deadline.

use std::{sync::Arc, time::Duration};

use engine::EngineError;
use kafka_metadata::MetadataImage;
use tokio::sync::watch;

use super::Cluster;

/// How long to wait for news that the metadata does not bring, such as the end of a process.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How far a state is away.
pub(crate) enum Progress<T> {
    /// It is there.
    Done(T),
    /// It is not; this is what is missing.
    Waiting(String),
}

impl Cluster {
    /// Looks at the metadata until `check` is satisfied or gives up; looks again when the metadata changes.
    pub(crate) async fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        check: impl FnMut(&MetadataImage) -> Result<Progress<T>, EngineError> + Send,
    ) -> Result<T, EngineError> {
        self.wait_woken(what, limit, &mut self.controller.image(), check).await
    }

    /// The same, but looks again when `news` changes.
    pub(crate) async fn wait_woken<T, N: Send + Sync>(
        &self,
        what: &str,
        limit: Duration,
        news: &mut watch::Receiver<N>,
        mut check: impl FnMut(&MetadataImage) -> Result<Progress<T>, EngineError> + Send,
    ) -> Result<T, EngineError> {
        let clock = Arc::clone(&self.settings.clock);
        let begun = clock.monotonic();
        loop {
            news.mark_unchanged();
            let missing = match check(&self.image())? {
                Progress::Done(value) => return Ok(value),
                Progress::Waiting(missing) => missing,
            };
            let waited = clock.monotonic().saturating_duration_since(begun);
            if waited >= limit {
                return Err(EngineError::Timeout {
                    what: what.to_owned(),
                    waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
                    last_state: missing,
                });
            }
            // An error says that the controller is gone; the deadline then ends the wait.
            if let Ok(Err(_)) = tokio::time::timeout(LOOK_AGAIN, news.changed()).await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
}
