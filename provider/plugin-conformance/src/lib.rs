//! A conformance client for providers of Terraform's plugin protocol 6, in any language: it plays core.
//!
//! [`Core`] makes the calls, over the socket of a provider that [`start`] has started, or over any other gRPC service. [`Life`] drives
//! a resource the way core does: validate, propose, plan, plan again, apply, read, plan once more, change, import, destroy; then
//! with a value unknown, left out or empty at every attribute. Each answer is held to the rules of core, which are written down
//! here a second time, in `rules`, so that a provider's own guards are not judged by themselves.
//!
//! What comes out is a list of [`Finding`]s: an empty one means that core would take every answer.

#![warn(missing_docs)]

mod core;
mod finding;
mod json;
mod life;
mod process;
mod propose;
mod rules;
mod schema;
mod service;
mod tls;
mod variants;

pub use core::{Answer, Change, Core, Imported, Planned};
pub use finding::{Finding, Rule};
pub use life::Life;
pub use process::{Provider, start};
pub use schema::{Attribute, Block, Nested, Nesting};
pub use service::Service;
pub use variants::{Variant, variants};
