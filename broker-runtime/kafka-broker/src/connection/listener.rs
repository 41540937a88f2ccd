//! Listeners: bind, accept, TLS handshake, and a task for each connection.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kafka_client::ReadAhead;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::{
    limits::Place,
    serve::serve,
    tls::{TlsError, TlsIdentity},
};
use crate::{
    broker::Broker,
    config::{ListenerConfig, ListenerName},
    dispatch::{Connection, Principal},
    metrics::Counted,
    security,
    settings::SocketSettings,
};

/// Connections the kernel holds ready for us, where `socket.listen.backlog.size` does not say how many: as many as reconnect at once
/// when a broker comes back.
const BACKLOG: i32 = 1024;

/// A TLS handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after `accept` failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a listener cannot be opened.
#[derive(Debug, Error)]
pub enum ListenerError {
    /// The address cannot be bound.
    #[error("listener {listener} cannot bind {address}")]
    Bind {
        /// Its name.
        listener: &'static str,
        /// Its address.
        address: SocketAddr,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Certificates are unusable.
    #[error("listener {listener} has no usable certificate")]
    Tls {
        /// Its name.
        listener: &'static str,
        /// Cause.
        #[source]
        source: TlsError,
    },
}

/// A bound listener that accepts nobody yet.
pub(crate) struct BoundListener {
    config: ListenerConfig,
    socket: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

impl BoundListener {
    /// Binds the address of `config`.
    pub(crate) fn bind(
        config: &ListenerConfig,
        identity: Option<&TlsIdentity>,
        sockets: &SocketSettings,
    ) -> Result<Self, ListenerError> {
        let listener = config.name.as_str();
        let socket = listening_socket(config.address(), sockets).map_err(|source| ListenerError::Bind {
            listener,
            address: config.address(),
            source,
        })?;
        let tls = match identity {
            Some(identity) if config.tls => Some(
                identity
                    .server(config)
                    .map_err(|source| ListenerError::Tls { listener, source })?,
            ),
            _ => None,
        };
        Ok(Self {
            config: config.clone(),
            socket,
            tls,
        })
    }

    /// How much too early a connection is, by the quota of its address. Other brokers have none.
    fn too_early_ms(&self, broker: &Broker, peer: SocketAddr) -> i64 {
        if self.config.name == ListenerName::Internal {
            return 0;
        }
        broker.quotas.connects(peer.ip(), broker.uptime_ms())
    }

    /// Accepts until the broker stops; each connection becomes a task of `tasks`.
    pub(crate) async fn accept(self, broker: Arc<Broker>, tasks: TaskTracker) {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        info!(listener = %self.config.name, address = %self.config.address(), "listening");
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = broker.shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Ok(early_ms @ 1..) = u64::try_from(self.too_early_ms(&broker, peer)) {
                        tasks.spawn(turn_away(stream, Duration::from_millis(early_ms), Arc::clone(&broker)));
                        continue;
                    }
                    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
                    let connection = Arc::new(Connection::new(id, self.config.name, self.config.sasl, peer));
                    let uptime_ms = broker.uptime_ms();
                    connection.last_used_ms.store(uptime_ms, Ordering::Relaxed);
                    let admitted = tokio::select! {
                        admitted = broker.connections.admit(&connection, &*broker.clock, uptime_ms) => admitted,
                        () = broker.shutdown.cancelled() => return,
                    };
                    let Some(place) = admitted else {
                        continue;
                    };
                    let counted = broker.metrics.connections.get(&self.config.name).map(|it| it.opened());
                    let guest = Guest {
                        connection,
                        broker: Arc::clone(&broker),
                        _counted: counted,
                        _place: place,
                    };
                    // Two kinds of tasks: one that has no TLS to hold is less than half as large.
                    match self.tls.clone() {
                        Some(tls) => tasks.spawn(welcome_encrypted(stream, tls, guest)),
                        None => tasks.spawn(welcome(stream, guest)),
                    };
                }
                Err(error) => {
                    warn!(listener = %self.config.name, %error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Closes a connection that came too early, once it would have come in time: the peer shall not try again at once (KIP-612).
async fn turn_away(stream: TcpStream, early: Duration, broker: Arc<Broker>) {
    debug!(peer = ?stream.peer_addr(), "connection turned away: its address connects too often");
    tokio::select! {
        () = broker.clock.sleep(early) => {}
        () = broker.shutdown.cancelled() => {}
    }
}

/// A socket that listens on the address; the connections that it accepts have its buffers.
fn listening_socket(address: SocketAddr, sockets: &SocketSettings) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted broker takes its port back while old connections linger.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if let Some(bytes) = sockets.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = sockets.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    socket.listen(sockets.backlog.unwrap_or(BACKLOG))?;
    TcpListener::from_std(socket.into())
}

/// Who has connected.
struct Guest {
    connection: Arc<Connection>,
    broker: Arc<Broker>,
    _counted: Option<Counted>,
    _place: Place,
}

async fn welcome(stream: TcpStream, guest: Guest) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(peer = %guest.connection.peer, %error, "connection lost before it began");
        return;
    }
    let (reader, writer) = stream.into_split();
    serve(reader, writer, &guest.connection, &guest.broker).await;
}

async fn welcome_encrypted(stream: TcpStream, tls: Arc<ServerConfig>, guest: Guest) {
    let Guest { connection, broker, .. } = &guest;
    if let Err(error) = stream.set_nodelay(true) {
        debug!(peer = %connection.peer, %error, "connection lost before it began");
        return;
    }
    let handshake = TlsAcceptor::from(tls).accept(ReadAhead::new(stream));
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates();
            // Between brokers a certificate lets in, and whose it is does not matter.
            if let Some(certificate) = shown
                .and_then(<[_]>::first)
                .filter(|_| connection.listener != ListenerName::Internal)
            {
                match security::principal_of_certificate(certificate) {
                    Some(name) => connection.session.lock().principal = Principal::user(&name),
                    None => {
                        return warn!(peer = %connection.peer, "the subject of a client's certificate cannot be read");
                    }
                }
            }
            let (reader, writer) = tokio::io::split(stream);
            serve(reader, writer, connection, broker).await;
        }
        Ok(Err(error)) => debug!(peer = %connection.peer, %error, "tls handshake failed"),
        Err(_) => debug!(peer = %connection.peer, "tls handshake timed out"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn connections_have_the_buffers_of_their_listener() {
        let bytes = 40_000;
        let sockets = SocketSettings {
            send_buffer_bytes: Some(bytes),
            receive_buffer_bytes: Some(bytes),
            backlog: Some(7),
        };
        let listener = listening_socket((Ipv4Addr::LOCALHOST, 0).into(), &sockets).unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (accepted, _) = accepted.unwrap();
        let buffers = |stream: &TcpStream| {
            let socket = socket2::SockRef::from(stream);
            [socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap()]
        };
        // Linux doubles what is asked for, for its own needs.
        assert_eq!(buffers(&accepted), [bytes * 2; 2]);
        assert_ne!(buffers(&client.unwrap()), [bytes * 2; 2]);
    }
}
