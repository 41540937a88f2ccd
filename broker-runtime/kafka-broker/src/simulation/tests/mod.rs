//! A cluster in one thread, for tests: real partitions on real logs, the real controller, and everything between them made of
//! chance that a seed decides. Disks forget what was not flushed, messages are late, lost and doubled, processes are killed,
//! links are cut, clocks jump. What must never happen is looked for after every step.
//!
//! ```text
//!   producers ──► network ──► nodes: partitions, logs, leaders' views     (production code)
//!                    ▲          │ fetches, proposals of ISRs
//!                    └──────────┴──► controller: decide(image, event)     (production code)
//! ```
//!
//! What is played and not run: sockets, sessions of fetches, and the tasks that carry messages. One seed is one run, always
//! the same.

mod checker;
mod clock;
mod disk;
mod network;
mod node;
mod producers;
mod reader;
mod steps;
mod world;

#[cfg(test)]
mod tests;
