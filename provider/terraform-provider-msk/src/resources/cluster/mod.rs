//! `msk_cluster`: schema → plan → requests → state, and the calls between them.

mod access;
mod plan;
mod requests;
mod resource;
mod schema;
mod state;

pub(crate) use resource::Cluster;
pub(super) use schema::check_name;
