//! Work that waits for a disk, on a thread of its own.

use engine::EngineError;

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(EngineError::Internal {
            context: "working on files".to_owned(),
            source: source.into(),
        }),
    }
}
