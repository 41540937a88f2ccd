//! Terraform plugin protocol 6 in Rust: handshake, values, schemas, planning, guards. Knows nothing of Kafka.
//!
//! A provider implements [`Provider`], one [`Resource`] a resource type, one [`DataSource`] a data source, one
//! [`EphemeralResource`] an ephemeral resource, one [`ListResource`] a list, one [`Action`] an action and one [`Function`] a
//! function; [`serve`] does the rest. What happens to a request: `handshake/` (start, TLS) → `protocol/` (one file an RPC: decode, call, guard, encode) → the resource →
//! `plan/` (defaults, unknowns, replacement, and the rules Terraform enforces) → reply.
//!
//! The schema of each is derived from a Rust type (`model/`), or put together by hand (`schema/`).
//! `examples/terraform-provider-contacts.rs` is a whole provider, with nested attributes and blocks of every nesting.
//!
//! State stores, which are experimental, are answered with UNIMPLEMENTED.

#![warn(missing_docs)]

// What is derived names the crate, also in the crate.
extern crate self as plugin_framework;

mod action;
mod data_source;
mod diagnostics;
mod ephemeral_resource;
mod function;
pub mod handshake;
mod host_services;
mod list_resource;
pub mod logs;
pub mod model;
mod panics;
pub mod plan;
mod private_state;
mod protocol;
mod provider;
mod resource;
pub mod schema;
mod serve;
pub mod value;

pub use action::{Action, Progress};
pub use data_source::DataSource;
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use ephemeral_resource::{EphemeralResource, Opened, Renewed};
pub use function::{Function, FunctionError, Parameter, Signature};
pub use handshake::HostEnvironment;
pub use list_resource::{ListResource, Listed};
pub use private_state::PrivateState;
pub use protocol::Server;
pub use provider::{Configuration, Provider};
pub use resource::{ApplyRequest, Context, DeleteRequest, Plan, ReadRequest, Resource, StateSink, UpgradeRequest};
pub use serve::{ServeError, ServeOptions, serve};

/// The generated types of the protocol, for conformance tests.
pub use tfplugin_proto as proto;
