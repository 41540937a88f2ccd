//! Configuration of one log: the topic properties that matter to storage, as numbers.

use kafka_codec::record_batch::{Compression, TimestampType};

/// How old records go (`cleanup.policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Whole segments are deleted by `retention.ms` and `retention.bytes`.
    pub delete: bool,
    /// Only the last record of each key is kept.
    pub compact: bool,
}

/// Memory that compacting one log may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanerBuffers {
    /// Of keys that are learned in one pass, in bytes, with what each costs besides its own bytes (`log.cleaner.dedupe.buffer.size`,
    /// `log.cleaner.io.buffer.load.factor`). With more a pass gets further; keys that do not fit are learned by the next one.
    pub keys_bytes: usize,
    /// For reading, and as much again for writing (`log.cleaner.io.buffer.size`), in bytes. Larger batches get what they need.
    pub io_bytes: usize,
}

impl Default for CleanerBuffers {
    fn default() -> Self {
        Self {
            keys_bytes: 8 << 20,
            io_bytes: 1 << 20,
        }
    }
}

/// Topic configuration as the log uses it. Names are Kafka's; times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment is closed before it would become larger.
    pub segment_bytes: u64,
    /// `segment.ms`: a segment is closed when its first record is this old.
    pub segment_ms: i64,
    /// `preallocate`: room on the disk is set aside for a whole segment when its first batch has come.
    pub preallocate: bool,
    /// `segment.jitter.ms`: by so much a segment may be closed earlier, another time for each, so that logs which began together do
    /// not all begin their next segment at once.
    pub segment_jitter_ms: i64,
    /// `retention.ms`; `None` keeps records for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`; `None` does not bound the size.
    pub retention_bytes: Option<u64>,
    /// `max.message.bytes`: largest batch of a producer, as it came.
    pub max_message_bytes: usize,
    /// `index.interval.bytes`: distance of index entries.
    pub index_interval_bytes: u64,
    /// `segment.index.bytes`: a segment is closed when an index would become larger.
    pub segment_index_bytes: u64,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how much older than now a producer's timestamp may be.
    pub message_timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how much newer than now a producer's timestamp may be.
    pub message_timestamp_after_max_ms: i64,
    /// `compression.type`; `None` is `producer`: batches stay as they came.
    pub compression: Option<Compression>,
    /// `compression.gzip.level` or `compression.zstd.level`, as the codec is; `None` for the codec's own.
    pub compression_level: Option<i32>,
    /// `flush.messages`: who owns the log flushes it after so many records.
    pub flush_messages: i64,
    /// `flush.ms`: who owns the log flushes it when its oldest unflushed record is this old.
    pub flush_ms: i64,
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `min.cleanable.dirty.ratio`, in thousandths: the part of a log that has not been compacted, from which on it is.
    pub min_cleanable_dirty_permille: u64,
    /// `min.compaction.lag.ms`: records stay as they are for so long.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: records that are older are compacted whatever the ratio.
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`: a tombstone stays for so long after the records before it are gone.
    pub delete_retention_ms: i64,
    /// What compaction may take.
    pub cleaner: CleanerBuffers,
    /// `file.delete.delay.ms`: files of a segment that retention has deleted are removed after so long.
    pub file_delete_delay_ms: i64,
    /// `producer.id.expiration.ms`: state of an idempotent producer is forgotten after so long without a batch.
    pub producer_id_expiration_ms: i64,
    /// Decompress a producer's batches to check what is in them, as Kafka does. Without it a broken producer can store
    /// records nobody can read.
    pub verify_compressed_records: bool,
}

impl Default for LogConfig {
    /// Kafka's defaults, except that every record is flushed before it counts (`flush.messages=1`).
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY_MS,
            preallocate: false,
            segment_jitter_ms: 0,
            retention_ms: Some(7 * DAY_MS),
            retention_bytes: None,
            max_message_bytes: 1_048_588,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: 60 * 60 * 1000,
            compression: None,
            compression_level: None,
            flush_messages: 1,
            flush_ms: i64::MAX,
            cleanup_policy: CleanupPolicy {
                delete: true,
                compact: false,
            },
            min_cleanable_dirty_permille: 500,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: DAY_MS,
            cleaner: CleanerBuffers::default(),
            file_delete_delay_ms: 60_000,
            producer_id_expiration_ms: DAY_MS,
            verify_compressed_records: true,
        }
    }
}
