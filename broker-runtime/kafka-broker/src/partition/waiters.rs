//! Who waits for a partition: producers for an offset to be flushed or committed, fetches for anything new. Kafka's
//! purgatories, one small list for each partition instead of one big map for all.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

/// Why waiting ended without the offset being reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFailure {
    /// The partition is no longer led from here, or is gone.
    NotLeader,
    /// The log cannot be written.
    Storage,
}

type Outcome = Result<(), WaitFailure>;

/// Waits for an offset to pass. Ordered by offset, which is nearly the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct OffsetWaiters {
    queue: Mutex<VecDeque<(i64, oneshot::Sender<Outcome>)>>,
}

impl OffsetWaiters {
    /// Waits until [`Self::advance`] is called with an end of at least `end`.
    pub(crate) fn register(&self, end: i64) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = self.queue.lock();
        let at = queue
            .iter()
            .rposition(|(other, _)| *other <= end)
            .map_or(0, |index| index + 1);
        queue.insert(at, (end, sender));
        receiver
    }

    /// Everything below `end` has passed.
    pub(crate) fn advance(&self, end: i64) {
        let mut queue = self.queue.lock();
        while queue.front().is_some_and(|(wanted, _)| *wanted <= end) {
            if let Some((_, sender)) = queue.pop_front() {
                // Whoever waited may have given up.
                let _ = sender.send(Ok(()));
            }
        }
    }

    /// Nobody needs to wait any longer.
    pub(crate) fn fail(&self, failure: WaitFailure) {
        for (_, sender) in self.queue.lock().drain(..) {
            let _ = sender.send(Err(failure));
        }
    }
}

/// A fetch that waits for any of its partitions.
#[derive(Debug, Default)]
pub(crate) struct FetchWaiter {
    woken: AtomicBool,
    notify: Notify,
}

impl FetchWaiter {
    /// Something has happened.
    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    /// Waits for something to happen.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

/// The fetches that wait for one kind of event of one partition. Every registration is for one event.
#[derive(Debug, Default)]
pub(crate) struct FetchWaiters {
    list: Mutex<Vec<Weak<FetchWaiter>>>,
}

impl FetchWaiters {
    /// A list is cleaned of waiters that have gone when it has grown to this length.
    const CLEAN_LENGTH: usize = 16;

    /// `waiter` is to be woken by the next event.
    pub(crate) fn register(&self, waiter: &Arc<FetchWaiter>) {
        let mut list = self.list.lock();
        if list.len() >= Self::CLEAN_LENGTH && list.len() == list.capacity() {
            list.retain(|waiter| waiter.strong_count() > 0);
        }
        list.push(Arc::downgrade(waiter));
    }

    /// Wakes all of them.
    pub(crate) fn wake(&self) {
        let mut list = self.list.lock();
        for waiter in list.drain(..) {
            if let Some(waiter) = waiter.upgrade() {
                waiter.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiters_complete_in_order_of_offset() {
        let waiters = OffsetWaiters::default();
        let (late, early) = (waiters.register(10), waiters.register(5));
        waiters.advance(7);
        early.await.unwrap().unwrap();
        waiters.fail(WaitFailure::NotLeader);
        assert_eq!(late.await.unwrap(), Err(WaitFailure::NotLeader));
    }

    #[tokio::test]
    async fn abandoned_fetches_do_not_pile_up() {
        let waiters = FetchWaiters::default();
        for _ in 0..1000 {
            waiters.register(&Arc::new(FetchWaiter::default()));
        }
        assert!(waiters.list.lock().len() < 100);
        let waiter = Arc::new(FetchWaiter::default());
        waiters.register(&waiter);
        waiters.wake();
        waiter.woken().await;
    }
}
