//! How long a request lets its answer take.

use std::time::Duration;

/// Bounds of `timeout_ms`: a moment at least, so that the controller is asked at all, and not for ever.
const TIMEOUT_MS: (u64, u64) = (100, 300_000);

/// `timeout_ms` of a request that the controller answers.
pub(super) fn controller_timeout(timeout_ms: i32) -> Duration {
    let (min, max) = TIMEOUT_MS;
    Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0).clamp(min, max))
}

/// How long the controller is waited for: the requests carry no timeout.
pub(super) const CONTROLLER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer waits until this broker knows of the change.
pub(super) const APPLY_WAIT: Duration = Duration::from_secs(5);
