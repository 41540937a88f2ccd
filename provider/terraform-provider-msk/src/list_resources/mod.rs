//! The list resources: what exists, for `terraform query`. One file a family.

mod all;
mod clusters;
mod configurations;
mod in_cluster;
mod listing;

pub(crate) use all::all;
