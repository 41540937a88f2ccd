//! The default engine: our own brokers on this machine, each a process with a loopback address of its own, and the
//! metadata controller, which lives in this process.
//!
//! A cluster is a directory. [`EmbeddedEngine::ensure`](engine::Engine::ensure) makes it what the specification says, in
//! this order: `cluster` (directory, address block, authority) → `controller` (metadata log, socket) → `supervisor` (a
//! process a broker) → metadata (dynamic properties, SCRAM users) → rolling restart for what only a restart takes up.

mod acls;
pub mod addresses;
pub mod broker_config;
mod cluster;
pub mod controller;
mod engine;
mod hand_over;
mod log_delivery;
mod metadata_calls;
mod quotas;
mod replication;
mod scram;
mod topics;

pub use crate::engine::{EmbeddedEngine, EmbeddedEngineConfig};
