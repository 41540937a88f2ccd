//! `msk_topic`: model → plan → resource, and the change of its replicas.

mod model;
mod plan;
mod replication;
mod resource;
mod validations;

pub(crate) use model::topic_configs;
pub(crate) use resource::Topic;
