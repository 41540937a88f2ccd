//! This machine as a [`hosts::Host`].

mod bundles;
mod commands;
mod files;
mod host;
mod layout;
mod machine;
mod units;

pub(crate) use files::{make_private_folder, replace_private};
pub use host::{LocalHost, LocalHostConfig};
