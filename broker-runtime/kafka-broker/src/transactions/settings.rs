//! Server properties of the transaction coordinator, and its topic.

use std::collections::BTreeMap;

use crate::coordinator::{InternalTopic, number};

/// The topic of the transaction coordinator.
pub(crate) static TRANSACTIONS_TOPIC: InternalTopic = InternalTopic {
    name: "__transaction_state",
    partitions: ("transaction.state.log.num.partitions", 50),
    replication_factor: ("transaction.state.log.replication.factor", 3),
    segment_bytes: ("transaction.state.log.segment.bytes", 104_857_600),
    min_insync_replicas: Some(("transaction.state.log.min.isr", 2)),
    load_buffer_bytes: "transaction.state.log.load.buffer.size",
};

/// Limits that hold for every transactional id of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransactionConfig {
    /// `transaction.max.timeout.ms`
    pub(crate) timeout_max_ms: i32,
    /// `add.partitions.to.txn.retry.backoff.max.ms`: how long a question waits until the id is at rest.
    pub(crate) patience_ms: i64,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`
    pub(crate) abort_interval_ms: i64,
    /// `transactional.id.expiration.ms`
    pub(crate) expiration_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`
    pub(crate) expiration_interval_ms: i64,
}

impl TransactionConfig {
    /// Reads the static server properties.
    pub(crate) fn read(properties: &BTreeMap<String, String>) -> Self {
        Self {
            timeout_max_ms: number(properties, "transaction.max.timeout.ms", 900_000),
            patience_ms: number(properties, "add.partitions.to.txn.retry.backoff.max.ms", 100),
            abort_interval_ms: number(
                properties,
                "transaction.abort.timed.out.transaction.cleanup.interval.ms",
                10_000,
            ),
            expiration_ms: number(properties, "transactional.id.expiration.ms", 604_800_000),
            expiration_interval_ms: number(
                properties,
                "transaction.remove.expired.transaction.cleanup.interval.ms",
                3_600_000,
            ),
        }
    }
}
