//! The functions: ARNs, texts, and settings of clients. Each is a pure function of its arguments.

mod all;
mod arns;
mod client_configuration;
mod pure;
mod texts;

pub(crate) use all::all;
pub(crate) use client_configuration::{FORMATS as CLIENT_FORMATS, WayIn};
