//! Why a log refuses or fails.

use std::{fmt, io, path::PathBuf};

use kafka_codec::record_batch::{BatchError, CompressionError, RecordError};
use thiserror::Error;

/// A record of a batch that must not stand in this log, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRefusal {
    /// Which one of its batch, from zero.
    pub batch_index: i32,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a record must not stand in this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// INVALID_RECORD: a topic that is compacted, and no key.
    NoKey,
    /// INVALID_TIMESTAMP: a producer's timestamp is too far from now.
    Timestamp {
        /// Of the record, in milliseconds.
        timestamp: i64,
        /// Oldest that is allowed now.
        oldest: i64,
        /// Newest that is allowed now.
        newest: i64,
    },
}

impl RefusalReason {
    /// It is the time of the record that does not fit.
    pub const fn is_timestamp(self) -> bool {
        matches!(self, Self::Timestamp { .. })
    }
}

/// The texts of Kafka's `LogValidator`, which clients show.
impl fmt::Display for RecordRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            RefusalReason::NoKey => write!(f, "Compacted topic cannot accept message without key"),
            RefusalReason::Timestamp {
                timestamp,
                oldest,
                newest,
            } => write!(
                f,
                "Timestamp {timestamp} of message with offset {} is out of range. The timestamp should be within [{oldest}, {newest}]",
                self.batch_index
            ),
        }
    }
}

/// What `LogValidator` says of all of them.
fn summary(refused: &[RecordRefusal]) -> String {
    if refused.iter().any(|it| it.reason.is_timestamp()) {
        return "One or more records have been rejected due to invalid timestamp".to_owned();
    }
    let first: Vec<String> = refused.iter().take(3).map(ToString::to_string).collect();
    format!(
        "One or more records have been rejected due to {} record errors in total, and only showing the first three errors at most: {}",
        refused.len(),
        first.join(", ")
    )
}

/// Refusals and failures of one log. After any of them the log is as it was before the call.
#[derive(Debug, Error)]
pub enum LogError {
    // The records are wrong; the sender must not send them again as they are.
    /// MESSAGE_TOO_LARGE: a batch is larger than `max.message.bytes`.
    #[error("batch of {size} bytes exceeds max.message.bytes={limit}")]
    MessageTooLarge {
        /// Bytes of the batch.
        size: usize,
        /// `max.message.bytes`.
        limit: usize,
    },
    /// RECORD_LIST_TOO_LARGE: the batches do not fit into one segment.
    #[error("{size} bytes of batches exceed segment.bytes={limit}")]
    RecordListTooLarge {
        /// Bytes of all batches.
        size: usize,
        /// `segment.bytes`.
        limit: u64,
    },
    /// CORRUPT_MESSAGE: the bytes are no batches, or not those that were sent.
    #[error("records are corrupt")]
    Corrupt(#[from] BatchError),
    /// INVALID_RECORD: the batch holds something else than its header says, or what a producer must not send.
    #[error("records are invalid: {0}")]
    InvalidRecord(String),
    /// INVALID_RECORD: a producer sends one whole batch of the newest format, and nothing else.
    #[error("not one record batch: {0}")]
    NotOneBatch(&'static str),
    /// INVALID_RECORD: what is inside of the batch cannot be read.
    #[error("records cannot be read")]
    MalformedRecords(#[from] RecordError),
    /// INVALID_RECORD or INVALID_TIMESTAMP: some records of a batch must not stand in this log (KIP-467).
    #[error("{}", summary(.0))]
    RefusedRecords(Vec<RecordRefusal>),

    // The producer's state does not fit.
    /// INVALID_PRODUCER_EPOCH: another instance of the producer has taken over.
    #[error("producer {producer_id} has epoch {current}, the batch has {epoch}")]
    InvalidProducerEpoch {
        /// The producer.
        producer_id: i64,
        /// Of the batch.
        epoch: i16,
        /// Of the log.
        current: i16,
    },
    /// OUT_OF_ORDER_SEQUENCE_NUMBER: a batch is missing, or this one is too old to tell whether it is a duplicate.
    #[error("producer {producer_id} sent sequence {sequence} after {last}")]
    OutOfOrderSequence {
        /// The producer.
        producer_id: i64,
        /// First sequence number of the batch.
        sequence: i32,
        /// Last sequence number in the log; -1 when this epoch has none.
        last: i32,
    },

    /// INVALID_TXN_STATE: records of a transaction that is not open, or records outside of the one that is.
    #[error("producer {producer_id}: {reason}")]
    InvalidTransactionState {
        /// The producer.
        producer_id: i64,
        /// What does not fit.
        reason: &'static str,
    },
    /// TRANSACTION_COORDINATOR_FENCED: a newer coordinator has ended a later transaction of the producer.
    #[error("a marker for producer {producer_id} is of coordinator epoch {epoch}, the log has seen {current}")]
    CoordinatorFenced {
        /// The producer.
        producer_id: i64,
        /// Of the marker.
        epoch: i32,
        /// Newest in the log.
        current: i32,
    },

    // The reader or follower asks for, or brings, what does not fit.
    /// OFFSET_OUT_OF_RANGE.
    #[error("offset {offset} is outside of {log_start_offset}..={log_end_offset}")]
    OffsetOutOfRange {
        /// What was asked for.
        offset: i64,
        /// First offset of the log.
        log_start_offset: i64,
        /// End of the log.
        log_end_offset: i64,
    },
    /// Fetched batches do not continue the log.
    #[error("batch at offset {found} does not continue the log, which ends at {log_end_offset}")]
    UnexpectedOffset {
        /// Base offset of the batch.
        found: i64,
        /// End of the log.
        log_end_offset: i64,
    },

    // The disk. All of them are KAFKA_STORAGE_ERROR.
    /// The file system is full. Nothing was appended; the log goes on when there is room again.
    #[error("no space left for {path:?}")]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The disk failed; the log is offline from now on.
    #[error("{path:?} cannot be accessed")]
    Storage {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// What is stored is damaged. The log stays online: other records can be read.
    #[error("stored records in {path:?} are damaged")]
    Damaged {
        /// The directory of the log.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The disk failed earlier, or the log was closed or deleted.
    #[error("log {0:?} is offline")]
    Offline(PathBuf),
}

impl LogError {
    /// True when the log has to be given up: it is offline.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Storage { .. } | Self::Offline(_))
    }

    pub(crate) fn storage(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path, source },
            _ => Self::Storage { path, source },
        }
    }
}

impl From<CompressionError> for LogError {
    fn from(error: CompressionError) -> Self {
        Self::MalformedRecords(RecordError::Compression(error))
    }
}

/// Why a log directory cannot be used.
#[derive(Debug, Error)]
pub enum LogDirError {
    /// Another process has it.
    #[error("log directory {0:?} is in use by another process")]
    Locked(PathBuf),
    /// It belongs to another cluster or broker.
    #[error("log directory {path:?} has {property}={found}, expected {expected}")]
    WrongIdentity {
        /// The directory.
        path: PathBuf,
        /// `cluster.id` or `node.id`.
        property: &'static str,
        /// In `meta.properties`.
        found: String,
        /// What we are.
        expected: String,
    },
    /// It is encrypted, and no key is given.
    #[error("log directory {0:?} is encrypted, and no key is given")]
    KeyMissing(PathBuf),
    /// It is encrypted with another key.
    #[error("log directory {path:?} is encrypted with the key of fingerprint {found}, not with {given}")]
    WrongKey {
        /// The directory.
        path: PathBuf,
        /// Fingerprint in `encryption.properties`.
        found: String,
        /// Fingerprint of the key that was given.
        given: String,
    },
    /// A file in it is not what we wrote.
    #[error("file {path:?} is malformed: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A topic name that cannot be a directory, or a partition that is there already.
    #[error("partition {topic}-{partition} cannot be created: {reason}")]
    InvalidPartition {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What is wrong.
        reason: &'static str,
    },
    /// The disk failed.
    #[error("{path:?} cannot be accessed")]
    Storage {
        /// The file or directory.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A log in it failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl LogDirError {
    /// The file system is full.
    pub(crate) fn is_no_space(&self) -> bool {
        match self {
            Self::Storage { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Log(error) => matches!(error, LogError::NoSpace { .. }),
            _ => false,
        }
    }

    pub(crate) fn storage(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Storage {
            path: path.into(),
            source,
        }
    }
}
