//! A machine as a host: [`LocalHost`] keeps files and runs processes of units on this machine, over the supervisor. It knows
//! nothing of what the processes do.

mod local;

pub use local::{LocalHost, LocalHostConfig};
