//! Questions to other brokers of the cluster, over connections that are kept for the next one.

use std::{collections::HashMap, time::Duration};

use kafka_client::{ClientError, Connection};
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
        let mut connection = Connection::open(&address.0, address.1, &broker.peer_options).await?;
        let response = connection.call(request, version, limit).await?;
        self.keep(peer, address, connection);
        Ok(response)
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
