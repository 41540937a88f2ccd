//! Hosts the metadata controller of one cluster: its log on disk, the socket that brokers connect to, and the task that
//! owns the image. What is decided is decided in `kafka_metadata::controller`; here are the disk, the clock and the sockets.
//!
//! ```text
//!   broker ──socket──► connection ──┐                        ┌──► metadata log (flushed)
//!   broker ──socket──► connection ──┼─commands─► core (task) ┤
//!   engine ────────────── handle ───┘                        └──► image, records to brokers, answers
//! ```

mod command;
mod connection;
mod core;
mod frame;
mod handle;
mod liveness;
mod log;
mod logins;
mod readers;
mod socket;
mod subscribers;

#[cfg(test)]
mod tests;

pub use handle::{Controller, ControllerConfig, ControllerStartError};
pub use log::{LogError, read_image};
pub use logins::Logins;
pub use socket::{bind_unix, connect_unix};
