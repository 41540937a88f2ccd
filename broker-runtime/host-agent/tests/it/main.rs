//! A host on this machine, with real processes.

#![allow(clippy::unwrap_used, reason = "a test may end with a panic, its stage too")]

mod local_host;
mod promises;
mod stage;
