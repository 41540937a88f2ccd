//! A partition of an internal topic as a log of records: batches in and out.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kafka_codec::record_batch::{
    BatchError, BuildError, Compression, CompressionError, EndTransactionMarker, NO_SEQUENCE, RecordBatchBuilder,
    RecordError, batches,
};
use kafka_log::{AppendOrigin, LogError, VerificationGuard};
use kafka_metadata::LeaderEpoch;
use thiserror::Error;

use super::record_bytes::RecordFormatError;
use crate::partition::{
    AppendTerms, AppendedRange, Partition, PartitionError, ProducerIdentity, ReadBound, RequiredAcks, TransactionMarker,
};

/// Most bytes that one batch of the partition may hold when it is unpacked.
const DECOMPRESSED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long one look at the high watermark lasts; waiting itself has no end but the loss of leadership.
const COMMIT_WAIT: Duration = Duration::from_secs(60);

/// Why a partition cannot be loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("the partition cannot be read")]
    Partition(#[from] PartitionError),
    #[error("batch at offset {offset} is damaged")]
    Batch {
        offset: i64,
        #[source]
        source: BatchError,
    },
    #[error("batch at offset {offset} cannot be decompressed")]
    Decompress {
        offset: i64,
        #[source]
        source: CompressionError,
    },
    #[error("a record of the batch at offset {offset} is damaged")]
    Record {
        offset: i64,
        #[source]
        source: RecordError,
    },
    #[error("the log ends at {offset}, before {end_offset}")]
    Short { offset: i64, end_offset: i64 },
}

/// Why records cannot be appended.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    #[error("the records make no batch")]
    Build(#[from] BuildError),
    #[error("the partition refuses the records")]
    Partition(#[from] PartitionError),
}

impl WriteError {
    /// What clients are told, as in Kafka.
    pub(crate) fn failure(&self) -> WriteFailure {
        match self {
            // A full disk is not full for ever, and nothing was written.
            Self::Partition(
                PartitionError::NotEnoughReplicas { .. } | PartitionError::Log(LogError::NoSpace { .. }),
            ) => WriteFailure::NotAvailable,
            Self::Partition(
                PartitionError::NotLeader { .. }
                | PartitionError::FencedLeaderEpoch(_)
                | PartitionError::Storage
                | PartitionError::Log(LogError::Storage { .. } | LogError::Offline(_)),
            ) => WriteFailure::NotCoordinator,
            Self::Partition(PartitionError::Log(LogError::InvalidProducerEpoch { .. })) => WriteFailure::ProducerFenced,
            Self::Partition(PartitionError::Log(LogError::InvalidTransactionState { .. })) => {
                WriteFailure::NotInTransaction
            }
            Self::Partition(PartitionError::Log(LogError::CoordinatorFenced { .. })) => WriteFailure::CoordinatorFenced,
            Self::Partition(_) | Self::Build(_) => WriteFailure::Unwritable,
        }
    }
}

/// What a failed write means to whoever asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteFailure {
    /// Try again here.
    NotAvailable,
    /// Look for the coordinator.
    NotCoordinator,
    /// A newer instance of the transactional producer has taken over.
    ProducerFenced,
    /// The transaction that the records are of is not open.
    NotInTransaction,
    /// The marker is of an old coordinator.
    CoordinatorFenced,
    /// Give up.
    Unwritable,
}

/// A record of an internal topic.
pub(crate) trait CoordinatorRecord: Sized {
    /// Key and value; a tombstone has no value.
    fn encode(&self) -> (Bytes, Option<Bytes>);

    /// Reads a record; `None` for kinds that later versions of Kafka write and that are not needed here.
    fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Option<Self>, RecordFormatError>;
}

/// Records that count only when a transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transactional {
    /// Whose.
    pub(crate) producer: ProducerIdentity,
    /// Shows that the transaction is open, if these are its first records here.
    pub(crate) guard: Option<VerificationGuard>,
}

/// What loading comes by, in the order of the log.
#[derive(Debug)]
pub(crate) enum Loaded<R> {
    /// A record, and the producer in whose transaction it was written.
    Record(R, Option<ProducerIdentity>),
    /// The end of a producer's transaction, and whether it was committed.
    Marker(ProducerIdentity, bool),
}

/// Appends the records as one batch. They take effect once [`committed`] says so.
pub(crate) fn append<'a, R: CoordinatorRecord + 'a>(
    partition: &Arc<Partition>,
    leader_epoch: LeaderEpoch,
    records: impl Iterator<Item = &'a R>,
    transactional: Option<Transactional>,
    compression: Compression,
    now_ms: i64,
) -> Result<AppendedRange, WriteError> {
    let mut builder = RecordBatchBuilder::new().compression(compression);
    if let Some(Transactional { producer, .. }) = transactional {
        builder = builder
            .producer(producer.id, producer.epoch, NO_SEQUENCE)
            .transactional();
    }
    for record in records {
        let (key, value) = record.encode();
        builder.append(now_ms, Some(&key), value.as_deref(), &[]);
    }
    let batch: Bytes = builder.build()?.freeze();
    let terms = AppendTerms {
        required_epoch: Some(leader_epoch),
        acks: RequiredAcks::All,
        origin: AppendOrigin::Coordinator,
        guard: transactional.and_then(|it| it.guard),
    };
    Ok(partition.append_as_leader(batch, terms)?)
}

/// Appends the end of a transaction.
pub(crate) fn append_marker(
    partition: &Arc<Partition>,
    leader_epoch: LeaderEpoch,
    marker: TransactionMarker,
) -> Result<AppendedRange, WriteError> {
    Ok(partition.append_marker(marker, Some(leader_epoch))?)
}

/// Waits until the high watermark has passed `last_offset`, however long that takes; an error says that this broker no
/// longer leads.
pub(crate) async fn committed(
    partition: Arc<Partition>,
    leader_epoch: LeaderEpoch,
    last_offset: i64,
) -> Result<(), WriteFailure> {
    loop {
        match partition.wait_committed(last_offset, leader_epoch, COMMIT_WAIT).await {
            // Too few replicas now does not undo what the high watermark has passed.
            Ok(()) | Err(PartitionError::NotEnoughReplicasAfterAppend) => return Ok(()),
            Err(PartitionError::TimedOut) => {}
            Err(error) => return Err(WriteError::Partition(error).failure()),
        }
    }
}

/// Waits until everything that was in the partition when it got this leader is committed: what a former coordinator has
/// answered is there, though our high watermark may not know yet. Gives the end.
pub(crate) async fn caught_up(partition: Arc<Partition>, leader_epoch: LeaderEpoch) -> Result<i64, WriteFailure> {
    let end_offset = partition.log_end_offset();
    if end_offset > partition.log_start_offset() {
        committed(partition, leader_epoch, end_offset - 1).await?;
    }
    Ok(end_offset)
}

/// Reads everything up to `end_offset`, so many bytes at once or a batch that is larger, and hands the records to `each`. Blocks on the
/// disk.
pub(crate) fn load<R: CoordinatorRecord>(
    partition: &Partition,
    end_offset: i64,
    bytes_at_once: usize,
    mut each: impl FnMut(Loaded<R>),
) -> Result<(), LoadError> {
    let mut offset = partition.log_start_offset();
    while offset < end_offset {
        let bytes = partition.read(offset, bytes_at_once, ReadBound::LogEnd)?;
        let before = offset;
        for batch in batches(&bytes) {
            let batch = batch.map_err(|source| LoadError::Batch { offset, source })?;
            let header = batch.header();
            let producer = ProducerIdentity {
                id: header.producer_id,
                epoch: header.producer_epoch,
            };
            if header.next_offset() <= before {
                // It lies in front of what was asked for.
            } else if header.is_control() {
                if let Some(marker) = EndTransactionMarker::of(&batch) {
                    each(Loaded::Marker(producer, marker.committed));
                }
            } else {
                let records = batch.records(DECOMPRESSED_BYTES_MAX);
                let records = records.map_err(|source| LoadError::Decompress { offset, source })?;
                let producer = header.is_transactional().then_some(producer);
                for record in records.iter() {
                    let record = record.map_err(|source| LoadError::Record { offset, source })?;
                    if let Some(record) = read_record(offset, record.key, record.value) {
                        each(Loaded::Record(record, producer));
                    }
                }
            }
            offset = offset.max(header.next_offset());
        }
        if offset == before {
            return Err(LoadError::Short { offset, end_offset });
        }
    }
    Ok(())
}

/// A record that cannot be read is passed over: the others matter more than it does.
fn read_record<R: CoordinatorRecord>(offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Option<R> {
    R::decode(key, value).unwrap_or_else(|error| {
        tracing::warn!(offset, %error, "record of an internal topic cannot be read");
        None
    })
}

#[cfg(test)]
mod tests {
    use std::{io, path::PathBuf};

    use super::*;

    #[test]
    fn disks_that_are_full_or_broken_send_clients_away_to_come_again() {
        let path = || PathBuf::from("orders-0");
        let full = LogError::NoSpace {
            path: path(),
            source: io::ErrorKind::StorageFull.into(),
        };
        let broken = LogError::Offline(path());
        let failure = |error: LogError| WriteError::Partition(PartitionError::Log(error)).failure();
        assert_eq!(failure(full), WriteFailure::NotAvailable);
        assert_eq!(failure(broken), WriteFailure::NotCoordinator);
    }
}
