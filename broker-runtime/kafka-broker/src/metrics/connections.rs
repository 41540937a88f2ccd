//! Connections of a listener.

use std::sync::Arc;

use super::meter::Meter;
use crate::config::ListenerName;

/// Connections that were accepted on a listener, and that have ended.
#[derive(Debug)]
pub(crate) struct ListenerConnections {
    pub(crate) listener: ListenerName,
    pub(crate) created: Meter,
    pub(crate) closed: Meter,
}

/// A connection that counts as closed once this is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<ListenerConnections>);

impl ListenerConnections {
    pub(super) fn new(listener: ListenerName, now_ms: i64) -> Arc<Self> {
        Arc::new(Self {
            listener,
            created: Meter::new(now_ms),
            closed: Meter::new(now_ms),
        })
    }

    /// One has been accepted.
    pub(crate) fn opened(self: &Arc<Self>) -> Counted {
        self.created.mark(1);
        Counted(Arc::clone(self))
    }

    /// How many there are now.
    pub(crate) fn open(&self) -> u64 {
        self.created.count().saturating_sub(self.closed.count())
    }

    pub(super) fn tick(&self) {
        self.created.tick();
        self.closed.tick();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.closed.mark(1);
    }
}
