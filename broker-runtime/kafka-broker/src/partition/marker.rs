//! Transactions in one partition: markers that end them, what readers of committed records may see, and who has to be verified.

use std::sync::Arc;

use kafka_codec::record_batch::EndTransactionMarker;
use kafka_log::{AbortedTransaction, AppendOrigin, ProducerInfo, Records, VerificationGuard};
use kafka_metadata::LeaderEpoch;

use super::{
    append::{AppendTerms, AppendedRange, RequiredAcks},
    error::PartitionError,
    replica::Partition,
};

/// A producer, in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProducerIdentity {
    /// Its id.
    pub id: i64,
    /// Counts its lives; a smaller one is fenced.
    pub epoch: i16,
}

impl ProducerIdentity {
    /// No producer.
    pub const NONE: Self = Self { id: -1, epoch: -1 };
}

/// The end of a transaction, as its coordinator has decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionMarker {
    /// Whose transaction.
    pub producer: ProducerIdentity,
    /// What it wrote counts.
    pub committed: bool,
    /// Epoch of the coordinator.
    pub coordinator_epoch: i32,
    /// The marker has a newer epoch than the records (KIP-890).
    pub bumps_epoch: bool,
}

impl Partition {
    /// Appends the end of a transaction as leader.
    pub fn append_marker(
        self: &Arc<Self>,
        marker: TransactionMarker,
        required_epoch: Option<LeaderEpoch>,
    ) -> Result<AppendedRange, PartitionError> {
        let TransactionMarker { producer, .. } = marker;
        let batch = EndTransactionMarker {
            committed: marker.committed,
            coordinator_epoch: marker.coordinator_epoch,
        };
        let batch = batch.to_batch(producer.id, producer.epoch, self.context.clock.now_ms());
        let batch = batch.map_err(|_| PartitionError::Unwritable)?.freeze();
        let terms = AppendTerms {
            required_epoch,
            acks: RequiredAcks::All,
            origin: AppendOrigin::Marker {
                bumps_epoch: marker.bumps_epoch,
            },
            guard: None,
        };
        self.append_as_leader(batch, terms)
    }

    /// See [`Log::begin_verification`](kafka_log::Log::begin_verification).
    pub(crate) fn begin_verification(
        &self,
        producer: ProducerIdentity,
        sequence: i32,
        bumps_epoch: bool,
    ) -> Option<VerificationGuard> {
        let now_ms = self.context.clock.now_ms();
        self.log
            .begin_verification(producer.id, (producer.epoch, sequence), bumps_epoch, now_ms)
    }

    /// Where readers of committed records stop.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.log.last_stable_offset(self.high_watermark())
    }

    /// The aborted transactions that a reader of these records from `offset` on has to know of.
    pub(crate) fn aborted_in(&self, offset: i64, records: &Records) -> Vec<AbortedTransaction> {
        let end_offset = records.end_offset();
        end_offset.map_or_else(Vec::new, |end_offset| self.log.aborted_transactions(offset, end_offset))
    }

    /// Its log has something of this producer.
    pub(crate) fn has_producer(&self, producer_id: i64) -> bool {
        self.log.has_producer(producer_id)
    }

    /// The producers that this leader knows.
    pub(crate) fn producers(&self) -> Vec<ProducerInfo> {
        self.log.producers()
    }
}
