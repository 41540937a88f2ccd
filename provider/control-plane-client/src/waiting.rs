//! Waiting for something to finish: long polls, with pauses where the server does not wait by itself.

use std::time::Duration;

use control_plane_api::clusters::WAIT_PARAMETER;

use crate::{
    error::{Error, Result},
    transport::Call,
};

/// How long the server is asked to wait before it answers. Less than the 30 s it allows.
const POLL: Duration = Duration::from_secs(20);
/// Pause after the first answer that was not final; it doubles each time.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Longest pause between two polls.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The call, answered when there is something final to say, or after [`POLL`].
pub(crate) fn long(mut call: Call) -> Call {
    call.attempt_deadline += POLL;
    call.query(WAIT_PARAMETER, Some(POLL.as_millis()))
}

/// Polls until there is a result, an error, or no time left.
pub(crate) async fn until<T, Poll>(what: &str, within: Duration, poll: impl Fn() -> Poll) -> Result<T>
where
    Poll: Future<Output = Result<Option<T>>> + Send,
{
    let result = tokio::time::timeout(within, async {
        let mut pause = PAUSE_MIN;
        loop {
            if let Some(result) = poll().await? {
                return Ok(result);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    });
    result.await.unwrap_or_else(|_| {
        Err(Error::Timeout {
            what: what.to_owned(),
            after: within,
        })
    })
}
