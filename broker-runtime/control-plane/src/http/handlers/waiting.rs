//! Queries that wait for what they are asked about, when the caller asks them to.

use std::time::Duration;

use control_plane_api::clusters::WAIT_PARAMETER;

use crate::{error::OperationError, http::request::Request, services::Services};

/// How long a query waits for something at most.
const WAIT_MS_MAX: u64 = 30_000;

/// Asks again after each change, until the answer is final or the caller's time is up.
pub(super) async fn until_final<T, F>(
    services: &Services,
    request: &Request,
    ask: impl Fn() -> F,
) -> Result<T, OperationError>
where
    F: Future<Output = Result<(T, bool), OperationError>>,
{
    let wait_ms = request
        .parameter(WAIT_PARAMETER)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let deadline = tokio::time::sleep(Duration::from_millis(u64::min(wait_ms, WAIT_MS_MAX)));
    tokio::pin!(deadline);
    let mut changed = services.changed();
    loop {
        let (answer, done) = ask().await?;
        if done || wait_ms == 0 {
            return Ok(answer);
        }
        tokio::select! {
            _ = changed.changed() => (),
            () = &mut deadline => return Ok(answer),
        }
    }
}
