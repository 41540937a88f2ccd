//! Follows another broker, with one task and one connection. A round asks for all partitions at once, appends what comes, flushes it,
//! and only then asks again: the next fetch offset tells the leader what is safe here.
//!
//! ```text
//!   idle ── partition assigned ──► connecting ──► fetching ──► appending ──► flushing ──┐
//!                                      ▲             ▲ │ assignment changed: dropped    │
//!                                      └── failed ◄──┴─┴───────────────────────────────┘
//! ```

use std::{collections::HashMap, sync::Arc, time::Duration};

use kafka_client::{ClientError, Connection, ConnectionOptions};
use kafka_codec::messages::FetchResponse;
use kafka_metadata::BrokerId;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    fetch_round::{FetchRound, Position, Verdict},
    fetchers::Assignment,
    followed::{Followed, PartitionKey},
    throttle::Reasons,
};
use crate::{broker::Broker, config::ListenerName};

/// First and last pause between attempts to reach a leader.
const RECONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// A leader answers within its maximal wait and this.
const ANSWER_GRACE: Duration = Duration::from_secs(10);

/// How long a partition is left alone after the leader refused it; newer metadata ends the pause.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// How long a flush may take before the fetcher complains and goes on waiting.
const FLUSH_WAIT: Duration = Duration::from_secs(30);

/// For so long after a change of what is followed more changes are expected: rounds are short, so that the next one has them.
const CHANGING_MS: i64 = 1_000;

/// The task that follows one leader.
pub(super) struct Fetcher {
    broker: Arc<Broker>,
    leader: BrokerId,
    assignment: Arc<Assignment>,
    connection: Option<Connection>,
    round: FetchRound,
    /// Changes of the assignment that the round knows of, and when the last one was seen.
    changes: u64,
    changed_ms: i64,
}

/// Why a round did not succeed.
enum RoundError {
    /// Try again after a pause.
    Pause,
    /// The set of partitions changed while waiting: try again at once.
    Changed,
}

impl Fetcher {
    pub(super) fn new(broker: &Arc<Broker>, leader: BrokerId, assignment: &Arc<Assignment>) -> Self {
        Self {
            broker: Arc::clone(broker),
            leader,
            assignment: Arc::clone(assignment),
            connection: None,
            round: FetchRound::new(&broker.settings, broker.config.broker_id),
            changes: 0,
            changed_ms: i64::MIN,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut pause = RECONNECT_PAUSES.0;
        loop {
            let step = async {
                if self.assignment.is_empty() {
                    self.connection = None;
                    self.round.reset();
                    self.assignment.changed().await;
                    return;
                }
                match self.fetch().await {
                    Ok(()) => pause = RECONNECT_PAUSES.0,
                    Err(RoundError::Changed) => {}
                    Err(RoundError::Pause) => {
                        let set = self.broker.settings.replica_fetch_backoff_ms;
                        let pause_now = set.map_or(pause, Duration::from_millis);
                        let _ = tokio::time::timeout(pause_now, self.assignment.changed()).await;
                        pause = (pause * 2).min(RECONNECT_PAUSES.1);
                    }
                }
            };
            tokio::select! {
                () = step => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One round: ask, append, flush.
    async fn fetch(&mut self) -> Result<(), RoundError> {
        self.connect().await?;
        self.look_for_changes();
        let mut followed = self.assignment.partitions();
        // What is asked for says what is safe here. A flush that was not waited for to its end, because the role changed
        // meanwhile, is waited for now.
        for key in unflushed(&followed).await {
            followed.remove(&key);
        }
        let throttled = self.throttled(&followed);
        if !throttled.is_empty() {
            let exceeded = self.broker.throttles.follower.exceeded(self.broker.uptime_ms());
            let before = followed.len();
            followed.retain(|key, _| !throttled.get(key).is_some_and(|reasons| reasons.meets(exceeded)));
            self.round.hold_back(followed.len() < before);
        }
        let positions: Vec<Position> = followed
            .iter()
            .map(|(key, followed)| Position::of(*key, followed))
            .collect();
        let Some(request) = self.round.request(positions, self.broker.controller.broker_epoch()) else {
            tokio::time::sleep(REFUSED_PAUSE).await;
            return Ok(());
        };
        let Some(mut connection) = self.connection.take() else {
            return Err(RoundError::Pause);
        };
        let leader_waits = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let set = self.broker.settings.replica_socket_timeout_ms;
        // Shorter than the leader may wait, every request of an idle partition would fail.
        let wait = set.map_or(leader_waits + ANSWER_GRACE, |set| {
            Duration::from_millis(set).max(leader_waits * 2)
        });
        // A new partition must not wait for the end of a long poll: the connection is given up with its answer. Where there are
        // many, one after the other, that is done for the first one only.
        let short = FetchRound::is_short(&request);
        let answer = tokio::select! {
            answer = connection.call(&request, FetchRound::VERSION, wait) => answer,
            () = self.assignment.differs_from(self.changes), if !short => {
                self.round.reset();
                return Err(RoundError::Changed);
            }
        };
        match answer {
            Ok(response) => {
                self.connection = Some(connection);
                self.take(&followed, &throttled, response).await;
                Ok(())
            }
            Err(error) => {
                debug!(leader = %self.leader, %error, "fetch from leader failed");
                if matches!(error, ClientError::Io { .. }) {
                    let (image, uptime_ms) = (self.broker.metadata.image(), self.broker.uptime_ms());
                    self.broker.lost_leaders.lose(self.leader, &image, uptime_ms);
                }
                self.round.reset();
                Err(RoundError::Pause)
            }
        }
    }

    /// Before the assignment is read: what changes after this is seen by the next round.
    fn look_for_changes(&mut self) {
        let (changes, now_ms) = (self.assignment.changes(), self.broker.uptime_ms());
        if changes != self.changes {
            (self.changes, self.changed_ms) = (changes, now_ms);
        }
        self.round.shorten(now_ms.saturating_sub(self.changed_ms) < CHANGING_MS);
    }

    /// Replicas that catch up at a throttled rate, and why. Who is in sync is not held back.
    fn throttled(&self, followed: &HashMap<PartitionKey, Followed>) -> HashMap<PartitionKey, Reasons> {
        let (this, moves) = (self.broker.config.broker_id, self.broker.throttles.moves());
        let image = self.broker.metadata.image();
        let found = followed.iter().filter_map(|(key, Followed { partition, .. })| {
            let named = partition.is_throttled_here();
            if !named && !moves {
                return None;
            }
            let state = image.partition(&partition.topic, partition.index)?;
            let reasons = Reasons {
                named,
                moving: moves && state.adding.contains(&this),
            };
            (reasons.any() && !state.isr.contains(&this)).then_some((*key, reasons))
        });
        found.collect()
    }

    async fn connect(&mut self) -> Result<(), RoundError> {
        if self.connection.is_some() {
            return Ok(());
        }
        self.round.reset();
        let image = self.broker.metadata.image();
        let endpoint = image
            .brokers
            .get(&self.leader)
            .and_then(|leader| leader.endpoint(ListenerName::Internal.as_str()))
            .ok_or(RoundError::Pause)?;
        let options = ConnectionOptions {
            receive_buffer_bytes: self.broker.settings.replica_socket_receive_buffer_bytes,
            ..self.broker.peer_options.clone()
        };
        let address = (endpoint.host.as_str(), endpoint.port);
        let (broker, leader) = (&self.broker, self.leader);
        match broker.peers.connect(broker, leader, address, &options).await {
            Ok(connection) => {
                info!(leader = %self.leader, "following leader");
                self.broker.lost_leaders.find(self.leader);
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) => {
                debug!(leader = %self.leader, %error, "leader cannot be reached");
                Err(RoundError::Pause)
            }
        }
    }

    /// Appends what came and waits until it is flushed.
    async fn take(
        &mut self,
        followed: &HashMap<PartitionKey, Followed>,
        throttled: &HashMap<PartitionKey, Reasons>,
        response: FetchResponse,
    ) {
        let answers = match self.round.answered(response) {
            Ok(answers) => answers,
            Err(code) => {
                debug!(leader = %self.leader, code, "fetch session refused");
                return;
            }
        };
        let mut unflushed = Vec::new();
        for (key, data) in answers {
            let Some(followed) = followed.get(&key) else {
                continue;
            };
            if let Some(reasons) = throttled.get(&key) {
                let bytes = data.records.as_ref().map_or(0, bytes::Bytes::len);
                let direction = &self.broker.throttles.follower;
                direction.record(*reasons, bytes, self.broker.uptime_ms());
            }
            match super::fetch_round::apply(followed, data) {
                Ok(Verdict::Appended { last_offset }) => unflushed.push((followed, last_offset)),
                Ok(Verdict::Nothing) => {}
                Ok(Verdict::Refused(code)) => {
                    debug!(partition = ?followed.partition, ?code, "leader refused the fetch");
                    self.round.leave_alone(key);
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    warn!(partition = ?followed.partition, %error, cause, "fetched records cannot be appended");
                    self.round.leave_alone(key);
                }
            }
        }
        for (followed, last_offset) in unflushed {
            if let Err(error) = followed.partition.wait_flushed(last_offset, FLUSH_WAIT).await {
                debug!(partition = ?followed.partition, %error, "fetched records are not flushed");
            }
        }
    }
}

/// Flushes what is not flushed yet; gives the partitions with which that did not succeed.
async fn unflushed(followed: &HashMap<PartitionKey, Followed>) -> Vec<PartitionKey> {
    let mut failed = Vec::new();
    for (key, Followed { partition, .. }) in followed {
        if partition.is_flushed() {
            continue;
        }
        partition.request_flush();
        let last_offset = partition.log_end_offset() - 1;
        if let Err(error) = partition.wait_flushed(last_offset, FLUSH_WAIT).await {
            debug!(?partition, %error, "records are not flushed, so nothing more is fetched");
            failed.push(*key);
        }
    }
    failed
}
