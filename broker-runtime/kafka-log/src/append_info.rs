//! What goes into an append besides the records, and what comes out.

/// Where a leader's records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A producer: everything is checked, and there is one batch at most with a producer id.
    Client,
    /// A coordinator of this broker: `max.message.bytes` does not apply, control records may come.
    Coordinator,
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
}
