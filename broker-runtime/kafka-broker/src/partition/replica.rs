//! One partition on this broker: its log, its role, and who waits for it. This is where "may I append", "may I read" and
//! "how far is it safe" are answered; what the leader knows of its replicas is [`LeaderState`], a plain value in here.
//!
//! ```text
//!                     metadata: leader = this broker
//!     Follower ───────────────────────────────────────► Leader
//!        ▲   ◄───────────────────────────────────────     │
//!        │            metadata: leader = another          │
//!        └── (created)                                (deleted) ──► Gone
//! ```
//!
//! Appends hold the role for reading, transitions hold it for writing: a record is never appended under a role that has
//! ended. Order of locks: role, leader state, waiters.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use kafka_log::{Compaction, Log};
use kafka_metadata::{BrokerId, LeaderEpoch, PartitionEpoch, PartitionState, TopicId, rpc::ControllerError};
use parking_lot::{Mutex, RwLock};

use super::{
    error::PartitionError,
    flusher::{FlushState, Flushable, Flusher},
    leader::{IsrProposal, LeaderSettings, LeaderState},
    waiters::{FetchWaiters, OffsetWaiters, WaitFailure},
};
use crate::{
    metrics::{Metrics, TopicTraffic},
    replication::IsrChanges,
    settings::TopicSettings,
};

/// Stands for "everything is flushed" where the time of the oldest unflushed record is kept.
const NOTHING_UNFLUSHED: i64 = -1;

/// A log and what flushes it.
pub(crate) struct OpenedLog {
    /// The log.
    pub(crate) log: Arc<Log>,
    /// Of its directory.
    pub(crate) flusher: Arc<Flusher<Partition>>,
    /// Its directory, to delete it with.
    pub(crate) directory: usize,
}

/// What this broker is to the partition.
pub(super) enum Role {
    /// It leads.
    Leader(Box<Mutex<LeaderState>>),
    /// It follows `leader`, if there is one.
    Follower {
        /// Who leads.
        leader: Option<BrokerId>,
        /// In which epoch.
        leader_epoch: LeaderEpoch,
    },
    /// The topic was deleted.
    Gone,
}

/// What a partition needs of its surroundings.
#[derive(Clone)]
pub(crate) struct PartitionContext {
    /// This broker.
    pub(crate) broker_id: BrokerId,
    /// Time.
    pub(crate) clock: Arc<dyn clock::Clock>,
    /// Beginning of monotonic time.
    pub(crate) started: Instant,
    /// Flushes the log directory of the partition.
    pub(crate) flusher: Arc<Flusher<Partition>>,
    /// Takes proposals to the controller.
    pub(crate) isr: IsrChanges,
    /// `replica.lag.time.max.ms`.
    pub(crate) replica_lag_time_max_ms: i64,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
}

impl PartitionContext {
    pub(super) fn now_ms(&self) -> i64 {
        let uptime = self.clock.monotonic().saturating_duration_since(self.started);
        i64::try_from(uptime.as_millis()).unwrap_or(i64::MAX)
    }
}

/// One partition.
pub struct Partition {
    /// Topic name.
    pub topic: Arc<str>,
    /// Topic id.
    pub topic_id: TopicId,
    /// Index.
    pub index: i32,
    pub(super) context: PartitionContext,
    pub(super) log: Arc<Log>,
    /// Index of its log directory.
    pub(super) directory: usize,
    pub(super) settings: ArcSwap<TopicSettings>,
    pub(super) role: RwLock<Role>,
    pub(super) high_watermark: AtomicI64,
    pub(super) committed: OffsetWaiters,
    pub(super) flushed: OffsetWaiters,
    /// Fetches of followers: woken by appends.
    pub(super) appended: FetchWaiters,
    /// Fetches of consumers: woken when the high watermark moves.
    pub(super) readable: FetchWaiters,
    pub(super) offline: AtomicBool,
    /// Records that the leader had committed and this follower did not have when it last asked.
    pub(super) behind: AtomicI64,
    /// What is counted of its topic.
    pub(super) traffic: Arc<TopicTraffic>,
    flush_state: FlushState,
    unflushed_since_ms: AtomicI64,
    /// The disk was full at the last flush.
    flush_failed: AtomicBool,
}

impl fmt::Debug for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Partition({}-{})", self.topic, self.index)
    }
}

impl Partition {
    /// A partition whose log is open and whose role is not known yet. The high watermark comes from its checkpoint.
    pub(crate) fn new(
        (topic, topic_id, index): (Arc<str>, TopicId, i32),
        opened: OpenedLog,
        settings: TopicSettings,
        context: PartitionContext,
    ) -> Self {
        let OpenedLog { log, directory, .. } = opened;
        let high_watermark = log.high_watermark().clamp(log.log_start_offset(), log.log_end_offset());
        let traffic = context.metrics.traffic.of(&topic, context.now_ms());
        Self {
            topic,
            topic_id,
            index,
            context,
            log,
            directory,
            settings: ArcSwap::from_pointee(settings),
            role: RwLock::new(Role::Follower {
                leader: None,
                leader_epoch: LeaderEpoch(-1),
            }),
            high_watermark: AtomicI64::new(high_watermark),
            committed: OffsetWaiters::default(),
            flushed: OffsetWaiters::default(),
            appended: FetchWaiters::default(),
            readable: FetchWaiters::default(),
            offline: AtomicBool::new(false),
            behind: AtomicI64::new(0),
            traffic,
            flush_state: FlushState::default(),
            unflushed_since_ms: AtomicI64::new(NOTHING_UNFLUSHED),
            flush_failed: AtomicBool::new(false),
        }
    }

    /// Its log.
    #[cfg(test)]
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Everything below is on all in-sync replicas; consumers read up to here.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// First offset of the log.
    pub fn log_start_offset(&self) -> i64 {
        self.log.log_start_offset()
    }

    /// Offset of the next record to be appended.
    pub fn log_end_offset(&self) -> i64 {
        self.log.log_end_offset()
    }

    /// This broker leads the partition.
    pub fn is_leader(&self) -> bool {
        matches!(*self.role.read(), Role::Leader(_))
    }

    /// Epoch of the current leader as this broker knows it.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        match &*self.role.read() {
            Role::Leader(leader) => leader.lock().leader_epoch,
            Role::Follower { leader_epoch, .. } => *leader_epoch,
            Role::Gone => LeaderEpoch(-1),
        }
    }

    /// The topic's configuration.
    pub fn settings(&self) -> Arc<TopicSettings> {
        self.settings.load_full()
    }

    /// The topic's configuration has changed.
    pub(crate) fn configure(&self, settings: TopicSettings) {
        self.log.configure(settings.log.clone());
        self.settings.store(Arc::new(settings));
        // A smaller min.insync.replicas may let the high watermark go on.
        self.leader_changed();
    }

    /// The end of the log that counts towards the high watermark: what is flushed, or all of it where the topic leaves
    /// flushing to the page cache.
    pub(super) fn counted_end(&self) -> i64 {
        if self.settings.load().counts_only_flushed() {
            self.log.flushed_offset()
        } else {
            self.log.log_end_offset()
        }
    }

    pub(super) fn leader_settings(&self) -> LeaderSettings {
        LeaderSettings {
            min_insync_replicas: self.settings.load().min_insync_replicas,
            replica_lag_time_max_ms: self.context.replica_lag_time_max_ms,
        }
    }

    /// Takes the role that `state` gives this broker. True when it has just become leader.
    pub(crate) fn assume_role(&self, state: &PartitionState) -> Result<bool, PartitionError> {
        if state.leader == Some(self.context.broker_id) {
            return self.lead(state);
        }
        self.follow(state);
        Ok(false)
    }

    fn lead(&self, state: &PartitionState) -> Result<bool, PartitionError> {
        let now_ms = self.context.now_ms();
        let mut role = self.role.write();
        if let Role::Leader(leader) = &*role {
            let mut leader = leader.lock();
            if leader.leader_epoch == state.leader_epoch {
                self.commit(&mut leader, state, now_ms);
                drop(leader);
                drop(role);
                self.leader_changed();
                return Ok(false);
            }
        }
        // Nobody else led in between, so whoever waits here waits for the same as before.
        let leads_on =
            matches!(&*role, Role::Leader(leader) if leader.lock().leader_epoch.0 + 1 == state.leader_epoch.0);
        let end = self.log.log_end_offset();
        self.log.begin_leader_epoch(state.leader_epoch.0, end)?;
        let leader = LeaderState::new(self.context.broker_id, state, end, self.high_watermark(), now_ms);
        *role = Role::Leader(Box::new(Mutex::new(leader)));
        drop(role);
        if !leads_on {
            self.committed.fail(WaitFailure::NotLeader);
        }
        self.appended.wake();
        self.readable.wake();
        self.leader_changed();
        Ok(true)
    }

    /// The answer to a proposal of an ISR, which was based on these epochs.
    pub(crate) fn proposal_answered(
        &self,
        epochs: (LeaderEpoch, PartitionEpoch),
        answer: &Result<PartitionState, ControllerError>,
    ) {
        match answer {
            // The record may have come already.
            Ok(state) if state.partition_epoch > epochs.1 => self.isr_committed(state),
            Ok(_) | Err(ControllerError::IneligibleReplica(_) | ControllerError::InvalidRequest(_)) => {
                self.proposal_failed(epochs, LeaderState::proposal_refused);
            }
            // It may be about a state that an earlier proposal has led to, or about an answer that got lost.
            Err(_) => self.proposal_failed(epochs, LeaderState::proposal_in_doubt),
        }
    }

    /// The controller accepted a proposal. Only metadata records change roles, so anything but a newer state of the
    /// same leadership is left to them.
    fn isr_committed(&self, state: &PartitionState) {
        {
            let role = self.role.read();
            let Role::Leader(leader) = &*role else {
                return;
            };
            let mut leader = leader.lock();
            if leader.leader_epoch != state.leader_epoch || state.leader != Some(self.context.broker_id) {
                return;
            }
            self.commit(&mut leader, state, self.context.now_ms());
        }
        self.leader_changed();
    }

    fn commit(&self, leader: &mut LeaderState, state: &PartitionState, now_ms: i64) {
        let before = leader.isr().len();
        leader.commit(state, now_ms);
        self.context.metrics.isr_changed(before, leader.isr().len());
    }

    fn follow(&self, state: &PartitionState) {
        let mut role = self.role.write();
        if let Role::Follower { leader, leader_epoch } = &*role
            && (*leader, *leader_epoch) == (state.leader, state.leader_epoch)
        {
            // Only the ISR or the replicas have changed: whoever waits here waits for the same as before.
            return;
        }
        *role = Role::Follower {
            leader: state.leader,
            leader_epoch: state.leader_epoch,
        };
        drop(role);
        self.let_everybody_go();
    }

    /// The topic was deleted: nothing more is appended or read.
    pub(crate) fn retire(&self) {
        *self.role.write() = Role::Gone;
        self.let_everybody_go();
    }

    fn let_everybody_go(&self) {
        self.committed.fail(WaitFailure::NotLeader);
        self.flushed.fail(WaitFailure::NotLeader);
        self.appended.wake();
        self.readable.wake();
    }

    /// Something the high watermark or the ISR depends on has changed.
    pub(super) fn leader_changed(&self) {
        let role = self.role.read();
        if let Role::Leader(leader) = &*role {
            self.advance(&mut leader.lock());
        }
    }

    /// Moves the high watermark as far as it may go and tells everybody.
    pub(super) fn advance(&self, leader: &mut LeaderState) {
        let now_ms = self.context.now_ms();
        let eligible = |broker_id| self.context.isr.is_eligible(broker_id);
        if let Some(high_watermark) = leader.advance(self.counted_end(), self.leader_settings(), now_ms, eligible) {
            self.publish_high_watermark(high_watermark);
        }
    }

    /// Looks whether the ISR should change: a replica has caught up, or one has fallen behind.
    pub(crate) fn review_isr(self: &Arc<Self>) {
        let role = self.role.read();
        let Role::Leader(leader) = &*role else {
            return;
        };
        let now_ms = self.context.now_ms();
        let eligible = |broker_id, epoch| self.context.isr.may_join(broker_id, epoch);
        let mut leader = leader.lock();
        let proposal = leader.propose(self.log.log_end_offset(), self.leader_settings(), now_ms, eligible);
        if let Some(IsrProposal { partition_epoch, isr }) = proposal {
            let leader_epoch = leader.leader_epoch;
            let new_isr = leader.with_epochs(&isr, self.context.isr.own_epoch());
            drop(leader);
            self.context
                .isr
                .submit(Arc::clone(self), leader_epoch, partition_epoch, new_isr);
        }
    }

    fn proposal_failed(
        &self,
        (leader_epoch, partition_epoch): (LeaderEpoch, PartitionEpoch),
        note: impl FnOnce(&mut LeaderState, PartitionEpoch),
    ) {
        let role = self.role.read();
        if let Role::Leader(leader) = &*role {
            let mut leader = leader.lock();
            if leader.leader_epoch == leader_epoch {
                self.context.metrics.failed_isr_updates.mark(1);
                note(&mut leader, partition_epoch);
                self.advance(&mut leader);
            }
        }
    }

    /// Asks for a flush when the last one found no room on the disk: whoever began to wait after that hears of nothing else. Also
    /// when the oldest unflushed record may be older than `flush.ms`. The log does not remember when that was appended, so the first
    /// look only notes that there is something, and a later one flushes.
    pub(crate) fn flush_if_due(self: &Arc<Self>) {
        if self.flush_failed.swap(false, Ordering::AcqRel) {
            self.context.flusher.request(self);
            return;
        }
        let flush_ms = self.settings.load().flush_ms;
        if flush_ms == i64::MAX || self.log.unflushed_records() == 0 {
            self.unflushed_since_ms.store(NOTHING_UNFLUSHED, Ordering::Relaxed);
            return;
        }
        let now_ms = self.context.now_ms();
        let noted =
            self.unflushed_since_ms
                .compare_exchange(NOTHING_UNFLUSHED, now_ms, Ordering::Relaxed, Ordering::Relaxed);
        if noted.is_err_and(|since_ms| now_ms.saturating_sub(since_ms) >= flush_ms) || flush_ms == 0 {
            self.unflushed_since_ms.store(NOTHING_UNFLUSHED, Ordering::Relaxed);
            self.context.flusher.request(self);
        }
    }

    /// Deletes the segments that retention no longer keeps; gives their number.
    pub(crate) fn apply_retention(&self, now_ms: i64) -> Result<usize, PartitionError> {
        // Followers take over the leader's log start offset, but delete on their own too, as in Kafka.
        Ok(self.log.apply_retention(now_ms)?)
    }

    /// Compacts what is due; see [`Log::compact`](kafka_log::Log::compact).
    pub(crate) fn compact(&self, now_ms: i64) -> Result<Option<Compaction>, PartitionError> {
        Ok(self.log.compact(now_ms)?)
    }

    pub(super) fn publish_high_watermark(&self, high_watermark: i64) {
        self.high_watermark.fetch_max(high_watermark, Ordering::AcqRel);
        self.log.set_high_watermark(high_watermark);
        self.committed.advance(high_watermark);
        self.readable.wake();
    }
}

impl Flushable for Partition {
    fn flush_state(&self) -> &FlushState {
        &self.flush_state
    }

    fn flush(&self) {
        let begun = self.context.clock.monotonic();
        self.after_flush(begun, self.log.flush());
    }

    fn is_first_flush(&self) -> bool {
        self.log.is_unsettled()
    }

    fn flush_together(items: &[Arc<Self>]) {
        let Some(first) = items.first() else {
            return;
        };
        let begun = first.context.clock.monotonic();
        let logs: Vec<&Log> = items.iter().map(|item| &*item.log).collect();
        for (item, outcome) in items.iter().zip(Log::flush_together(&logs)) {
            item.after_flush(begun, outcome);
        }
    }
}

impl Partition {
    /// Tells those who wait for a flush that began at `begun` what came of it.
    fn after_flush(&self, begun: Instant, outcome: Result<i64, kafka_log::LogError>) {
        match outcome {
            Ok(end) => {
                self.context.metrics.flushed(begun, self.context.clock.monotonic());
                // The high watermark first: who hears that a record is safe may ask for the end at once.
                self.leader_changed();
                self.flushed.advance(end);
            }
            Err(error @ kafka_log::LogError::NoSpace { .. }) => {
                // It came before anything was flushed: nothing is unknown, and who asks again may find room.
                tracing::warn!(topic = %self.topic, partition = self.index, %error, "log not flushed: the disk is full");
                self.flush_failed.store(true, Ordering::Release);
                self.flushed.fail(WaitFailure::Storage);
                self.committed.fail(WaitFailure::Storage);
            }
            Err(error) => {
                // A failed fsync is never tried again ("fsyncgate").
                tracing::error!(topic = %self.topic, partition = self.index, %error, "log cannot be flushed: offline");
                self.offline.store(true, Ordering::Release);
                self.flushed.fail(WaitFailure::Storage);
                self.committed.fail(WaitFailure::Storage);
            }
        }
    }
}
