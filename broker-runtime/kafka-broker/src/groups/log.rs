//! The offsets topic as a log of records: batches in and out of a partition.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kafka_codec::record_batch::{BatchError, BuildError, CompressionError, RecordBatchBuilder, RecordError, batches};
use kafka_log::AppendOrigin;
use kafka_metadata::LeaderEpoch;
use thiserror::Error;

use super::{error::GroupError, record_format::GroupRecord};
use crate::partition::{AppendedRange, Partition, PartitionError, ReadBound, RequiredAcks};

/// How much is read at a time while a partition is loaded.
const READ_BYTES: usize = 1024 * 1024;

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
    /// What members and clients are told, as in Kafka: to try again here, to look for the coordinator, or to give up.
    pub(crate) fn group_error(&self) -> GroupError {
        match self {
            Self::Partition(PartitionError::NotEnoughReplicas { .. }) => GroupError::CoordinatorNotAvailable,
            Self::Partition(
                PartitionError::NotLeader { .. } | PartitionError::FencedLeaderEpoch(_) | PartitionError::Storage,
            ) => GroupError::NotCoordinator,
            Self::Partition(_) | Self::Build(_) => GroupError::Unwritable,
        }
    }
}

/// Appends the records as one batch. They take effect once [`committed`] says so.
pub(crate) fn append<'a>(
    partition: &Arc<Partition>,
    leader_epoch: LeaderEpoch,
    records: impl Iterator<Item = &'a GroupRecord>,
    now_ms: i64,
) -> Result<AppendedRange, WriteError> {
    let mut builder = RecordBatchBuilder::new();
    for record in records {
        let (key, value) = record.encode();
        builder.append(now_ms, Some(&key), value.as_deref(), &[]);
    }
    let batch: Bytes = builder.build()?.freeze();
    let appended =
        partition.append_as_leader(batch, Some(leader_epoch), RequiredAcks::All, AppendOrigin::Coordinator)?;
    Ok(appended)
}

/// Waits until the high watermark has passed `last_offset`, however long that takes; an error says that this broker no
/// longer leads.
pub(crate) async fn committed(
    partition: Arc<Partition>,
    leader_epoch: LeaderEpoch,
    last_offset: i64,
) -> Result<(), GroupError> {
    loop {
        match partition.wait_committed(last_offset, leader_epoch, COMMIT_WAIT).await {
            // Too few replicas now does not undo what the high watermark has passed.
            Ok(()) | Err(PartitionError::NotEnoughReplicasAfterAppend) => return Ok(()),
            Err(PartitionError::TimedOut) => {}
            Err(error) => return Err(WriteError::Partition(error).group_error()),
        }
    }
}

/// Reads everything up to `end_offset` and hands the records to `each`. Blocks on the disk.
pub(crate) fn load(partition: &Partition, end_offset: i64, mut each: impl FnMut(GroupRecord)) -> Result<(), LoadError> {
    let mut offset = partition.log_start_offset();
    while offset < end_offset {
        let bytes = partition.read(offset, READ_BYTES, ReadBound::LogEnd)?;
        let before = offset;
        for batch in batches(&bytes) {
            let batch = batch.map_err(|source| LoadError::Batch { offset, source })?;
            let header = batch.header();
            if header.next_offset() > before && !header.is_control() {
                let records = batch.records(DECOMPRESSED_BYTES_MAX);
                let records = records.map_err(|source| LoadError::Decompress { offset, source })?;
                for record in records.iter() {
                    let record = record.map_err(|source| LoadError::Record { offset, source })?;
                    read_record(offset, record.key, record.value, &mut each);
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
fn read_record(offset: i64, key: Option<&[u8]>, value: Option<&[u8]>, each: &mut impl FnMut(GroupRecord)) {
    match GroupRecord::decode(key, value) {
        Ok(Some(record)) => each(record),
        Ok(None) => {}
        Err(error) => tracing::warn!(offset, %error, "record of the offsets topic cannot be read"),
    }
}
