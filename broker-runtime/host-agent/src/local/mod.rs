//! This machine as a [`hosts::Host`].

mod bundles;
mod commands;
mod files;
mod host;
mod layout;
mod machine;
mod units;

pub use host::{LocalHost, LocalHostConfig};
