//! Asks the controller. Requests travel over whatever connection there is; while there is none they fail at once with
//! `NotController`, and the caller retries or tells its client to.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use kafka_metadata::{
    BrokerEpoch, BrokerId,
    rpc::{BrokerMessage, ControllerError, ControllerRequest, ControllerResponse},
};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};

/// Requests on their way to the controller, per connection.
const QUEUE_LENGTH_MAX: usize = 1024;

/// How long an answer is waited for when the caller names no deadline of its own.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

type Answer = Result<ControllerResponse, ControllerError>;

/// Handle to the controller, shared by everything in the broker.
#[derive(Debug)]
pub struct ControllerClient {
    broker_id: BrokerId,
    broker_epoch: AtomicI64,
    next_id: AtomicU64,
    beat: Notify,
    link: Mutex<Option<Link>>,
}

#[derive(Debug)]
struct Link {
    requests: mpsc::Sender<BrokerMessage>,
    pending: HashMap<u64, oneshot::Sender<Answer>>,
}

impl ControllerClient {
    /// A client that is not connected yet.
    pub(crate) fn new(broker_id: BrokerId) -> Self {
        Self {
            broker_id,
            broker_epoch: AtomicI64::new(-1),
            next_id: AtomicU64::new(1),
            beat: Notify::new(),
            link: Mutex::new(None),
        }
    }

    /// This broker.
    pub fn broker_id(&self) -> BrokerId {
        self.broker_id
    }

    /// Epoch of this broker's registration, -1 before the first one.
    pub fn broker_epoch(&self) -> BrokerEpoch {
        BrokerEpoch(self.broker_epoch.load(Ordering::Acquire))
    }

    /// A connection is up.
    pub fn is_connected(&self) -> bool {
        self.link.lock().is_some()
    }

    /// An id for a request on any connection.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks for a heartbeat out of turn.
    pub(crate) fn beat_soon(&self) {
        self.beat.notify_one();
    }

    /// Waits for [`Self::beat_soon`].
    pub(crate) async fn beat_asked(&self) {
        self.beat.notified().await;
    }

    /// Asks and waits for the answer, at most 30 s.
    pub async fn call(&self, request: ControllerRequest) -> Result<ControllerResponse, ControllerError> {
        self.call_within(request, CALL_TIMEOUT).await
    }

    /// Asks and waits for the answer. `NotController` says that there was none in time, or no connection; whether the
    /// controller has acted is then not known.
    pub async fn call_within(
        &self,
        request: ControllerRequest,
        timeout: Duration,
    ) -> Result<ControllerResponse, ControllerError> {
        let id = self.next_id();
        let (sender, receiver) = oneshot::channel();
        {
            let mut link = self.link.lock();
            let Some(link) = link.as_mut() else {
                return Err(ControllerError::NotController);
            };
            if link.requests.try_send(BrokerMessage { id, request }).is_err() {
                return Err(ControllerError::NotController);
            }
            link.pending.insert(id, sender);
        }
        if let Ok(Ok(answer)) = tokio::time::timeout(timeout, receiver).await {
            return answer;
        }
        if let Some(link) = self.link.lock().as_mut() {
            link.pending.remove(&id);
        }
        Err(ControllerError::NotController)
    }

    /// A new connection: what is asked from now on goes to the receiver.
    pub(crate) fn attach(&self) -> mpsc::Receiver<BrokerMessage> {
        let (requests, receiver) = mpsc::channel(QUEUE_LENGTH_MAX);
        *self.link.lock() = Some(Link {
            requests,
            pending: HashMap::new(),
        });
        receiver
    }

    /// The connection is gone: whoever waits learns it now.
    pub(crate) fn detach(&self) {
        *self.link.lock() = None;
    }

    /// An answer has come.
    pub(crate) fn answered(&self, id: u64, answer: Answer) {
        if let Ok(ControllerResponse::Registered { broker_epoch }) = &answer {
            self.broker_epoch.store(broker_epoch.0, Ordering::Release);
        }
        let waiting = self.link.lock().as_mut().and_then(|link| link.pending.remove(&id));
        if let Some(waiting) = waiting {
            // Whoever asked may have given up.
            let _ = waiting.send(answer);
        }
    }
}
