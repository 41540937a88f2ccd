//! The data sources: each a question to the control plane, with its schema. `look_up` is what they share.

mod access;
mod all;
mod brokers;
mod clusters;
mod configurations;
mod hosts;
mod look_up;
mod topics;
mod versions;

pub(crate) use all::all;
