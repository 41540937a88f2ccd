//! The resource types, one file or folder each.

mod acl;
mod batch;
mod cluster;
mod cluster_of;
mod cluster_policy;
mod configuration;
mod creations;
mod deletion_protection;
mod existing;
mod foresight;
mod quota;
mod scram_association;
mod scram_secret;
mod serverless_cluster;
mod topic;
mod without_effect;

pub(crate) use acl::{
    Acl, OPERATIONS as ACL_OPERATIONS, PATTERN_TYPES as ACL_PATTERN_TYPES, PERMISSIONS as ACL_PERMISSIONS,
    RESOURCE_TYPES as ACL_RESOURCE_TYPES, id as acl_id, identity as acl_identity, summary as acl_summary,
};
pub(crate) use cluster::Cluster;
pub(crate) use cluster_policy::ClusterPolicy;
pub(crate) use configuration::Configuration;
pub(crate) use creations::Creations;
pub(crate) use foresight::Foresight;
pub(crate) use quota::{Quota, identity as quota_identity, whose as quota_owner};
pub(crate) use scram_association::{ScramSecretAssociation, SingleScramSecretAssociation};
pub(crate) use scram_secret::{ScramSecret, secret_name};
pub(crate) use serverless_cluster::ServerlessCluster;
pub(crate) use topic::{Topic, topic_configs};
