//! The connection to the metadata controller, which lives in `serve`: registers, says every 250 ms that the broker
//! lives, asks on behalf of the rest of the broker, and carries out what the metadata says. While the controller is
//! away the broker goes on with what it knows.

mod apply;
mod client;
mod connection;
mod shutdown;

pub use client::ControllerClient;
pub(crate) use connection::{Incarnation, stay_connected};
pub(crate) use shutdown::controlled_shutdown;
