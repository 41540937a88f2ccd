//! The control plane: the MSK API over HTTP, the operations behind it, and the reconcilers that carry them out.
//!
//! Folders are the order of events: [`http`] → [`operations`] or [`queries`] → [`reconcilers`] → [`store`]. Brokers are
//! reached through the [`engine::Engine`] this crate is given, and through nothing else.

mod arn;
mod control_plane;
mod error;
mod http;
mod operations;
mod queries;
mod reconcilers;
mod services;
mod store;
#[cfg(test)]
mod tests;

pub use control_plane::{ControlPlane, ControlPlaneConfig, OpenError};
