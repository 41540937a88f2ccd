//! Supervision of real processes: shells that sleep, end, refuse to end, and a supervisor that is killed.

mod adopting;
mod restarting;
mod stage;
mod stopping;
