//! Reading: fetches of consumers and followers, and questions about offsets, timestamps and epochs.

use std::sync::Arc;

use bytes::Bytes;
use kafka_log::Records;
use kafka_metadata::{BrokerId, LeaderEpoch};

use super::{
    error::PartitionError,
    leader::FollowerFetch,
    replica::{Partition, Role},
    waiters::FetchWaiter,
};

/// How far a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBound {
    /// Records that all in-sync replicas have: consumers.
    HighWatermark,
    /// Such of them as lie below the first open transaction: consumers that read committed records only.
    LastStable,
    /// Everything: followers, and a coordinator that loads its own partition.
    LogEnd,
}

impl ReadBound {
    /// Of a consumer's `isolation_level`: 0 reads everything, 1 what is committed.
    pub(crate) fn of_isolation_level(isolation_level: i8) -> Self {
        if isolation_level == 0 {
            Self::HighWatermark
        } else {
            Self::LastStable
        }
    }
}

/// Where the logs of a follower and the leader part (KIP-595).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The largest epoch not above the follower's.
    pub epoch: i32,
    /// Where it ends in the leader's log.
    pub end_offset: i64,
}

/// The outcome of a read.
#[derive(Clone, Debug)]
pub struct ReadResult {
    /// Whole batches; the first contains the offset asked for.
    pub records: Records,
    /// At the time of the read.
    pub high_watermark: i64,
    /// At the time of the read.
    pub last_stable_offset: i64,
    /// At the time of the read.
    pub log_start_offset: i64,
    /// Set when the reader's log has another history than ours; there are no records then.
    pub divergence: Option<Divergence>,
    /// Where the reader is to read instead; there are no records then.
    pub preferred_replica: Option<BrokerId>,
}

/// One read.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest {
    /// First offset wanted.
    pub offset: i64,
    /// At most so many bytes.
    pub max_bytes: usize,
    /// The first batch is returned even if it is larger than `max_bytes` (KIP-74).
    pub at_least_one: bool,
    /// See [`ReadBound`].
    pub bound: ReadBound,
    /// Leader epoch the reader knows, -1 for none.
    pub current_leader_epoch: i32,
    /// Epoch of the last record the reader has, -1 for none.
    pub last_fetched_epoch: i32,
    /// A follower may answer (KIP-392).
    pub from_any_replica: bool,
}

impl Partition {
    /// Reads whole batches for a coordinator; needs no leadership.
    pub fn read(&self, offset: i64, max_bytes: usize, bound: ReadBound) -> Result<Bytes, PartitionError> {
        let (start, end) = (self.log_start_offset(), self.end(bound));
        if offset < start || offset > end {
            return Err(PartitionError::OffsetOutOfRange {
                offset,
                log_start_offset: start,
                end_offset: end,
            });
        }
        Ok(self.log.read(offset, max_bytes, end, true)?)
    }

    /// Answers a fetch, as leader or, where that will do, as a follower.
    pub(crate) fn fetch(&self, request: ReadRequest) -> Result<ReadResult, PartitionError> {
        let fetched = self.answer_fetch(request);
        if let Err(error) = &fetched {
            self.traffic.fetch_failed(error);
        }
        fetched
    }

    /// Records were sent to who asked for them.
    pub(crate) fn sent(&self, bytes: usize, follower: bool) {
        self.traffic.fetched(bytes, follower);
    }

    /// The in-sync follower among `brokers` that has most, if it has the offset; on the leader only.
    pub(crate) fn closest_replica(&self, brokers: &[BrokerId], offset: i64) -> Option<BrokerId> {
        match &*self.role.read() {
            Role::Leader(leader) => leader.lock().closest_replica(brokers, offset),
            _ => None,
        }
    }

    /// Sends a reader to another replica.
    pub(crate) fn send_to(&self, replica: BrokerId) -> ReadResult {
        ReadResult {
            preferred_replica: Some(replica),
            ..self.result(Records::default(), None)
        }
    }

    fn result(&self, records: Records, divergence: Option<Divergence>) -> ReadResult {
        ReadResult {
            records,
            high_watermark: self.high_watermark(),
            last_stable_offset: self.last_stable_offset(),
            log_start_offset: self.log_start_offset(),
            divergence,
            preferred_replica: None,
        }
    }

    fn answer_fetch(&self, request: ReadRequest) -> Result<ReadResult, PartitionError> {
        let role = self.role.read();
        match &*role {
            Role::Follower { leader_epoch, .. } if request.from_any_replica => {
                compare_epochs(request.current_leader_epoch, *leader_epoch)?;
            }
            _ => self.check_epoch(&role, request.current_leader_epoch)?,
        }
        if let Some(divergence) = self.divergence(request.offset, request.last_fetched_epoch)? {
            return Ok(self.result(Records::default(), Some(divergence)));
        }
        let (start, end) = (self.log_start_offset(), self.end(request.bound));
        if request.offset < start || request.offset > self.log_end_offset() {
            return Err(PartitionError::OffsetOutOfRange {
                offset: request.offset,
                log_start_offset: start,
                end_offset: end,
            });
        }
        let records = if request.offset >= end || (request.max_bytes == 0 && !request.at_least_one) {
            Records::default()
        } else if request.bound == ReadBound::LogEnd {
            // Other records may take the place of these.
            let read = self
                .log
                .read(request.offset, request.max_bytes, end, request.at_least_one)?;
            Records::InMemory(read)
        } else {
            self.log
                .find(request.offset, request.max_bytes, end, request.at_least_one)?
        };
        Ok(self.result(records, None))
    }

    fn divergence(&self, offset: i64, last_fetched_epoch: i32) -> Result<Option<Divergence>, PartitionError> {
        if last_fetched_epoch < 0 {
            return Ok(None);
        }
        let Some((epoch, end_offset)) = self.log.end_offset_for_epoch(last_fetched_epoch) else {
            return Err(PartitionError::OffsetOutOfRange {
                offset,
                log_start_offset: self.log_start_offset(),
                end_offset: self.log_end_offset(),
            });
        };
        let diverges = epoch < last_fetched_epoch || end_offset < offset;
        Ok(diverges.then_some(Divergence { epoch, end_offset }))
    }

    /// Notes that a follower has, flushed, everything below the offset it asks for. It says so with the leader epoch it
    /// follows and the epoch of its last record: from another history the offset would mean nothing.
    pub(crate) fn follower_fetched(
        self: &Arc<Self>,
        mut fetch: FollowerFetch,
        (current_leader_epoch, last_fetched_epoch): (i32, i32),
    ) {
        let review = {
            let role = self.role.read();
            let Role::Leader(leader) = &*role else {
                return;
            };
            let mut leader = leader.lock();
            fetch.leader_end = self.log_end_offset();
            let same_epoch = current_leader_epoch == leader.leader_epoch.0;
            let in_log = (self.log_start_offset()..=fetch.leader_end).contains(&fetch.offset);
            if !same_epoch || !in_log || !matches!(self.divergence(fetch.offset, last_fetched_epoch), Ok(None)) {
                return;
            }
            if !leader.on_fetch(fetch) {
                return;
            }
            self.advance(&mut leader);
            !leader.isr().contains(&fetch.broker_id)
        };
        if review {
            self.review_isr();
        }
    }

    /// `waiter` is woken when there may be more to read up to `bound`.
    pub(crate) fn wake_on_news(&self, bound: ReadBound, waiter: &Arc<FetchWaiter>) {
        match bound {
            ReadBound::HighWatermark | ReadBound::LastStable => self.readable.register(waiter),
            ReadBound::LogEnd => self.appended.register(waiter),
        }
    }

    /// End of what a reader may see.
    pub fn end(&self, bound: ReadBound) -> i64 {
        match bound {
            ReadBound::HighWatermark => self.high_watermark(),
            ReadBound::LastStable => self.last_stable_offset(),
            ReadBound::LogEnd => self.log_end_offset(),
        }
    }

    fn check_epoch(&self, role: &Role, current_leader_epoch: i32) -> Result<(), PartitionError> {
        let ours = match role {
            Role::Leader(leader) => leader.lock().leader_epoch,
            _ if current_leader_epoch < 0 => return Err(self.not_leader(role)),
            Role::Follower { leader_epoch, .. } => *leader_epoch,
            Role::Gone => return Err(self.not_leader(role)),
        };
        compare_epochs(current_leader_epoch, ours)?;
        if matches!(role, Role::Leader(_)) {
            Ok(())
        } else {
            Err(self.not_leader(role))
        }
    }

    /// Checks that this broker leads in the epoch a client names (-1 for any); gives the epoch.
    pub(crate) fn expect_leadership(&self, current_leader_epoch: i32) -> Result<LeaderEpoch, PartitionError> {
        let role = self.role.read();
        self.check_epoch(&role, current_leader_epoch)?;
        match &*role {
            Role::Leader(leader) => Ok(leader.lock().leader_epoch),
            _ => Err(self.not_leader(&role)),
        }
    }

    /// Where `epoch`, or the largest epoch below it, ends in this leader's log (`OffsetForLeaderEpoch`).
    pub(crate) fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        self.log.end_offset_for_epoch(epoch)
    }

    /// Epoch of the last record, -1 for an empty history.
    pub(crate) fn latest_epoch(&self) -> i32 {
        self.log.latest_epoch().unwrap_or(-1)
    }

    /// The lowest log start offset of all living replicas, as far as the leader knows.
    pub(crate) fn low_watermark(&self) -> Result<i64, PartitionError> {
        let role = self.role.read();
        let Role::Leader(leader) = &*role else {
            return Err(self.not_leader(&role));
        };
        let others = leader
            .lock()
            .lowest_log_start_offset(|broker_id| self.context.isr.is_eligible(broker_id));
        Ok(others.map_or(self.log_start_offset(), |others| others.min(self.log_start_offset())))
    }

    /// Bytes of the log.
    pub(crate) fn size_in_bytes(&self) -> u64 {
        self.log.size_in_bytes()
    }

    /// Index of the log directory.
    pub(crate) fn directory(&self) -> usize {
        self.directory
    }

    /// Timestamp, offset and epoch of the first record at or after `timestamp`.
    pub(crate) fn offset_for_timestamp(&self, timestamp: i64) -> Result<Option<(i64, i64, i32)>, PartitionError> {
        let found = self.log.offset_for_timestamp(timestamp)?;
        Ok(found.map(|found| (found.timestamp, found.offset, found.leader_epoch)))
    }

    /// Timestamp, offset and epoch of the record with the largest timestamp.
    pub(crate) fn max_timestamp(&self) -> Result<Option<(i64, i64, i32)>, PartitionError> {
        let found = self.log.offset_of_max_timestamp()?;
        Ok(found.map(|found| (found.timestamp, found.offset, found.leader_epoch)))
    }

    /// The end of what a consumer with this bound may read, once the high watermark has reached the start of this leader epoch:
    /// before that a new leader cannot know it.
    pub(crate) fn latest_offset(&self, bound: ReadBound) -> Result<i64, PartitionError> {
        let role = self.role.read();
        let Role::Leader(leader) = &*role else {
            return Err(self.not_leader(&role));
        };
        let high_watermark = self.high_watermark();
        if high_watermark < leader.lock().epoch_start_offset {
            return Err(PartitionError::OffsetNotAvailable);
        }
        Ok(self.end(bound))
    }
}

/// Whether a client knows the epoch of the leader; -1 says that it does not care.
fn compare_epochs(theirs: i32, ours: LeaderEpoch) -> Result<(), PartitionError> {
    let theirs = LeaderEpoch(theirs);
    if theirs.0 < 0 || theirs == ours {
        Ok(())
    } else if theirs < ours {
        Err(PartitionError::FencedLeaderEpoch(theirs))
    } else {
        Err(PartitionError::UnknownLeaderEpoch(theirs))
    }
}
