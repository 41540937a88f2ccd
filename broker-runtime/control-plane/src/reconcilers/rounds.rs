//! What looks at all clusters again and again waits here between two rounds.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{services::Services, store::ClusterRecord};
use engine::chain;

/// The clusters there are once `interval` has passed; `None` when it is to end. A state that cannot be read is looked at again
/// after another interval.
pub(crate) async fn clusters_after(
    services: &Services,
    interval: Duration,
    until: &CancellationToken,
) -> Option<Vec<ClusterRecord>> {
    loop {
        tokio::select! {
            () = until.cancelled() => return None,
            () = services.clock.sleep(interval) => (),
        }
        match services.store.all() {
            Ok(clusters) => return Some(clusters),
            Err(error) => tracing::error!(error = chain(&error), "state cannot be read"),
        }
    }
}
