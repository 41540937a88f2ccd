//! `msk_cluster`: model → plan → requests → state, and the calls between them. `access`, `connectivity`,
//! `encryption` and `monitoring` are what several of them have to read alike.

mod access;
mod connectivity;
mod disk;
mod encryption;
mod engine;
mod model;
mod monitoring;
mod plan;
mod requests;
mod resource;
mod restarts;
mod state;

pub(super) use model::check_name;
pub(crate) use resource::Cluster;
