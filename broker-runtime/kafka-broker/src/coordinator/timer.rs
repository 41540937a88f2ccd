//! Timers that may not be set.

/// Waits for `timer`, for ever when there is none.
pub(crate) async fn wait_for(timer: Option<impl Future<Output = ()> + Unpin>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}
