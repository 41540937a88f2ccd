//! What goes into an append besides the records, and what comes out.

use crate::VerificationGuard;

/// Where a leader's records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A producer: everything is checked, and there is one batch at most with a producer id.
    Client,
    /// A coordinator of this broker: `max.message.bytes` does not apply.
    Coordinator,
    /// A transaction coordinator, through its markers.
    Marker {
        /// See KIP-890: the marker has a newer epoch than the records of the transaction.
        bumps_epoch: bool,
    },
}

/// How a leader appends.
#[derive(Clone, Copy, Debug)]
pub struct LeaderAppend {
    /// Epoch of the leader, written into every batch.
    pub leader_epoch: i32,
    /// See [`AppendOrigin`].
    pub origin: AppendOrigin,
    /// Unix time in milliseconds.
    pub now_ms: i64,
    /// From [`Log::begin_verification`](crate::Log::begin_verification), for records that may begin a transaction.
    pub guard: Option<VerificationGuard>,
}

/// Where records ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendInfo {
    /// Offset of the first record. Of a duplicate: where it was stored the first time.
    pub base_offset: i64,
    /// Offset of the last record.
    pub last_offset: i64,
    /// The time of the append, when the topic has `LogAppendTime`.
    pub log_append_time_ms: Option<i64>,
    /// First offset of the log.
    pub log_start_offset: i64,
    /// The log had this batch already; nothing was appended.
    pub duplicate: bool,
    /// A segment was closed. Its owner should flush soon: recovery reads everything that is not flushed.
    pub rolled: bool,
}

/// A record found by its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampedOffset {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in milliseconds.
    pub timestamp: i64,
    /// Leader epoch of its batch.
    pub leader_epoch: i32,
}

/// An idempotent producer, as `DescribeProducers` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerInfo {
    /// Its id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Last sequence number.
    pub last_sequence: i32,
    /// Timestamp of its last batch in milliseconds.
    pub last_timestamp: i64,
    /// Epoch of the coordinator that ended its last transaction; -1 when none has ended.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction.
    pub transaction_first_offset: Option<i64>,
}
