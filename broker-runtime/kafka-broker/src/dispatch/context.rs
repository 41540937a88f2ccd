//! What a handler knows about the request it answers: the header's fields and the connection it came in on.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use kafka_codec::StrBytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{config::ListenerName, security::SaslState};

/// Who sent a request, in Kafka's form `User:name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal(Arc<str>);

impl Principal {
    /// Who has not authenticated.
    pub fn anonymous() -> Self {
        Self(Arc::from("User:ANONYMOUS"))
    }

    /// The principal of an authenticated user.
    pub fn user(name: &str) -> Self {
        Self(Arc::from(format!("User:{name}")))
    }

    /// `User:name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Name and version of a client library, from `ApiVersions` 3 and later (KIP-511).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSoftware {
    /// Such as `librdkafka`.
    pub name: String,
    /// Such as `2.15.0`.
    pub version: String,
}

/// What changes during the life of a connection.
#[derive(Debug)]
pub struct Session {
    /// Who the peer has proven to be.
    pub principal: Principal,
    /// The peer's library, once it has said so.
    pub client_software: Option<ClientSoftware>,
    /// Progress of SASL; `security` owns the type.
    pub sasl: SaslState,
    /// When the peer has to have authenticated again, in milliseconds of the broker's uptime; `None`: never (KIP-368).
    pub(crate) ends_ms: Option<i64>,
}

/// One connection, as long as it lives. Requests of a connection are handled one after the other, so the lock is
/// never contended; it is not held across an `.await`.
#[derive(Debug)]
pub struct Connection {
    /// Unique in this process.
    pub id: u64,
    /// The listener it was accepted on.
    pub listener: ListenerName,
    /// SASL must be complete before anything else is answered.
    pub sasl_required: bool,
    /// The other end.
    pub peer: SocketAddr,
    /// See [`Session`].
    pub session: Mutex<Session>,
    /// Nothing is read before this moment of the broker's uptime, in milliseconds.
    pub(crate) muted_until_ms: AtomicI64,
    /// When it last asked for something, in milliseconds of the broker's uptime.
    pub(crate) last_used_ms: AtomicI64,
    /// It has to go: the broker has too many.
    pub(crate) sent_away: Notify,
}

impl Connection {
    /// One that nobody has used yet.
    pub(crate) fn new(id: u64, listener: ListenerName, sasl_required: bool, peer: SocketAddr) -> Self {
        Self {
            id,
            listener,
            sasl_required,
            peer,
            session: Mutex::new(Session {
                principal: Principal::anonymous(),
                client_software: None,
                sasl: SaslState::default(),
                ends_ms: None,
            }),
            muted_until_ms: AtomicI64::new(0),
            last_used_ms: AtomicI64::new(0),
            sent_away: Notify::new(),
        }
    }

    /// Reads nothing before this moment of the broker's uptime.
    pub(crate) fn mute_until(&self, uptime_ms: i64) {
        self.muted_until_ms.fetch_max(uptime_ms, Ordering::Relaxed);
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The connection it came in on.
    pub connection: Arc<Connection>,
    /// Who sent it, when it was received.
    pub principal: Principal,
    /// `client.id`, if the client has one.
    pub client_id: Option<StrBytes>,
    /// API key of the request.
    pub api_key: i16,
    /// Version of the request.
    pub api_version: i16,
    /// Comes back in the response.
    pub correlation_id: i32,
}

impl RequestContext {
    /// The listener the request came in on.
    pub fn listener(&self) -> ListenerName {
        self.connection.listener
    }

    /// The other end of the connection.
    pub fn peer(&self) -> SocketAddr {
        self.connection.peer
    }

    /// `client.id`, or the empty string.
    pub fn client_id(&self) -> &str {
        self.client_id.as_ref().map_or("", StrBytes::as_str)
    }

    /// True for requests of other brokers of this cluster: the listener admits nobody else.
    pub fn is_internal(&self) -> bool {
        self.connection.listener == ListenerName::Internal
    }
}
