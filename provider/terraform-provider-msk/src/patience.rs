//! How long a resource waits for the control plane, and what it does when a person presses Ctrl-C meanwhile.

use std::time::Duration;

use control_plane_client::{Error, Result};
use plugin_framework::Context;

/// How long a call may still take after Terraform was asked to stop. Most are done by then, and a finished call leaves a
/// better state than one that was cut off.
const STOP_GRACE: Duration = Duration::from_secs(20);

/// Waits for `call` for at most `limit`, and not much longer than Terraform wants to.
pub(crate) async fn patiently<T>(
    context: &Context,
    limit: Duration,
    what: &str,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let stopped = async {
        context.stop.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    let timeout = |after| Error::Timeout {
        what: what.to_owned(),
        after,
    };
    tokio::select! {
        result = tokio::time::timeout(limit, call) => result.unwrap_or_else(|_| Err(timeout(limit))),
        () = stopped => Err(timeout(STOP_GRACE)),
    }
}
