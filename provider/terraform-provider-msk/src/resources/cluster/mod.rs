//! `msk_cluster`: schema → plan → requests → state, and the calls between them. `access`, `connectivity`,
//! `encryption` and `monitoring` are what several of them have to read alike.

mod access;
mod connectivity;
mod encryption;
mod monitoring;
mod plan;
mod requests;
mod resource;
mod restarts;
mod schema;
mod state;

pub(crate) use resource::Cluster;
pub(super) use schema::check_name;
