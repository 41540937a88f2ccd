//! The binary as a whole: real broker processes under the embedded engine.
#![allow(clippy::unwrap_used, reason = "a test may end with a panic, its stage too")]

mod certificates;
mod conformance;
mod hosts;
#[path = "../../../host-agent/tests/it/promises.rs"]
mod promises;
mod real_brokers;
mod runtime;
mod take_over;
