//! Desired state and operations in one SQLite file: write-ahead log, full sync. Observed state is asked for, never stored.

mod records;
mod secret_box;
mod store;

pub(crate) use records::{
    ClusterRecord, ClusterSettings, ClusterState, ConfigurationRecord, CreationRecord, OperationKind, OperationRecord,
    OperationState, RevisionRecord, ScramVerifier, SecretRecord,
};
pub(crate) use secret_box::SecretBox;
pub(crate) use store::{Record, Store, StoreError, Transaction};
