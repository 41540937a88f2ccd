//! The transaction coordinator (KIP-98, KIP-890).
//!
//! A request comes from its handler to `manager`, which knows the shard of the transactional id; `coordinator` is the task that
//! owns the shard; `shard` knows its transactions; `transaction` is one of them. The last two are plain values. What they want
//! written goes to `__transaction_state` in the formats of `record_format`; `markers` tells the leaders of a transaction's
//! partitions how it has ended. `participation` is the other side: leaders that ask whether a transaction they see is open.
//!
//! ```text
//!            InitProducerId            AddPartitions, Produce         EndTxn, or too long       all markers written
//!   (none) ────────────────► Empty ───────────────────────► Ongoing ───────────────────► Prepare… ──────────────────► Complete…
//!                              ▲                               ▲                                                         │
//!                              └──── InitProducerId ───────────┴──────────────── AddPartitions ──────────────────────────┘
//! ```

mod ask;
mod coordinator;
mod error;
mod manager;
mod markers;
mod participation;
mod record_format;
mod settings;
mod shard;
mod state;
mod transaction;

pub(crate) use ask::{AddPartitions, Ask, EndTransaction, InitProducer, TransactionDescription};
pub(crate) use error::TransactionError;
pub use manager::TransactionManager;
pub(crate) use markers::{EPOCH_BUMPING_VERSION, write as write_markers};
pub(crate) use participation::{Beginning, Participant, Participation, take_part};
pub(crate) use settings::{TRANSACTIONS_TOPIC, TransactionConfig};
pub(crate) use state::TransactionState;
pub(crate) use transaction::TransactionalId;
