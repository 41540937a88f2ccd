//! Terraform plugin protocol 6 in Rust: handshake, values, schemas, planning, guards. Knows nothing of Kafka.
//!
//! A provider implements [`Provider`] and one [`Resource`] a resource type; [`serve`] does the rest. What happens to
//! a request: `handshake/` (start, TLS) → `protocol/` (one file an RPC: decode, call, guard, encode) → the resource →
//! `plan/` (defaults, unknowns, replacement, and the rules Terraform enforces) → reply.
//!
//! Not built yet, and answered with UNIMPLEMENTED: functions, ephemeral resources, list resources, actions, resource
//! identity, deferral, state stores.

#![warn(missing_docs)]

mod diagnostics;
pub mod handshake;
mod host_services;
pub mod logs;
mod panics;
pub mod plan;
mod private_state;
mod protocol;
mod provider;
mod resource;
pub mod schema;
mod serve;
pub mod value;

pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use handshake::HostEnvironment;
pub use private_state::PrivateState;
pub use protocol::Server;
pub use provider::{Configuration, Provider};
pub use resource::{ApplyRequest, Context, DeleteRequest, Plan, ReadRequest, Resource, StateSink, UpgradeRequest};
pub use serve::{ServeError, ServeOptions, serve};

/// The generated types of the protocol, for conformance tests.
pub use tfplugin_proto as proto;
