//! What every operation, query and reconciler is given.

use std::sync::Arc;

use clock::Clock;
use engine::Engine;
use tokio::sync::watch;
use uuid::Uuid;

use crate::store::{SecretBox, Store};

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
    /// Counts the changes of desired or reported state; reconcilers and waiting requests watch it.
    changes: watch::Sender<u64>,
}

impl Services {
    /// Puts the world together.
    pub(crate) fn new(
        store: Store,
        secret_box: SecretBox,
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        version: String,
    ) -> Self {
        Self {
            store,
            secret_box,
            engine,
            clock,
            version,
            changes: watch::Sender::new(0),
        }
    }

    /// Wakes reconcilers and waiting requests. Call it after each transaction that changes a cluster or an operation.
    pub(crate) fn wake(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A receiver that is marked changed by every later [`Services::wake`].
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A new random identity.
    pub(crate) fn new_uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}
