//! What a leader checks before it appends (`UnifiedLog.analyzeAndValidateRecords`, `LogValidator`). Runs outside of the
//! writer lock.

use std::borrow::Cow;

use kafka_codec::record_batch::{
    BatchError, BatchHeader, EndTransactionMarker, HEADER_BYTES, LENGTH_PREFIX_BYTES, NO_TIMESTAMP, Record,
    RecordBatch, TimestampType, batches,
};

use crate::{AppendOrigin, LeaderAppend, LogConfig, LogError, RecordRefusal, RefusalReason};

/// Largest body of a batch after decompression. Kafka has no bound; a producer's limit of 1 MiB is on the uncompressed
/// size, so this leaves much room and still keeps a bomb from filling the memory.
pub(crate) const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// Where the magic is in a batch, and in messages of before.
const MAGIC_OFFSET: usize = 16;

/// A batch that may be appended once it has its offset.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) header: BatchHeader,
    pub(super) body: Cow<'a, [u8]>,
    /// A control batch of a coordinator is one.
    pub(super) marker: Option<EndTransactionMarker>,
    /// The CRC has to be computed anew.
    stale_crc: bool,
}

impl Prepared<'_> {
    /// The header with its final offset and epoch.
    pub(super) fn finish(&mut self, base_offset: i64, append: LeaderAppend, timestamp_type: TimestampType) {
        self.header.base_offset = base_offset;
        self.header.partition_leader_epoch = append.leader_epoch;
        if timestamp_type == TimestampType::LogAppendTime {
            self.header = self.header.with_log_append_time(append.now_ms);
            self.stale_crc = true;
        }
        if self.stale_crc {
            self.header = self.header.with_computed_crc(&self.body);
            self.stale_crc = false;
        }
    }
}

/// Checks `records` and splits them into batches.
pub(super) fn prepare<'a>(
    records: &'a [u8],
    append: LeaderAppend,
    config: &LogConfig,
) -> Result<Vec<Prepared<'a>>, LogError> {
    let mut prepared = Vec::with_capacity(1);
    let mut walk = batches(records);
    while let Some(batch) = walk.next() {
        let batch = batch.map_err(|error| no_batch(error, &records[walk.position()..], prepared.is_empty()))?;
        if append.origin == AppendOrigin::Client {
            check_client_batch(&batch, config)?;
        }
        batch.verify_crc()?;
        prepared.push(prepare_batch(&batch, append, config)?);
    }
    match prepared.len() {
        0 => Err(LogError::NotOneBatch("there is none")),
        1 => Ok(prepared),
        // As in Kafka's ProduceRequest.validateRecords; the producer's sequence is checked for one batch.
        _ if append.origin == AppendOrigin::Client => Err(LogError::NotOneBatch("there is more than one")),
        _ => Ok(prepared),
    }
}

/// What bytes are that are no batch; as Kafka's ProduceRequest.validateRecords, which takes what is cut for nothing.
fn no_batch(error: BatchError, bytes: &[u8], is_first: bool) -> LogError {
    match (error, bytes.get(MAGIC_OFFSET)) {
        (BatchError::Truncated { .. }, _) if is_first => LogError::NotOneBatch("there is no whole one"),
        (_, Some(0 | 1)) => LogError::NotOneBatch("it is of an old format"),
        (error, _) => error.into(),
    }
}

fn check_client_batch(batch: &RecordBatch<'_>, config: &LogConfig) -> Result<(), LogError> {
    let header = batch.header();
    let (size, limit) = (header.size_in_bytes(), config.max_message_bytes);
    if size > limit {
        return Err(LogError::MessageTooLarge { size, limit });
    }
    let invalid = |reason: &str| Err(LogError::InvalidRecord(reason.to_owned()));
    if header.base_offset != 0 {
        return invalid("the base offset of a batch is for the broker to give");
    }
    if header.is_control() {
        return invalid("clients do not write control records");
    }
    if header.is_transactional() && !header.has_producer_id() {
        return invalid("records of a transaction need a producer id");
    }
    if header.records_count == 0 {
        return invalid("the batch has no records");
    }
    if header.has_producer_id() && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return invalid("an idempotent producer needs an epoch and a sequence number");
    }
    Ok(())
}

/// What records of clients have to be like in this log.
struct AllowedRecords {
    keys: bool,
    /// Of `CreateTime`, in milliseconds.
    oldest: i64,
    newest: i64,
}

impl AllowedRecords {
    fn of(config: &LogConfig, now_ms: i64) -> Self {
        let by_clients = config.message_timestamp_type == TimestampType::CreateTime;
        let bounds = (
            config.message_timestamp_before_max_ms,
            config.message_timestamp_after_max_ms,
        );
        let (before, after) = if by_clients { bounds } else { (i64::MAX, i64::MAX) };
        Self {
            keys: config.cleanup_policy.compact,
            oldest: if before == i64::MAX {
                i64::MIN
            } else {
                now_ms.saturating_sub(before)
            },
            newest: now_ms.saturating_add(after),
        }
    }

    /// The header alone does not say that all is well.
    const fn have_to_be_seen(&self, header: &BatchHeader) -> bool {
        self.keys || self.oldest != i64::MIN || header.max_timestamp > self.newest
    }

    /// As `LogValidator.validateRecord`, the key first.
    fn refusal(&self, batch_index: i32, record: &Record<'_>) -> Option<RecordRefusal> {
        let timestamp = record.timestamp;
        let reason = if self.keys && record.key.is_none() {
            RefusalReason::NoKey
        } else if timestamp != NO_TIMESTAMP && !(self.oldest..=self.newest).contains(&timestamp) {
            RefusalReason::Timestamp {
                timestamp,
                oldest: self.oldest,
                newest: self.newest,
            }
        } else {
            return None;
        };
        Some(RecordRefusal { batch_index, reason })
    }
}

fn prepare_batch<'a>(
    batch: &RecordBatch<'a>,
    append: LeaderAppend,
    config: &LogConfig,
) -> Result<Prepared<'a>, LogError> {
    let header = *batch.header();
    let unchanged = Prepared {
        header,
        body: Cow::Borrowed(batch.body()),
        marker: EndTransactionMarker::of(batch),
        stale_crc: false,
    };
    if append.origin != AppendOrigin::Client {
        return Ok(unchanged);
    }
    let compressed = header.compression().id() != 0;
    let target = config.compression.filter(|target| *target != header.compression());
    let allowed = AllowedRecords::of(config, append.now_ms);
    let looks_inside = allowed.have_to_be_seen(&header);
    if compressed && !config.verify_compressed_records && target.is_none() && !looks_inside {
        return Ok(unchanged);
    }
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    records.verify()?;
    if looks_inside {
        let mut refused = Vec::new();
        for (batch_index, record) in (0..).zip(&records) {
            refused.extend(allowed.refusal(batch_index, &record?));
        }
        if !refused.is_empty() {
            return Err(LogError::RefusedRecords(refused));
        }
    }
    let Some(target) = target else {
        return Ok(unchanged);
    };
    let body = target.compress_at(records.bytes(), config.compression_level)?;
    let mut header = header.with_compression(target);
    let length = HEADER_BYTES - LENGTH_PREFIX_BYTES + body.len();
    header.batch_length = i32::try_from(length).map_err(|_| LogError::MessageTooLarge {
        size: length,
        limit: config.max_message_bytes,
    })?;
    Ok(Prepared {
        header,
        body: Cow::Owned(body),
        marker: None,
        stale_crc: true,
    })
}
