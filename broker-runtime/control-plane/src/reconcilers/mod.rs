//! Bring what is there to what is wanted. They take no arguments but the world, look, act, and may run at any moment.

mod certificates;
mod clusters;
mod dead_hosts;
mod elastic;
mod hosts;
mod observer;
mod rebalancer;
mod relocation;
mod rounds;
mod specification;

pub(crate) use certificates::run as renew_certificates;
pub(crate) use clusters::{apply_users, run};
pub(crate) use elastic::{Bounds, run as follow_load};
pub(crate) use hosts::{run as ask_hosts, set_hosts};
pub(crate) use observer::run as observe;
pub(crate) use rebalancer::run as rebalance;
pub(crate) use relocation::run as relocate;
pub(crate) use specification::{listeners, specification};
