//! What changes something: each validates, writes the intent (and an Operation, where it takes time) in one transaction,
//! and wakes the reconcilers. One file an operation or a family of small ones.
//!
//! ```text
//! create_cluster(&Services, &Scope, CreateClusterRequest, Attempt) -> CreateClusterResponse
//! update_broker_count(&Services, arn, UpdateBrokerCountRequest) -> UpdateClusterResponse, and so every update_…
//! create_topic(&Services, arn, CreateTopicRequest, Attempt) -> TopicResponse
//! ```
//! All are `async fn`s that answer `Result<_, OperationError>`.

mod access_keys;
mod acls;
mod balance;
mod certificates;
mod checks;
mod client_authorities;
mod cluster_policies;
mod clusters;
mod configurations;
mod creations;
mod encryption;
mod engines;
mod host_tokens;
mod hosts;
mod leftovers;
mod logging;
mod quotas;
mod scram;
mod secrets;
mod tags;
mod topics;
mod updates;

pub(crate) use access_keys::{create_access_key, delete_access_key, put_principal, update_access_key};
pub(crate) use acls::{create_acls, delete_acls};
pub(crate) use balance::{elect_leaders, rebalance};
pub(crate) use certificates::rotate_certificates;
pub(crate) use client_authorities::{delete_client_authority, import_client_authority};
pub(crate) use cluster_policies::{delete_cluster_policy, put_cluster_policy};
pub(crate) use clusters::{create_cluster, create_cluster_v2, delete_cluster};
pub(crate) use configurations::{create_configuration, delete_configuration, update_configuration};
pub(crate) use creations::{Attempt, forget_creations, forget_idempotency_token};
pub(crate) use engines::update_engine;
pub(crate) use host_tokens::{create_host_token, delete_host_token};
pub(crate) use hosts::{declare_dead, join_host, remove_host, update_host};
pub(crate) use leftovers::host_leftovers;
pub(crate) use quotas::put_quotas;
pub(crate) use scram::{batch_associate_scram_secret, batch_disassociate_scram_secret};
pub(crate) use secrets::{create_secret, delete_secret, put_secret_value, tag_secret, untag_secret, update_secret};
pub(crate) use tags::{tag_resource, untag_resource};
pub(crate) use topics::{create_topic, delete_topic, update_replication_factor, update_topic, validate_topics};
pub(crate) use updates::{
    follow_load, reboot_broker, update_broker_count, update_broker_storage, update_broker_type,
    update_cluster_configuration, update_cluster_kafka_version, update_connectivity, update_monitoring,
    update_rebalancing, update_security, update_storage,
};
