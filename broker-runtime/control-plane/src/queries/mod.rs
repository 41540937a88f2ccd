//! What only looks. Lists come whole and sorted; `http` cuts them into pages. All are `async fn`s that answer
//! `Result<_, OperationError>`.
//!
//! ```text
//! describe_cluster(&Services, arn) -> ClusterInfo
//! list_clusters(&Services, &Scope, name_filter: Option<&str>) -> Vec<ClusterInfo>
//! ```

mod acls;
mod client_authorities;
mod clusters;
mod configurations;
mod health;
mod hosts;
mod identities;
mod operations;
mod policies;
mod quotas;
mod secrets;
mod storage;
mod topics;
mod versions;

pub(crate) use acls::list_acls;
pub(crate) use client_authorities::{client_authority, list_client_authorities};
pub(crate) use clusters::{
    certificate_authority, cluster_record, current_version, describe_cluster, describe_cluster_v2,
    get_bootstrap_brokers, list_clusters, list_clusters_v2, list_nodes, list_scram_secrets, list_tags_for_resource,
    runtime, status,
};
pub(crate) use configurations::{
    configuration, describe_configuration, describe_configuration_revision, iso8601, list_configuration_revisions,
    list_configurations, no_configuration,
};
pub(crate) use health::{ClusterHealth, cluster_health, ready};
pub(crate) use hosts::{host_token, list_host_tokens, list_hosts};
pub(crate) use identities::{access_key, list_access_keys};
pub(crate) use operations::{
    describe_cluster_operation, describe_cluster_operation_v2, list_cluster_operations, list_cluster_operations_v2,
};
pub(crate) use policies::{get_cluster_policy, no_policy, policy_version};
pub(crate) use quotas::list_quotas;
pub(crate) use secrets::{describe_secret, get_secret_value, list_secrets, no_secret, secret_record, unix_seconds};
pub(crate) use storage::get_storage;
pub(crate) use topics::{describe_topic, describe_topic_partitions, describe_topics, list_topics, reachable_cluster};
pub(crate) use versions::{KAFKA_VERSIONS, get_compatible_kafka_versions, list_kafka_versions, newer_versions};
