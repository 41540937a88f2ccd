//! The control plane: the MSK API over HTTP, the operations behind it, and the reconcilers that carry them out.
//!
//! Folders are the order of events: [`http`] (with [`model`] for shapes and [`access`] for who may) → [`operations`] or
//! [`queries`] → [`reconcilers`] → [`store`]. Brokers are
//! reached through the [`engine::Engine`] this crate is given, and through nothing else.

mod access;
mod arn;
mod backup;
mod control_plane;
mod error;
mod http;
mod instance_types;
mod model;
mod operations;
mod queries;
mod reconcilers;
mod services;
mod store;
#[cfg(test)]
mod tests;
mod tls;

pub use backup::{BackupError, backup, restore};
pub use control_plane::{ApiListener, ControlPlane, ControlPlaneConfig, OpenError};
pub use tls::TlsFiles;
