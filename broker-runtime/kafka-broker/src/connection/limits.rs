//! How many connections a broker holds, and how fast it takes new ones: `max.connections`, `max.connections.per.ip` with its
//! overrides, and `max.connection.creation.rate` (KIP-402, KIP-612), as Kafka's `ConnectionQuotas` has them.
//!
//! ```text
//!   accepted ──► in time? ──► room in the broker? ──► room for the address? ──► served
//!                 waits        waits; other brokers      closed at once
//!                              come in all the same, and
//!                              the idlest client goes
//! ```
//!
//! What waits is the listener: connections behind it are kept by the kernel. The bounds may change while the broker runs; a
//! smaller one of the broker closes the idlest connections, one of an address counts for its next connections.
//!
//! A listener may have a number and a rate of its own (`listener.name.tls.max.connections`), the one of brokers as well: whoever
//! comes has to be within those of the listener and of the broker.
//!
//! Differences from Kafka: connections of other brokers are not counted for their address, which clients may share on one
//! machine; an override names an address and not a host.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use clock::Clock;
use kafka_metadata::{BrokerId, MetadataImage};
use parking_lot::Mutex;
use server_properties::{address_bounds, listener_property};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::{
    config::ListenerName,
    dispatch::Connection,
    quotas::{Meter, Window},
    settings::{dynamic_number, dynamic_text},
};

/// Bounds that a listener may have, too.
const TOTAL: &str = "max.connections";
const RATE: &str = "max.connection.creation.rate";

/// As good as no bound, in Kafka and here.
const UNBOUNDED: i64 = i32::MAX as i64;

/// What is allowed.
#[derive(Clone, Debug, Default, PartialEq)]
struct Bounds {
    /// `max.connections`.
    total: Option<usize>,
    /// `max.connections.per.ip`.
    of_address: Option<usize>,
    /// `max.connections.per.ip.overrides`.
    overrides: HashMap<IpAddr, usize>,
    /// `max.connection.creation.rate`.
    rate: Option<f64>,
    /// Of listeners that have some of their own.
    of_listener: HashMap<ListenerName, ListenerBounds>,
}

/// What is allowed on one listener.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct ListenerBounds {
    /// `listener.name.….max.connections`.
    total: Option<usize>,
    /// `listener.name.….max.connection.creation.rate`.
    rate: Option<f64>,
}

impl Bounds {
    fn read(image: &MetadataImage, broker_id: BrokerId, properties: &BTreeMap<String, String>) -> Self {
        let number = |name: &str| dynamic_number(image, broker_id, properties, name).filter(|bound| *bound < UNBOUNDED);
        let count = |name: &str| number(name).and_then(|bound| usize::try_from(bound).ok());
        let rate = |name: &str| number(name).map(|rate| rate as f64);
        let overrides = dynamic_text(image, broker_id, properties, "max.connections.per.ip.overrides");
        let overrides = overrides.and_then(address_bounds).unwrap_or_default();
        Self {
            total: count(TOTAL),
            of_address: count("max.connections.per.ip"),
            overrides: overrides
                .into_iter()
                .map(|(address, bound)| (address.to_canonical(), bound))
                .collect(),
            rate: rate(RATE),
            of_listener: ListenerName::ALL
                .into_iter()
                .map(|listener| {
                    let own = |property| listener_property(listener.as_str(), property);
                    let bounds = ListenerBounds {
                        total: count(&own(TOTAL)),
                        rate: rate(&own(RATE)),
                    };
                    (listener, bounds)
                })
                .filter(|(_, bounds)| *bounds != ListenerBounds::default())
                .collect(),
        }
    }

    fn of_listener(&self, listener: ListenerName) -> ListenerBounds {
        self.of_listener.get(&listener).copied().unwrap_or_default()
    }

    fn of(&self, address: IpAddr) -> Option<usize> {
        self.overrides.get(&address).copied().or(self.of_address)
    }
}

#[derive(Debug, Default)]
struct State {
    bounds: Bounds,
    /// By the connection's number.
    held: HashMap<u64, Held>,
    of_address: HashMap<IpAddr, usize>,
    on_listener: HashMap<ListenerName, usize>,
    meter: Meter,
    listener_meters: HashMap<ListenerName, Meter>,
}

#[derive(Debug)]
struct Held {
    connection: Arc<Connection>,
    /// It has been told to go.
    goes: bool,
}

/// The connections of a broker, and how many there may be.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    state: Mutex<State>,
    /// Somebody has left, or the bounds have changed.
    changed: Notify,
    window: Window,
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    limits: Arc<ConnectionLimits>,
    connection_id: u64,
}

/// What becomes of a connection.
#[derive(Debug)]
enum Entry {
    Taken(Place),
    /// The broker has too many, or the listener.
    Full,
    /// Its address has as many as it may have.
    Refused(usize),
}

impl ConnectionLimits {
    /// With the static server properties.
    pub(crate) fn new(broker_id: BrokerId, properties: &BTreeMap<String, String>, window: Window) -> Self {
        let state = State {
            bounds: Bounds::read(&MetadataImage::default(), broker_id, properties),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            window,
        }
    }

    /// Takes over what is dynamic.
    pub(crate) fn configure(&self, image: &MetadataImage, broker_id: BrokerId, properties: &BTreeMap<String, String>) {
        let bounds = Bounds::read(image, broker_id, properties);
        let mut state = self.state.lock();
        if state.bounds != bounds {
            state.bounds = bounds;
            state.send_idlest_away();
            self.changed.notify_waiters();
        }
    }

    /// Waits until the connection may come in; `None` if its address has as many as it may have. `now_ms` is the uptime.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        clock: &dyn Clock,
        now_ms: i64,
    ) -> Option<Place> {
        if let Ok(early_ms @ 1..) = u64::try_from(self.too_early_ms(connection, now_ms)) {
            clock.sleep(Duration::from_millis(early_ms)).await;
        }
        let mut said = false;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.enter(connection) {
                Entry::Taken(place) => return Some(place),
                Entry::Refused(bound) => {
                    info!(
                        peer = %connection.peer, listener = %connection.listener, bound,
                        "connection refused: its address has as many as it may have"
                    );
                    return None;
                }
                Entry::Full if !said => {
                    said = true;
                    warn!(
                        listener = %connection.listener,
                        "connections wait: the listener or the broker has as many as it may have"
                    );
                }
                Entry::Full => {}
            }
            changed.await;
        }
    }

    /// Counts a connection; says how long it is too early, in milliseconds, at most a sample. Other brokers are too early only where
    /// their listener has a rate.
    fn too_early_ms(&self, connection: &Connection, now_ms: i64) -> i64 {
        let mut state = self.state.lock();
        let State {
            bounds,
            meter,
            listener_meters,
            ..
        } = &mut *state;
        let mut early_ms = 0;
        let mut count = |meter: &mut Meter, rate: f64| {
            meter.record(1.0, now_ms, self.window);
            // No connection a second at all: each waits as long as one can be made to.
            let too_early_ms = if rate > 0.0 {
                meter.throttle_ms(rate, now_ms, self.window)
            } else {
                self.window.sample_ms
            };
            early_ms = early_ms.max(too_early_ms.min(self.window.sample_ms));
        };
        if let Some(rate) = bounds.rate.filter(|_| !is_protected(connection)) {
            count(meter, rate);
        }
        if let Some(rate) = bounds.of_listener(connection.listener).rate {
            count(listener_meters.entry(connection.listener).or_default(), rate);
        }
        early_ms
    }

    fn enter(self: &Arc<Self>, connection: &Arc<Connection>) -> Entry {
        let mut state = self.state.lock();
        let protected = is_protected(connection);
        let on_listener = state.on_listener.get(&connection.listener).copied().unwrap_or(0);
        let of_listener = state.bounds.of_listener(connection.listener);
        if of_listener.total.is_some_and(|bound| on_listener >= bound) {
            return Entry::Full;
        }
        if !protected {
            if state.bounds.total.is_some_and(|bound| state.held.len() >= bound) {
                return Entry::Full;
            }
            let address = connection.peer.ip().to_canonical();
            let held = state.of_address.get(&address).copied().unwrap_or(0);
            if let Some(bound) = state.bounds.of(address).filter(|bound| held >= *bound) {
                return Entry::Refused(bound);
            }
            *state.of_address.entry(address).or_default() += 1;
        }
        let held = Held {
            connection: Arc::clone(connection),
            goes: false,
        };
        state.held.insert(connection.id, held);
        *state.on_listener.entry(connection.listener).or_default() += 1;
        state.send_idlest_away();
        Entry::Taken(Place {
            limits: Arc::clone(self),
            connection_id: connection.id,
        })
    }

    fn leave(&self, connection_id: u64) {
        let mut state = self.state.lock();
        let Some(left) = state.held.remove(&connection_id) else {
            return;
        };
        if let Some(held) = state.on_listener.get_mut(&left.connection.listener) {
            *held -= 1;
        }
        if !is_protected(&left.connection) {
            let address = left.connection.peer.ip().to_canonical();
            if let Some(held) = state.of_address.get_mut(&address) {
                *held -= 1;
                if *held == 0 {
                    state.of_address.remove(&address);
                }
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    /// Tells clients to go, those first that have asked for nothing for the longest time, until there are no more connections
    /// than there may be.
    fn send_idlest_away(&mut self) {
        let Some(bound) = self.bounds.total else {
            return;
        };
        let staying = self.held.values().filter(|held| !held.goes).count();
        let excess = staying.saturating_sub(bound);
        if excess == 0 {
            return;
        }
        let mut clients: Vec<&mut Held> = self
            .held
            .values_mut()
            .filter(|held| !held.goes && !is_protected(&held.connection))
            .collect();
        clients.sort_by_key(|held| {
            let connection = &held.connection;
            (connection.last_used_ms.load(Ordering::Relaxed), connection.id)
        });
        for held in clients.into_iter().take(excess) {
            held.goes = true;
            held.connection.sent_away.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.leave(self.connection_id);
    }
}

/// Connections of other brokers: clients must not be able to shut them out.
fn is_protected(connection: &Connection) -> bool {
    connection.listener == ListenerName::Internal
}

#[cfg(test)]
mod tests {
    use kafka_metadata::ConfigResource;

    use super::*;

    const WINDOW: Window = Window {
        samples: 11,
        sample_ms: 1_000,
    };

    fn limits(properties: &[(&str, &str)]) -> Arc<ConnectionLimits> {
        let properties = properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Arc::new(ConnectionLimits::new(BrokerId(1), &properties, WINDOW))
    }

    fn from(id: u64, address: &str, listener: ListenerName) -> Arc<Connection> {
        let peer = format!("{address}:{}", 10_000 + id).parse().unwrap();
        Arc::new(Connection::new(id, listener, false, peer))
    }

    fn client(id: u64, address: &str) -> Arc<Connection> {
        from(id, address, ListenerName::Plaintext)
    }

    fn taken(entry: Entry) -> Place {
        match entry {
            Entry::Taken(place) => place,
            other => panic!("{other:?}"),
        }
    }

    async fn is_sent_away(connection: &Connection) -> bool {
        tokio::time::timeout(Duration::ZERO, connection.sent_away.notified())
            .await
            .is_ok()
    }

    #[test]
    fn an_address_has_as_many_as_it_may_have() {
        let limits = limits(&[
            ("max.connections.per.ip", "2"),
            ("max.connections.per.ip.overrides", "127.0.0.2:1, 127.0.0.3:0"),
        ]);
        let first = taken(limits.enter(&client(1, "127.0.0.1")));
        let _second = taken(limits.enter(&client(2, "127.0.0.1")));
        assert!(matches!(limits.enter(&client(3, "127.0.0.1")), Entry::Refused(2)));
        let _other = taken(limits.enter(&client(4, "127.0.0.2")));
        assert!(matches!(limits.enter(&client(5, "127.0.0.2")), Entry::Refused(1)));
        assert!(matches!(limits.enter(&client(6, "127.0.0.3")), Entry::Refused(0)));
        let _broker = taken(limits.enter(&from(7, "127.0.0.3", ListenerName::Internal)));
        drop(first);
        taken(limits.enter(&client(8, "127.0.0.1")));
        assert_eq!(limits.state.lock().of_address[&IpAddr::from([127, 0, 0, 1])], 1);
    }

    #[tokio::test]
    async fn a_full_broker_takes_other_brokers_and_sends_the_idlest_client_away() {
        let limits = limits(&[("max.connections", "2")]);
        let clients = [client(1, "127.0.0.1"), client(2, "127.0.0.1")];
        clients[0].last_used_ms.store(50, Ordering::Relaxed);
        clients[1].last_used_ms.store(40, Ordering::Relaxed);
        let places = clients.each_ref().map(|it| taken(limits.enter(it)));
        assert!(matches!(limits.enter(&client(3, "127.0.0.1")), Entry::Full));
        assert!(!is_sent_away(&clients[1]).await, "who waits outside drives nobody out");
        let _broker = taken(limits.enter(&from(4, "127.0.0.1", ListenerName::Internal)));
        assert!(is_sent_away(&clients[1]).await);
        assert!(!is_sent_away(&clients[0]).await);
        let [_, second] = places;
        drop(second);
        assert!(
            matches!(limits.enter(&client(5, "127.0.0.1")), Entry::Full),
            "two are there again"
        );
    }

    #[test]
    fn every_listener_may_have_bounds_of_its_own() {
        for listener in ListenerName::ALL {
            let name = listener_property(listener.as_str(), TOTAL);
            assert!(server_properties::definition(&name).is_some(), "{name}");
        }
        assert_eq!(
            server_properties::listener_definitions().count(),
            2 * ListenerName::ALL.len()
        );
    }

    #[tokio::test]
    async fn a_listener_has_as_many_as_it_may_have() {
        let limits = limits(&[
            ("listener.name.tls.max.connections", "1"),
            ("listener.name.internal.max.connections", "1"),
            ("max.connections", "3"),
        ]);
        let of = |id, listener| from(id, "127.0.0.1", listener);
        let first = of(1, ListenerName::Tls);
        let place = taken(limits.enter(&first));
        assert!(matches!(limits.enter(&of(2, ListenerName::Tls)), Entry::Full));
        let _other = taken(limits.enter(&of(3, ListenerName::Plaintext)));
        let _broker = taken(limits.enter(&of(4, ListenerName::Internal)));
        assert!(
            matches!(limits.enter(&of(5, ListenerName::Internal)), Entry::Full),
            "brokers have a bound where somebody gives them one"
        );
        assert!(
            matches!(limits.enter(&of(6, ListenerName::Plaintext)), Entry::Full),
            "the broker's own"
        );
        assert!(!is_sent_away(&first).await);
        drop(place);
        let _next = taken(limits.enter(&of(7, ListenerName::Tls)));
        let mut image = MetadataImage::default();
        let value = BTreeMap::from([("listener.name.tls.max.connections".to_owned(), "2".to_owned())]);
        image.configs.insert_mut(ConfigResource::Broker(BrokerId(1)), value);
        limits.configure(&image, BrokerId(1), &BTreeMap::new());
        let _more = taken(limits.enter(&of(8, ListenerName::Tls)));
        assert!(matches!(limits.enter(&of(9, ListenerName::Tls)), Entry::Full));
    }

    #[test]
    fn connections_come_to_a_listener_as_fast_as_they_may() {
        let limits = limits(&[
            ("max.connection.creation.rate", "4"),
            ("listener.name.tls.max.connection.creation.rate", "2"),
            ("listener.name.internal.max.connection.creation.rate", "1"),
        ]);
        let early = |listener, now_ms| limits.too_early_ms(&from(1, "127.0.0.1", listener), now_ms);
        assert!((0..20).all(|_| early(ListenerName::Tls, 0) == 0));
        assert_eq!(early(ListenerName::Tls, 0), 500);
        assert!(
            (0..19).all(|_| early(ListenerName::Plaintext, 0) == 0),
            "the broker has room"
        );
        assert_eq!(early(ListenerName::Plaintext, 0), 250);
        assert!((0..10).all(|_| early(ListenerName::Internal, 0) == 0));
        assert_eq!(early(ListenerName::Internal, 0), 1_000);
    }

    #[tokio::test]
    async fn bounds_change_while_connections_are_there() {
        let limits = limits(&[]);
        let clients = [1, 2, 3].map(|id| client(id, "127.0.0.1"));
        let _places = clients.each_ref().map(|it| taken(limits.enter(it)));
        for (age, connection) in (1_i64..).zip(&clients) {
            connection.last_used_ms.store(age, Ordering::Relaxed);
        }
        let mut image = MetadataImage::default();
        let value = BTreeMap::from([("max.connections".to_owned(), "1".to_owned())]);
        image.configs.insert_mut(ConfigResource::Brokers, value);
        limits.configure(&image, BrokerId(1), &BTreeMap::new());
        assert!(is_sent_away(&clients[0]).await && is_sent_away(&clients[1]).await);
        assert!(!is_sent_away(&clients[2]).await);
        limits.configure(&MetadataImage::default(), BrokerId(1), &BTreeMap::new());
        taken(limits.enter(&client(4, "127.0.0.1")));
    }

    #[test]
    fn connections_come_as_fast_as_they_may() {
        let limits = limits(&[("max.connection.creation.rate", "2")]);
        let early = |connection: &Connection, now_ms| limits.too_early_ms(connection, now_ms);
        let one = client(1, "127.0.0.1");
        assert!((0..20).all(|_| early(&one, 0) == 0), "ten seconds' worth");
        assert_eq!(early(&one, 0), 500);
        assert_eq!(early(&client(2, "127.0.0.2"), 0), 1_000, "whoever comes");
        assert_eq!(early(&from(3, "127.0.0.1", ListenerName::Internal), 0), 0);
        assert_eq!(early(&one, 12_000), 0);
    }
}
