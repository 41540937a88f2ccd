//! The actions: what is done once, and leaves no state. One file each.

mod all;
mod elect_leaders;
mod of_cluster;
mod rebalance;
mod reboot_broker;
mod rotate_certificates;

pub(crate) use all::all;
