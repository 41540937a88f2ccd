//! Controlled shutdown: the controller moves the leaderships away before the broker goes (KIP-631), so that clients
//! wait for an election and not for a failure.

use std::{sync::Arc, time::Duration};

use tracing::{info, warn};

use crate::broker::Broker;

/// How long the controller may take to move the leaderships away.
const MOVE_WAIT: Duration = Duration::from_secs(20);

/// How long a controller that is away is waited for.
const ABSENCE_WAIT: Duration = Duration::from_secs(1);

/// Asks the controller to let this broker go, and waits until it does, or cannot.
pub(crate) async fn controlled_shutdown(broker: &Arc<Broker>) {
    info!("controlled shutdown begins");
    broker.stopping.want();
    broker.controller.beat_soon();
    let absent = async {
        tokio::time::sleep(ABSENCE_WAIT).await;
        while broker.controller.is_connected() {
            tokio::time::sleep(ABSENCE_WAIT).await;
        }
    };
    tokio::select! {
        () = broker.stopping.allowed() => info!("leaderships are moved"),
        () = absent => warn!("controller is away, leaderships stay until it notices"),
        () = tokio::time::sleep(MOVE_WAIT) => warn!("leaderships were not moved in time"),
    }
}
