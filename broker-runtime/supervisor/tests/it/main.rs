//! Supervision of real processes: shells that sleep, end, refuse to end, and a supervisor that is killed.

#![allow(clippy::unwrap_used, reason = "a test may end with a panic, its stage too")]

mod adopting;
mod restarting;
mod stage;
mod stopping;
