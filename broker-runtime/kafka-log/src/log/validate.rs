//! What a leader checks before it appends (`UnifiedLog.analyzeAndValidateRecords`, `LogValidator`). Runs outside of the
//! writer lock.

use std::borrow::Cow;

use kafka_codec::record_batch::{
    BatchHeader, EndTransactionMarker, HEADER_BYTES, LENGTH_PREFIX_BYTES, RecordBatch, TimestampType, batches,
};

use crate::{AppendOrigin, LeaderAppend, LogConfig, LogError};

/// Largest body of a batch after decompression. Kafka has no bound; a producer's limit of 1 MiB is on the uncompressed
/// size, so this leaves much room and still keeps a bomb from filling the memory.
pub(crate) const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

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
    for batch in batches(records) {
        let batch = batch?;
        if append.origin == AppendOrigin::Client {
            check_client_batch(&batch, config, append.now_ms)?;
        }
        batch.verify_crc()?;
        prepared.push(prepare_batch(&batch, append, config)?);
    }
    match prepared.len() {
        0 => Err(LogError::InvalidRecord("there is no batch".to_owned())),
        1 => Ok(prepared),
        // As in Kafka's ProduceRequest.validateRecords; the producer's sequence is checked for one batch.
        _ if append.origin == AppendOrigin::Client => {
            Err(LogError::InvalidRecord("there is more than one batch".to_owned()))
        }
        _ => Ok(prepared),
    }
}

fn check_client_batch(batch: &RecordBatch<'_>, config: &LogConfig, now_ms: i64) -> Result<(), LogError> {
    let header = batch.header();
    let (size, limit) = (header.size_in_bytes(), config.max_message_bytes);
    if size > limit {
        return Err(LogError::MessageTooLarge { size, limit });
    }
    let invalid = |reason: &str| Err(LogError::InvalidRecord(reason.to_owned()));
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
    if config.message_timestamp_type == TimestampType::CreateTime {
        let newest = now_ms.saturating_add(config.message_timestamp_after_max_ms);
        let oldest = now_ms.saturating_sub(config.message_timestamp_before_max_ms);
        let timestamp = header.max_timestamp;
        if timestamp > newest {
            return Err(LogError::InvalidTimestamp {
                timestamp,
                oldest,
                newest,
            });
        }
    }
    Ok(())
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
    let looks_inside = config.cleanup_policy.compact || config.message_timestamp_before_max_ms != i64::MAX;
    if compressed && !config.verify_compressed_records && target.is_none() && !looks_inside {
        return Ok(unchanged);
    }
    let records = batch.records(DECOMPRESSED_BYTES_MAX)?;
    records.verify()?;
    if looks_inside {
        let oldest = append.now_ms.saturating_sub(config.message_timestamp_before_max_ms);
        for record in &records {
            let record = record?;
            if config.cleanup_policy.compact && record.key.is_none() {
                return Err(LogError::InvalidRecord("a compacted topic needs keys".to_owned()));
            }
            if config.message_timestamp_type == TimestampType::CreateTime && record.timestamp < oldest {
                let newest = append.now_ms.saturating_add(config.message_timestamp_after_max_ms);
                return Err(LogError::InvalidTimestamp {
                    timestamp: record.timestamp,
                    oldest,
                    newest,
                });
            }
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
