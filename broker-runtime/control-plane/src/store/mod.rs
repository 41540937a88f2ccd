//! Desired state and operations in one SQLite file: write-ahead log, full sync. Observed state is asked for, never stored.

mod flusher;
mod host_records;
mod identity_records;
mod records;
mod secret_box;
mod store;

pub(crate) use host_records::{HostRecord, HostTokenRecord, TokenUse};
pub(crate) use identity_records::{AccessKeyRecord, ClientAuthorityRecord, PrincipalRecord};
pub(crate) use records::{
    ClusterPolicy, ClusterRecord, ClusterSettings, ClusterState, ConfigurationRecord, CreationRecord, OperationKind,
    OperationRecord, OperationState, RevisionRecord, ScramVerifier, SecretRecord, default_engine,
};
pub(crate) use secret_box::SecretBox;
pub(crate) use store::{Record, Store, StoreError, Transaction, copy_file};
