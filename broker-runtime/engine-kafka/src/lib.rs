//! The engine that runs Apache Kafka: brokers and controllers in KRaft mode, from Apache's own jars, on the hosts of a fleet.
//!
//! [`KafkaEngine::ensure`](engine::Engine::ensure) makes a cluster what its specification says, in this order: `placement`
//! (which host has which node, written down before anything is started) → `bundle` (the jars, verified) → `cluster` (files,
//! formatting and processes on the hosts) → `admin` (what is said over Kafka's own protocol: dynamic properties, SCRAM users,
//! moves of replicas) → a rolling restart for what only a restart takes up.
//!
//! What is written down of a cluster is a directory on the machine of the control plane: `cluster.json`, the authority of the
//! cluster, and the certificate by which its nodes know the control plane. Everything else is in units on the hosts.

mod admin;
mod administration;
mod adoption;
mod blocking;
mod bundle;
mod classes;
mod cluster;
mod description;
mod engine;
mod errors;
mod format;
mod jmx_exporter;
mod launch;
mod leftovers;
mod log_dirs;
mod node_exporter;
mod node_properties;
mod placement;
mod places;
mod ports;
mod releases;
mod take_over;
mod validate;

pub use crate::{
    bundle::{create as create_bundle, verify as verify_bundle},
    engine::{KafkaEngine, KafkaEngineConfig},
    launch::{JAVA_MIN, java_version},
    releases::{RELEASES, Release},
};
