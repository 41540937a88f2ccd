//! Questions to other brokers of the cluster, over connections that are kept for the next one.

use std::{collections::HashMap, time::Duration};

use kafka_client::{ClientError, Connection, ConnectionOptions};
use kafka_codec::messages::RequestResponsePair;
use kafka_metadata::BrokerId;
use parking_lot::Mutex;
use thiserror::Error;

use crate::{broker::Broker, config::ListenerName};

/// Idle connections that are kept to one broker.
const IDLE_MAX: usize = 8;

/// Why another broker has not answered.
#[derive(Debug, Error)]
pub(crate) enum PeerError {
    /// It is not registered, or has no address for brokers.
    #[error("the broker is not registered")]
    Unknown,
    /// The connection failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

type Address = (String, u16);

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Peers {
    /// Attempts in a row to reach a broker that have failed.
    failed: Mutex<HashMap<BrokerId, u32>>,
    idle: Mutex<HashMap<BrokerId, (Address, Vec<Connection>)>>,
}

impl Peers {
    /// Asks `peer` and waits for the answer, at most `limit`. A request that fails on a connection that was kept is sent once
    /// more on a new one: it must not matter when the peer gets it twice.
    pub(crate) async fn call<R: RequestResponsePair>(
        &self,
        broker: &Broker,
        peer: BrokerId,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, PeerError> {
        let image = broker.metadata.image();
        let registered = image.brokers.get(&peer).filter(|registered| !registered.fenced);
        let endpoint = registered.and_then(|peer| peer.endpoint(ListenerName::Internal.as_str()));
        let endpoint = endpoint.ok_or(PeerError::Unknown)?;
        let address = (endpoint.host.clone(), endpoint.port);
        if let Some(mut kept) = self.take(peer, &address)
            && let Ok(response) = kept.call(request, version, limit).await
        {
            self.keep(peer, address, kept);
            return Ok(response);
        }
        let mut connection = self
            .connect(broker, peer, (&address.0, address.1), &broker.peer_options)
            .await?;
        let response = connection.call(request, version, limit).await?;
        self.keep(peer, address, connection);
        Ok(response)
    }

    /// Connects to another broker. An attempt may take twice as long as the one before that failed
    /// (`socket.connection.setup.timeout.ms` and `….max.ms`, KIP-601; Kafka spreads the times by a fifth, as its clients are many).
    pub(crate) async fn connect(
        &self,
        broker: &Broker,
        peer: BrokerId,
        (host, port): (&str, u16),
        options: &ConnectionOptions,
    ) -> Result<Connection, ClientError> {
        let failed = self.failed.lock().get(&peer).copied().unwrap_or(0);
        let longest = Duration::from_millis(broker.settings.connection_setup_timeout_max_ms);
        let options = ConnectionOptions {
            connect_timeout: setup_timeout(options.connect_timeout, longest, failed),
            ..options.clone()
        };
        let opened = Connection::open(host, port, &options).await;
        let mut counts = self.failed.lock();
        if opened.is_ok() {
            counts.remove(&peer);
        } else {
            counts.insert(peer, failed.saturating_add(1));
        }
        opened
    }

    fn take(&self, peer: BrokerId, address: &Address) -> Option<Connection> {
        let mut idle = self.idle.lock();
        let (known, connections) = idle.get_mut(&peer)?;
        if known == address {
            connections.pop()
        } else {
            idle.remove(&peer);
            None
        }
    }

    fn keep(&self, peer: BrokerId, address: Address, connection: Connection) {
        let mut idle = self.idle.lock();
        let (known, connections) = idle.entry(peer).or_insert_with(|| (address.clone(), Vec::new()));
        if *known == address && connections.len() < IDLE_MAX {
            connections.push(connection);
        }
    }
}

/// How long an attempt may take after so many that have failed.
fn setup_timeout(first: Duration, longest: Duration, failed: u32) -> Duration {
    let doubled = 2_u32.checked_pow(failed).and_then(|times| first.checked_mul(times));
    doubled.unwrap_or(longest).min(longest.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_may_take_longer_than_the_one_before_that_failed() {
        let seconds = Duration::from_secs;
        let timeouts = (0..5).map(|failed| setup_timeout(seconds(5), seconds(30), failed));
        assert_eq!(timeouts.collect::<Vec<_>>(), [5, 10, 20, 30, 30].map(seconds));
        assert_eq!(setup_timeout(seconds(5), seconds(30), u32::MAX), seconds(30));
        assert_eq!(
            setup_timeout(seconds(40), seconds(30), 3),
            seconds(40),
            "the first one holds"
        );
    }
}
