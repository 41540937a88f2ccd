//! Calls to a cluster that any broker answers: brokers pass to the active controller what is its business.

use std::{net::SocketAddr, time::Duration};

use kafka_codec::messages::RequestResponsePair;
use parking_lot::Mutex;

use crate::{ClientError, Connection, ConnectionOptions};

/// Connections that are kept for the next calls.
const IDLE_MAX: usize = 4;

/// A client of a whole cluster. Calls may be made at the same time.
pub struct AdminClient {
    options: ConnectionOptions,
    /// Where brokers are; the one that answered last comes first.
    addresses: Mutex<Vec<SocketAddr>>,
    idle: Mutex<Vec<Connection>>,
}

impl AdminClient {
    /// A client of the cluster whose brokers are there.
    pub fn new(addresses: Vec<SocketAddr>, options: ConnectionOptions) -> Self {
        Self {
            options,
            addresses: Mutex::new(addresses),
            idle: Mutex::default(),
        }
    }

    /// From now on brokers are there, and nowhere else.
    pub fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        let mut current = self.addresses.lock();
        let same = current.len() == addresses.len() && addresses.iter().all(|it| current.contains(it));
        if !same {
            *current = addresses;
            self.idle.lock().clear();
        }
    }

    /// Asks one broker after the other until one answers. What is asked must not matter twice.
    pub async fn ask<R: RequestResponsePair>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, ClientError> {
        let kept = self.idle.lock().pop();
        if let Some(mut connection) = kept
            && let Ok(response) = connection.call(request, version, limit).await
        {
            self.keep(connection);
            return Ok(response);
        }
        let addresses = self.addresses.lock().clone();
        let mut failed = ClientError::Protocol("no broker is known");
        for address in addresses {
            match self.exchange(address, request, version, limit).await {
                Ok((connection, response)) => {
                    self.prefer(address);
                    self.keep(connection);
                    return Ok(response);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Sends a request once, to the first broker that can be reached. After an error it may have been carried out.
    pub async fn order<R: RequestResponsePair>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, ClientError> {
        let addresses = self.addresses.lock().clone();
        let mut failed = ClientError::Protocol("no broker is known");
        for address in addresses {
            match self.open(address).await {
                Ok(mut connection) => {
                    self.prefer(address);
                    let response = connection.call(request, version, limit).await?;
                    self.keep(connection);
                    return Ok(response);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Asks this broker and no other.
    pub async fn ask_at<R: RequestResponsePair>(
        &self,
        address: SocketAddr,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, ClientError> {
        Ok(self.exchange(address, request, version, limit).await?.1)
    }

    async fn exchange<R: RequestResponsePair>(
        &self,
        address: SocketAddr,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<(Connection, R::Response), ClientError> {
        let mut connection = self.open(address).await?;
        let response = connection.call(request, version, limit).await?;
        Ok((connection, response))
    }

    async fn open(&self, address: SocketAddr) -> Result<Connection, ClientError> {
        Connection::open(&address.ip().to_string(), address.port(), &self.options).await
    }

    fn prefer(&self, address: SocketAddr) {
        let mut addresses = self.addresses.lock();
        if let Some(index) = addresses.iter().position(|it| *it == address) {
            addresses[..=index].rotate_right(1);
        }
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(ports: &[u16]) -> AdminClient {
        let addresses = ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port)));
        let options = ConnectionOptions {
            client_id: "test".to_owned(),
            tls: None,
            source: None,
            connect_timeout: Duration::from_secs(1),
            response_bytes_max: 1024,
            receive_buffer_bytes: None,
        };
        AdminClient::new(addresses.collect(), options)
    }

    #[test]
    fn broker_that_answered_is_asked_first() {
        let client = client(&[1, 2, 3]);
        client.prefer(SocketAddr::from(([127, 0, 0, 1], 3)));
        let ports: Vec<u16> = client.addresses.lock().iter().map(SocketAddr::port).collect();
        assert_eq!(ports, [3, 1, 2]);
    }
}
