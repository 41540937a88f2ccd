//! Waiting for the cluster to have come to a state, with a deadline.

use std::time::Duration;

use engine::EngineError;

use super::Cluster;

/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Cluster {
    /// Looks until nothing is missing; what is missing is said in words.
    pub(super) async fn wait<F>(
        &self,
        what: &str,
        limit: Duration,
        mut missing: impl FnMut() -> F + Send,
    ) -> Result<(), EngineError>
    where
        F: Future<Output = Result<Option<String>, EngineError>> + Send,
    {
        let begun = self.settings.clock.monotonic();
        loop {
            let Some(last_state) = missing().await? else {
                return Ok(());
            };
            let waited = self.settings.clock.monotonic().saturating_duration_since(begun);
            if waited >= limit {
                return Err(EngineError::Timeout {
                    what: what.to_owned(),
                    waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
                    last_state,
                });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
