//! Appending: producers and coordinators to the leader, fetched records to a follower; and waiting until an append is
//! flushed or committed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use kafka_log::{AppendOrigin, LeaderAppend, VerificationGuard};
use kafka_metadata::LeaderEpoch;
use tokio::sync::oneshot;

use super::{
    error::PartitionError,
    replica::{Partition, Role},
    waiters::WaitFailure,
};

/// Who acknowledges a produce request (`acks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredAcks {
    /// Nobody.
    None,
    /// The leader, once the records are as safe as the topic asks for.
    Leader,
    /// All in-sync replicas.
    All,
}

/// On which terms records are appended as leader.
#[derive(Clone, Copy, Debug)]
pub struct AppendTerms {
    /// Only in this epoch.
    pub required_epoch: Option<LeaderEpoch>,
    /// See [`RequiredAcks`].
    pub acks: RequiredAcks,
    /// See [`AppendOrigin`].
    pub origin: AppendOrigin,
    /// Shows that a transaction that begins here was verified.
    pub guard: Option<VerificationGuard>,
}

/// Where records ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendedRange {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Offset of the last record.
    pub last_offset: i64,
    /// Time of the append if the topic has `LogAppendTime`, else -1.
    pub log_append_time_ms: i64,
    /// First offset of the log.
    pub log_start_offset: i64,
    /// The epoch it was appended in.
    pub leader_epoch: LeaderEpoch,
}

impl Partition {
    /// Appends a client's or a coordinator's batches as leader. Nothing is appended with an error. With
    /// [`RequiredAcks::All`] the ISR has to be large enough before.
    pub fn append_as_leader(
        self: &Arc<Self>,
        records: Bytes,
        terms: AppendTerms,
    ) -> Result<AppendedRange, PartitionError> {
        let bytes = records.len();
        let appended = self.lead_append(records, terms);
        let count = appended.as_ref().map(|range| range.last_offset - range.base_offset + 1);
        self.traffic.produced(bytes, count);
        appended
    }

    fn lead_append(self: &Arc<Self>, records: Bytes, terms: AppendTerms) -> Result<AppendedRange, PartitionError> {
        let role = self.role.read();
        let Role::Leader(leader) = &*role else {
            return Err(self.not_leader(&role));
        };
        let leader_epoch = {
            let leader = leader.lock();
            if terms
                .required_epoch
                .is_some_and(|required| required != leader.leader_epoch)
            {
                return Err(PartitionError::NotLeader {
                    leader: None,
                    leader_epoch: leader.leader_epoch,
                });
            }
            let settings = self.leader_settings();
            if terms.acks == RequiredAcks::All && leader.is_under_min_isr(settings) {
                let (in_sync, required) = (leader.isr().len(), leader.required_isr(settings));
                return Err(PartitionError::NotEnoughReplicas { in_sync, required });
            }
            leader.leader_epoch
        };
        if self.offline.load(Ordering::Acquire) {
            return Err(PartitionError::Storage);
        }
        let now_ms = self.context.clock.now_ms();
        let appended = self.log.append_as_leader(
            records,
            LeaderAppend {
                leader_epoch: leader_epoch.0,
                origin: terms.origin,
                now_ms,
                guard: terms.guard,
            },
        )?;
        self.after_append();
        if !self.settings.load().counts_only_flushed() {
            self.advance(&mut leader.lock());
        }
        drop(role);
        self.appended.wake();
        Ok(AppendedRange {
            base_offset: appended.base_offset,
            last_offset: appended.last_offset,
            log_append_time_ms: appended.log_append_time_ms.unwrap_or(-1),
            log_start_offset: self.log.log_start_offset(),
            leader_epoch,
        })
    }

    /// Appends what was fetched from the leader of `leader_epoch`, byte for byte.
    pub(crate) fn append_as_follower(
        self: &Arc<Self>,
        records: Bytes,
        leader_epoch: LeaderEpoch,
    ) -> Result<(), PartitionError> {
        let role = self.role.read();
        self.expect_follower(&role, leader_epoch)?;
        if self.offline.load(Ordering::Acquire) {
            return Err(PartitionError::Storage);
        }
        let bytes = records.len();
        self.log.append_as_follower(records)?;
        self.traffic.replicated(bytes);
        self.after_append();
        Ok(())
    }

    /// Takes over what the leader says about the whole partition.
    pub(crate) fn follow_leader_offsets(
        &self,
        leader_epoch: LeaderEpoch,
        high_watermark: i64,
        log_start_offset: i64,
    ) -> Result<(), PartitionError> {
        let role = self.role.read();
        self.expect_follower(&role, leader_epoch)?;
        let end = self.log.log_end_offset();
        self.behind.store((high_watermark - end).max(0), Ordering::Relaxed);
        let high_watermark = high_watermark.min(end);
        if high_watermark > self.high_watermark() {
            self.publish_high_watermark(high_watermark);
        }
        if log_start_offset > self.log.log_start_offset() {
            self.log.advance_log_start_offset(log_start_offset)?;
        }
        Ok(())
    }

    /// Cuts off everything from `offset` on: it was never committed (KIP-101).
    pub(crate) fn truncate(&self, leader_epoch: LeaderEpoch, offset: i64) -> Result<(), PartitionError> {
        let role = self.role.write();
        self.expect_follower(&role, leader_epoch)?;
        self.log.truncate_to(offset)?;
        self.high_watermark
            .fetch_min(self.log.log_end_offset(), Ordering::AcqRel);
        Ok(())
    }

    /// Empties the log; it begins again at `offset`, where the leader's log begins.
    pub(crate) fn restart_at(&self, leader_epoch: LeaderEpoch, offset: i64) -> Result<(), PartitionError> {
        let role = self.role.write();
        self.expect_follower(&role, leader_epoch)?;
        self.log.truncate_fully_and_start_at(offset)?;
        self.high_watermark.store(offset, Ordering::Release);
        Ok(())
    }

    /// Makes everything below `offset` unreadable, on the leader; -1 for everything committed. Gives the offset.
    pub(crate) fn delete_records(&self, offset: i64) -> Result<i64, PartitionError> {
        let role = self.role.read();
        if !matches!(&*role, Role::Leader(_)) {
            return Err(self.not_leader(&role));
        }
        let policy = self.log.config().cleanup_policy;
        if policy.compact && !policy.delete {
            return Err(PartitionError::KeptByPolicy);
        }
        let high_watermark = self.high_watermark();
        let offset = if offset == -1 { high_watermark } else { offset };
        if !(0..=high_watermark).contains(&offset) {
            let log_start_offset = self.log.log_start_offset();
            return Err(PartitionError::OffsetOutOfRange {
                offset,
                log_start_offset,
                end_offset: high_watermark,
            });
        }
        self.log.advance_log_start_offset(offset)?;
        Ok(offset)
    }

    fn expect_follower(&self, role: &Role, leader_epoch: LeaderEpoch) -> Result<(), PartitionError> {
        match role {
            Role::Follower {
                leader_epoch: current, ..
            } if *current == leader_epoch => Ok(()),
            _ => Err(PartitionError::FencedLeaderEpoch(leader_epoch)),
        }
    }

    fn after_append(self: &Arc<Self>) {
        let settings = self.settings.load();
        if settings.counts_only_flushed() || self.log.unflushed_records() >= settings.flush_messages {
            self.context.flusher.request(self);
        }
    }

    /// Asks for a flush now, whatever the settings say.
    pub(crate) fn request_flush(self: &Arc<Self>) {
        self.context.flusher.request(self);
    }

    /// Waits until the high watermark has passed `last_offset`, at most `timeout`. The append was made in `leader_epoch`.
    pub async fn wait_committed(
        &self,
        last_offset: i64,
        leader_epoch: LeaderEpoch,
        timeout: Duration,
    ) -> Result<(), PartitionError> {
        let end = last_offset + 1;
        if self.high_watermark() < end {
            let waiting = self.committed.register(end);
            // The high watermark or the role may have changed just before we stood in line.
            self.expect_leader(leader_epoch)?;
            if self.high_watermark() < end {
                self.wait(waiting, timeout).await?;
            }
        }
        let role = self.role.read();
        match &*role {
            Role::Leader(leader) if leader.lock().is_under_min_isr(self.leader_settings()) => {
                Err(PartitionError::NotEnoughReplicasAfterAppend)
            }
            _ => Ok(()),
        }
    }

    /// The whole log is as safe on this broker as the topic asks for.
    pub(crate) fn is_flushed(&self) -> bool {
        self.counted_end() >= self.log_end_offset()
    }

    /// Waits until `last_offset` is as safe on this broker as the topic asks for.
    pub async fn wait_flushed(&self, last_offset: i64, timeout: Duration) -> Result<(), PartitionError> {
        let end = last_offset + 1;
        let waiting = (self.counted_end() < end).then(|| self.flushed.register(end));
        match waiting {
            // Nobody flushes it any more, and whoever waits for it keeps others waiting.
            Some(_) if self.counted_end() < end && !self.is_online() => Err(PartitionError::Storage),
            Some(waiting) if self.counted_end() < end => self.wait(waiting, timeout).await,
            _ => {
                // Flushed a moment ago, and maybe nobody has looked at the high watermark since.
                self.leader_changed();
                Ok(())
            }
        }
    }

    async fn wait(
        &self,
        waiting: oneshot::Receiver<Result<(), WaitFailure>>,
        timeout: Duration,
    ) -> Result<(), PartitionError> {
        match tokio::time::timeout(timeout, waiting).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(WaitFailure::Storage))) => Err(PartitionError::Storage),
            Ok(Ok(Err(WaitFailure::NotLeader)) | Err(_)) => Err(self.not_leader(&self.role.read())),
            Err(_) => Err(PartitionError::TimedOut),
        }
    }

    fn expect_leader(&self, leader_epoch: LeaderEpoch) -> Result<(), PartitionError> {
        let role = self.role.read();
        match &*role {
            Role::Leader(leader) if leader.lock().leader_epoch == leader_epoch => Ok(()),
            _ => Err(self.not_leader(&role)),
        }
    }

    pub(super) fn not_leader(&self, role: &Role) -> PartitionError {
        match role {
            Role::Leader(leader) => PartitionError::NotLeader {
                leader: Some(self.context.broker_id),
                leader_epoch: leader.lock().leader_epoch,
            },
            Role::Follower { leader, leader_epoch } => PartitionError::NotLeader {
                leader: *leader,
                leader_epoch: *leader_epoch,
            },
            Role::Gone => PartitionError::NotLeader {
                leader: None,
                leader_epoch: LeaderEpoch(-1),
            },
        }
    }
}
