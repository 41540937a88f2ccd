//! Which brokers have not been heard of for too long. A pure value: time is an argument.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kafka_metadata::{BrokerId, MetadataImage};

use super::command::ConnectionId;

/// A broker that is silent for longer is fenced. Brokers send a heartbeat every 250 ms.
pub(super) const SESSION_TIMEOUT: Duration = Duration::from_millis(2500);

/// A closed connection is reported when it does not come back within this time.
const RECONNECT_PATIENCE: Duration = Duration::from_millis(300);

/// When this much time passes between two looks, it was this process that stood still, and nobody could be heard.
const STANDSTILL: Duration = Duration::from_millis(1000);

#[derive(Debug)]
struct Session {
    last_heard: Instant,
    connection: Option<ConnectionId>,
    disconnected: Option<Instant>,
}

/// When each broker was last heard of.
#[derive(Debug)]
pub(super) struct Liveness {
    sessions: BTreeMap<BrokerId, Session>,
    /// Nobody could be heard before this.
    listening_since: Instant,
    last_look: Instant,
}

/// What a look at all brokers found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Silent for too long.
    pub(super) dead: Vec<BrokerId>,
    /// Lost their connection, for the first time reported.
    pub(super) suspected: Vec<BrokerId>,
}

impl Liveness {
    /// Nobody has been heard of yet, and everybody has the whole session timeout to be.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            sessions: BTreeMap::new(),
            listening_since: now,
            last_look: now,
        }
    }

    /// The broker said something, over `connection` when it came over one.
    pub(super) fn heard(&mut self, broker_id: BrokerId, connection: Option<ConnectionId>, now: Instant) {
        let known = self.sessions.get(&broker_id).and_then(|session| session.connection);
        let session = Session {
            last_heard: now,
            connection: connection.or(known),
            disconnected: None,
        };
        self.sessions.insert(broker_id, session);
    }

    /// A connection is closed.
    pub(super) fn disconnected(&mut self, connection: ConnectionId, now: Instant) {
        for session in self
            .sessions
            .values_mut()
            .filter(|session| session.connection == Some(connection))
        {
            session.connection = None;
            session.disconnected = Some(now);
        }
    }

    /// Looks at all brokers that are not fenced.
    pub(super) fn look(&mut self, image: &MetadataImage, now: Instant) -> Findings {
        if now.saturating_duration_since(self.last_look) >= STANDSTILL {
            self.listening_since = now;
        }
        self.last_look = now;
        let mut findings = Findings::default();
        for broker in image.brokers.values().filter(|broker| !broker.fenced) {
            let session = self.sessions.get_mut(&broker.broker_id);
            let last_heard = session
                .as_ref()
                .map_or(self.listening_since, |session| session.last_heard);
            if now.saturating_duration_since(last_heard.max(self.listening_since)) > SESSION_TIMEOUT {
                findings.dead.push(broker.broker_id);
            }
            let Some(session) = session else { continue };
            if session
                .disconnected
                .is_some_and(|at| now.saturating_duration_since(at) > RECONNECT_PATIENCE)
            {
                session.disconnected = None;
                findings.suspected.push(broker.broker_id);
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use kafka_metadata::{BrokerEpoch, MetadataOffset, MetadataRecord};

    use super::*;

    const TICK: Duration = Duration::from_millis(100);

    fn image_of(brokers: &[i32]) -> MetadataImage {
        let mut image = MetadataImage::default();
        for broker in brokers {
            let broker_id = BrokerId(*broker);
            let registered = MetadataRecord::BrokerRegistered {
                broker_id,
                broker_epoch: BrokerEpoch(0),
                incarnation_id: uuid::Uuid::nil(),
                boot_id: String::new(),
                log_dirs: Vec::new(),
                rack: None,
                endpoints: Vec::new(),
            };
            for record in [registered, MetadataRecord::BrokerUnfenced { broker_id }] {
                let offset = image.next_offset();
                image.apply(offset, &record);
            }
        }
        assert!(image.applied > Some(MetadataOffset(0)));
        image
    }

    /// Looks every 100 ms; answers with the moments after `start` at which somebody is found dead.
    fn deaths(liveness: &mut Liveness, image: &MetadataImage, start: Instant, ticks: u32) -> Vec<(u32, BrokerId)> {
        let at = |tick: u32| {
            liveness_look(liveness, image, start + TICK * tick)
                .into_iter()
                .map(move |id| (tick, id))
        };
        (1..=ticks).flat_map(at).collect()
    }

    fn liveness_look(liveness: &mut Liveness, image: &MetadataImage, now: Instant) -> Vec<BrokerId> {
        liveness.look(image, now).dead
    }

    #[test]
    fn a_silent_broker_is_dead_after_the_session_timeout() {
        let start = Instant::now();
        let image = image_of(&[1, 2]);
        let mut liveness = Liveness::new(start);
        assert!(deaths(&mut liveness, &image, start, 10).is_empty());
        liveness.heard(BrokerId(1), None, start + TICK * 10);
        let found = deaths(&mut liveness, &image, start + TICK * 10, 16);
        assert_eq!(
            found,
            [(16, BrokerId(2))],
            "2 was never heard of, and the grace after start is over"
        );
    }

    #[test]
    fn nobody_is_blamed_for_our_own_standstill() {
        let start = Instant::now();
        let image = image_of(&[1]);
        let mut liveness = Liveness::new(start);
        liveness.heard(BrokerId(1), None, start);
        let resumed = start + Duration::from_secs(60);
        assert!(liveness.look(&image, resumed).dead.is_empty());
        assert_eq!(deaths(&mut liveness, &image, resumed, 26), [(26, BrokerId(1))]);
    }

    #[test]
    fn a_lost_connection_is_suspicious_once_and_only_if_it_stays_away() {
        let start = Instant::now();
        let image = image_of(&[1]);
        let mut liveness = Liveness::new(start);
        let connection = ConnectionId(7);
        liveness.heard(BrokerId(1), Some(connection), start);
        liveness.disconnected(connection, start);
        assert!(liveness.look(&image, start + TICK * 2).suspected.is_empty());
        assert_eq!(liveness.look(&image, start + TICK * 4).suspected, [BrokerId(1)]);
        assert!(liveness.look(&image, start + TICK * 5).suspected.is_empty());
        liveness.heard(BrokerId(1), Some(ConnectionId(8)), start + TICK * 6);
        liveness.disconnected(connection, start + TICK * 6);
        assert!(liveness.look(&image, start + TICK * 12).suspected.is_empty());
    }
}
