//! Which certificates nodes show to whoever connects, on each of their listeners that has TLS.

use std::{net::SocketAddr, time::Duration};

use cluster_files::certificates::Held;
use engine::{EngineError, chain};
use futures::future::join_all;
use kafka_client::{ClientError, shows};

use super::Cluster;
use crate::{placement::Node, ports};

/// How long a node may take to show what it was given.
const SHOW_LIMIT: Duration = Duration::from_secs(60);

impl Cluster {
    /// Waits until a node shows this certificate everywhere.
    pub(super) async fn wait_until_shown(&self, id: i32, node: &Node, held: &Held) -> Result<(), EngineError> {
        let what = format!("giving node {id} of cluster {:?} another certificate", self.name());
        self.wait(&what, SHOW_LIMIT, || async {
            let seen = self.look(node, held).await;
            Ok(seen.into_iter().find_map(|(name, address, shown)| {
                let instead = match shown {
                    Ok(true) => return None,
                    Ok(false) => "it shows another one".to_owned(),
                    Err(error) => chain(&error),
                };
                let serial = &held.serial;
                Some(format!(
                    "listener {name} at {address} does not show the one with serial number {serial}: {instead}"
                ))
            }))
        })
        .await
    }

    /// Whether some listener of a node shows another certificate. A node that does not serve shows none, and reads its file
    /// when it starts.
    pub(super) async fn shows_another(&self, node: &Node, held: &Held) -> bool {
        let seen = self.look(node, held).await;
        seen.iter().any(|(_, _, shown)| matches!(shown, Ok(false)))
    }

    async fn look(&self, node: &Node, held: &Held) -> Vec<(&'static str, SocketAddr, Result<bool, ClientError>)> {
        let listeners = ports::listeners(node, self.description().listeners());
        let encrypted = listeners.into_iter().filter(ports::Listener::is_encrypted);
        join_all(encrypted.map(|listener| async move {
            let shown = shows(listener.address, &held.certificate).await;
            (listener.name, listener.address, shown)
        }))
        .await
    }
}
