//! What every operation, query and reconciler is given.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clock::Clock;
use engine::{Counts, Engine, ObservedBroker};
use host_link::RemoteFleet;
use parking_lot::RwLock;
use tokio::sync::watch;
use uuid::Uuid;

use crate::store::{SecretBox, Store};

/// What was last seen of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Observation {
    /// When that was.
    pub(crate) seen_at: Option<Instant>,
    /// Its brokers, by id.
    pub(crate) brokers: Vec<ObservedBroker>,
    /// Bytes in the log directories of all brokers.
    pub(crate) log_bytes: u64,
    /// How much is in it.
    pub(crate) counts: Counts,
    /// When its authority ends, unix milliseconds.
    pub(crate) authority_expires_at_ms: Option<i64>,
    /// Why nothing could be seen.
    pub(crate) problem: Option<String>,
}

/// Where other machines reach the control plane, and by what they know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entrance {
    /// `host:port`.
    pub(crate) address: String,
    /// SHA-256 of the certificate that hosts pin.
    pub(crate) fingerprint: String,
}

/// The world of the control plane.
pub(crate) struct Services {
    /// Desired state and operations.
    pub(crate) store: Store,
    /// Encrypts what the store must not hold in the clear.
    pub(crate) secret_box: SecretBox,
    /// What runs brokers.
    pub(crate) engine: Arc<dyn Engine>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Version of the program.
    pub(crate) version: String,
    /// The address of this machine that others reach, if there is one.
    pub(crate) public_address: Option<IpAddr>,
    /// The hosts that have joined.
    pub(crate) fleet: Arc<RemoteFleet>,
    /// Where hosts may join, once it is known.
    pub(crate) entrance: OnceLock<Entrance>,
    /// How long a host may be away before it is declared dead; `None` leaves that to people.
    pub(crate) host_dead_after: Option<Duration>,
    /// Directory of the buckets that logs can be delivered to.
    pub(crate) buckets: PathBuf,
    /// Counts the changes of desired or reported state; reconcilers and waiting requests watch it.
    changes: watch::Sender<u64>,
    /// All clusters should be looked at, also those that nobody has asked to change.
    unsettled: AtomicBool,
    /// A look at one of them has failed.
    unsettled_again: AtomicBool,
    /// What was last seen of each cluster that should serve.
    observations: RwLock<BTreeMap<Uuid, Observation>>,
    /// Why hosts are not emptied or replaced, by the cluster that stands in the way.
    pub(crate) stuck: RwLock<BTreeMap<Uuid, String>>,
}

impl Services {
    /// Puts the world together.
    pub(crate) fn new(
        store: Store,
        secret_box: SecretBox,
        engine: Arc<dyn Engine>,
        fleet: Arc<RemoteFleet>,
        clock: Arc<dyn Clock>,
        version: String,
    ) -> Self {
        Self {
            store,
            secret_box,
            engine,
            clock,
            version,
            public_address: None,
            fleet,
            entrance: OnceLock::new(),
            host_dead_after: None,
            buckets: PathBuf::new(),
            changes: watch::Sender::new(0),
            // What an earlier control plane has left half-done is looked at once.
            unsettled: AtomicBool::new(true),
            unsettled_again: AtomicBool::new(false),
            observations: RwLock::default(),
            stuck: RwLock::default(),
        }
    }

    /// Wakes reconcilers and waiting requests. Call it after each transaction that changes a cluster or an operation.
    pub(crate) fn wake(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Has all clusters looked at: hosts have come, or are lost.
    pub(crate) fn settle_all(&self) {
        self.unsettled.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether that was asked for; asked for once.
    pub(crate) fn take_unsettled(&self) -> bool {
        self.unsettled.swap(false, Ordering::AcqRel)
    }

    /// A cluster is not what it should be, although it was looked at.
    pub(crate) fn remember_unsettled(&self) {
        self.unsettled_again.store(true, Ordering::Release);
    }

    /// Whether there was such a cluster since this was last asked.
    pub(crate) fn take_unsettled_again(&self) -> bool {
        self.unsettled_again.swap(false, Ordering::AcqRel)
    }

    /// A receiver that is marked changed by every later [`Services::wake`].
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What was last seen of a cluster; `None` before anybody has looked.
    pub(crate) fn observation(&self, cluster: Uuid) -> Option<Observation> {
        self.observations.read().get(&cluster).cloned()
    }

    /// What was seen of a cluster until now says nothing any more: it has been changed.
    pub(crate) fn forget_observation(&self, cluster: Uuid) {
        self.observations.write().remove(&cluster);
    }

    /// Replaces what was last seen of all clusters, and gives back what it was.
    pub(crate) fn replace_observations(&self, seen: BTreeMap<Uuid, Observation>) -> BTreeMap<Uuid, Observation> {
        std::mem::replace(&mut *self.observations.write(), seen)
    }

    /// A new random identity.
    pub(crate) fn new_uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}
