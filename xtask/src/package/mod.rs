//! `cargo xtask package`: what a release consists of.

mod archive;
mod bill_of_materials;
mod changelog;
mod mirror;
mod platform;
mod release;

pub use mirror::{HOSTS, unpacked_mirror};
pub use release::{Options, run};
