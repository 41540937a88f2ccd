//! Asks hosts what they are, again and again, so that their state costs nothing to ask for; certificates that end before
//! long are replaced on the way.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    services::Services,
    store::{HostRecord, StoreError},
};
use engine::chain;

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);

/// Asks until it is told to end.
pub(crate) async fn run(services: Arc<Services>, until: CancellationToken) {
    loop {
        if let Err(error) = set_hosts(&services) {
            tracing::error!(error = chain(&error), "hosts cannot be read");
        }
        services.fleet.ask_all().await;
        tokio::select! {
            () = until.cancelled() => return,
            () = services.clock.sleep(INTERVAL) => (),
        }
    }
}

/// Gives the fleet the hosts that are kept.
pub(crate) fn set_hosts(services: &Services) -> Result<(), StoreError> {
    // Whoever writes them and whoever reads them here may be at it at the same time: the last word has the store.
    services.store.read_all(|hosts: Vec<HostRecord>| {
        let entries = hosts.into_iter().map(|host| host.entry);
        services.fleet.set(entries.collect());
    })
}
