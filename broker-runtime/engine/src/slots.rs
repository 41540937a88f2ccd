//! The clusters of an engine: what runs of each, and who may change it, one at a time.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::EngineError;

/// Keeps others from changing a cluster for as long as it is held.
pub type Hold = OwnedMutexGuard<()>;

/// Places of clusters. `C` is what runs of one.
#[derive(Debug)]
pub struct Slots<C> {
    by_cluster: Mutex<HashMap<Uuid, Arc<Slot<C>>>>,
}

/// Place of a cluster.
#[derive(Debug)]
pub struct Slot<C> {
    busy: Arc<tokio::sync::Mutex<()>>,
    /// Cancelled when the cluster is to go away, so that nobody waits for it to come up.
    removal: Mutex<CancellationToken>,
    running: Mutex<Option<Arc<C>>>,
}

impl<C> Default for Slots<C> {
    fn default() -> Self {
        Self {
            by_cluster: Mutex::default(),
        }
    }
}

impl<C> Default for Slot<C> {
    fn default() -> Self {
        Self {
            busy: Arc::default(),
            removal: Mutex::default(),
            running: Mutex::new(None),
        }
    }
}

impl<C> Slots<C> {
    /// The place of a cluster, made where there is none.
    pub fn of(&self, cluster_id: Uuid) -> Arc<Slot<C>> {
        Arc::clone(self.by_cluster.lock().entry(cluster_id).or_default())
    }

    /// What runs of a cluster.
    pub fn running(&self, cluster_id: Uuid) -> Option<Arc<C>> {
        self.known(cluster_id)?.running()
    }

    /// Keeps others from changing a cluster; `None` while somebody does, and of a cluster that has no place.
    pub fn try_hold(&self, cluster_id: Uuid) -> Option<Hold> {
        Arc::clone(&self.known(cluster_id)?.busy).try_lock_owned().ok()
    }

    /// Takes all places away.
    pub fn drain(&self) -> Vec<Arc<Slot<C>>> {
        self.by_cluster.lock().drain().map(|(_, slot)| slot).collect()
    }

    /// After [`Slot::hold_to_remove`]: a cluster that is gone has no place any more, one that is left in part can come up again.
    pub fn removed<E>(&self, cluster_id: Uuid, slot: &Slot<C>, result: Result<(), E>) -> Result<(), E> {
        match &result {
            Ok(()) => drop(self.by_cluster.lock().remove(&cluster_id)),
            Err(_) => *slot.removal.lock() = CancellationToken::new(),
        }
        result
    }

    fn known(&self, cluster_id: Uuid) -> Option<Arc<Slot<C>>> {
        self.by_cluster.lock().get(&cluster_id).cloned()
    }
}

impl<C> Slot<C> {
    /// What runs of the cluster.
    pub fn running(&self) -> Option<Arc<C>> {
        self.running.lock().clone()
    }

    /// This runs from now on.
    pub fn put(&self, cluster: Arc<C>) {
        *self.running.lock() = Some(cluster);
    }

    /// Nothing runs from now on; gives what did.
    pub fn take(&self) -> Option<Arc<C>> {
        self.running.lock().take()
    }

    /// Waits until nobody changes the cluster, and keeps others from it.
    pub async fn hold(&self) -> Hold {
        Arc::clone(&self.busy).lock_owned().await
    }

    /// The same, and whoever waits for the cluster to come up gives up. [`Slots::removed`] follows.
    pub async fn hold_to_remove(&self) -> Hold {
        self.removal.lock().cancel();
        self.hold().await
    }

    /// Does something for as long as the cluster is not to go away.
    ///
    /// # Errors
    ///
    /// `Timeout`, when it is.
    pub async fn unless_removed<T>(
        &self,
        cluster_name: &str,
        doing: impl Future<Output = T> + Send,
    ) -> Result<T, EngineError> {
        let removal = self.removal.lock().clone();
        tokio::select! {
            done = doing => Ok(done),
            () = removal.cancelled() => Err(EngineError::Timeout {
                what: format!("bringing up cluster {cluster_name:?}"),
                waited_ms: 0,
                last_state: "it is being removed".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn removal_ends_who_waits_for_a_cluster_and_then_it_can_come_up_again() {
        let (slots, id) = (Slots::<u32>::default(), Uuid::from_u128(1));
        assert!(slots.try_hold(id).is_none() && slots.running(id).is_none());
        let slot = slots.of(id);
        let bringing_up = {
            let slot = Arc::clone(&slot);
            tokio::spawn(async move {
                let _held = slot.hold().await;
                slot.unless_removed("orders", std::future::pending::<()>()).await
            })
        };
        while slots.try_hold(id).is_some() {
            tokio::task::yield_now().await;
        }
        let held = slot.hold_to_remove().await;
        let error = bringing_up.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("it is being removed"), "{error}");
        assert_eq!(slots.removed(id, &slot, Err("in part")), Err("in part"));
        drop(held);
        assert_eq!(slot.unless_removed("orders", async { 7 }).await.unwrap(), 7);
        slot.put(Arc::new(7));
        assert_eq!(slots.running(id).as_deref(), Some(&7));
        let _held = slot.hold_to_remove().await;
        assert_eq!(slots.removed(id, &slot, Ok::<(), ()>(())), Ok(()));
        assert!(slots.running(id).is_none(), "it has no place any more");
    }
}
