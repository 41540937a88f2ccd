//! One Kafka broker: connection, dispatch, handlers, groups, transactions, partition, replication, response, security.
//!
//! A Produce request passes the folders in this order: `connection` (accept, TLS, frames) → `dispatch` (header, table of
//! APIs) → `handlers` (one file an API) → `partition` (leader? ISR big enough? append, flush, high watermark) →
//! `replication` (followers fetch) → `response` (errors become Kafka codes, replies go out in request order).
//! `groups` and `transactions` are what clients coordinate through; what both have in common is in `coordinator`.
//! `controller` keeps the connection to the metadata controller and carries out what the metadata says. `metrics` is what
//! all of them count, `exporters` shows it to Prometheus. `maintenance` does what is due from time to time, and the `cleaner` compacts.

pub mod broker;
mod cleaner;
pub mod config;
mod connection;
mod controller;
mod coordinator;
pub mod dispatch;
mod error;
mod exporters;
pub mod groups;
mod handlers;
mod kafka_version;
pub mod loggers;
mod maintenance;
mod metadata;
mod metrics;
pub mod partition;
mod peers;
mod producer_ids;
mod quotas;
mod replication;
mod response;
mod run;
pub mod security;
mod settings;
#[cfg(test)]
#[path = "simulation/tests/mod.rs"]
mod simulation;
pub mod transactions;

pub use config::BrokerConfig;
pub use error::BrokerError;
pub use run::{run, run_until};
