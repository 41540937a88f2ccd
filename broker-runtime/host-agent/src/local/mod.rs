//! This machine as a [`hosts::Host`].

mod bundles;
mod commands;
mod earlier;
mod files;
mod host;
mod layout;
mod machine;
mod units;

pub use earlier::unwant_all;
pub(crate) use files::{make_private_folder, replace_private};
pub use host::{LocalHost, LocalHostConfig};
