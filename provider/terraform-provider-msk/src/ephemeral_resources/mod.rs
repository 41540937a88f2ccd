//! The ephemeral resources: secrets that a run needs and no state keeps.

mod all;
mod client_configuration;
mod scram_password;

pub(crate) use all::all;
