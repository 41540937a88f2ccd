//! What a producer is told of records that are not appended.

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::produce_response::{BatchIndexAndErrorMessage, PartitionProduceResponse},
};
use kafka_log::{LogError, RecordRefusal, RefusalReason};

use crate::{
    partition::{Partition, PartitionError},
    response::partition_error_code,
};

const UNKNOWN: i64 = -1;

/// Why the records of one partition are refused.
#[derive(Debug)]
pub(super) struct Refusal {
    code: ErrorCode,
    message: Option<StrBytes>,
    /// -1 where it says nothing.
    log_start_offset: i64,
    /// Those of the records that are to blame (KIP-467).
    records: Vec<RecordRefusal>,
    out_of_order_after: Option<i32>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: Option<StrBytes>) -> Self {
        Self {
            code,
            message,
            log_start_offset: UNKNOWN,
            records: Vec::new(),
            out_of_order_after: None,
        }
    }

    pub(super) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The last sequence number that the log has of the producer, where the batch does not follow it.
    pub(super) fn out_of_order_after(&self) -> Option<i32> {
        self.out_of_order_after
    }

    /// The partition, or its log, says no.
    pub(super) fn of(error: &PartitionError, partition: &Partition) -> Self {
        let code = partition_error_code(error);
        // A mistake in the records deserves its explanation; a change of leaders needs none.
        let message = (!code.is_retriable()).then(|| StrBytes::from(error.to_string()));
        let records = match error {
            PartitionError::Log(LogError::RefusedRecords(records)) => records.clone(),
            _ => Vec::new(),
        };
        Self {
            code,
            message,
            log_start_offset: if tells_log_start(error, code) {
                partition.log_start_offset()
            } else {
                UNKNOWN
            },
            records,
            out_of_order_after: match error {
                PartitionError::Log(LogError::OutOfOrderSequence { last, .. }) => Some(*last),
                _ => None,
            },
        }
    }

    /// The answer to the producer.
    pub(super) fn describe(&self, topic: &str, index: i32) -> PartitionProduceResponse {
        let mut entry = PartitionProduceResponse::default();
        entry.index = index;
        entry.error_code = self.code.code();
        entry.base_offset = UNKNOWN;
        entry.log_append_time_ms = UNKNOWN;
        entry.log_start_offset = self.log_start_offset;
        entry.error_message = self.message.clone();
        let records = self.records.iter().map(|record| {
            let mut error = BatchIndexAndErrorMessage::default();
            error.batch_index = record.batch_index;
            let text = match record.reason {
                RefusalReason::NoKey => format!("{record} in topic partition {topic}-{index}"),
                RefusalReason::Timestamp { .. } => record.to_string(),
            };
            error.batch_index_error_message = Some(StrBytes::from(text));
            error
        });
        entry.record_errors = records.collect();
        entry
    }
}

/// Whether Kafka says where the log begins (`ReplicaManager.appendRecordsToLeader`): not where it did not get as far as the log,
/// and not of batches that it does not take as such.
fn tells_log_start(error: &PartitionError, code: ErrorCode) -> bool {
    let is_one_batch = !matches!(error, PartitionError::Log(LogError::NotOneBatch(_)));
    is_one_batch
        && !matches!(
            code,
            ErrorCode::NotLeaderOrFollower
                | ErrorCode::MessageTooLarge
                | ErrorCode::RecordListTooLarge
                | ErrorCode::CorruptMessage
                | ErrorCode::KafkaStorageError
        )
}
