//! The broker as its peers see it: brokers in this process, the real controller's decisions, connections over loopback.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends with the first thing that is not as it should be"
)]

mod catching_up;
mod connections;
mod deleted_topics;
mod exporters;
mod groups;
mod hostile_frames;
mod replication;
mod sessions;
mod support;
mod transactions;
