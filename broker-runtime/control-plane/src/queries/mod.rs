//! What only looks. Lists come whole and sorted; `http` cuts them into pages. All are `async fn`s that answer
//! `Result<_, OperationError>`.
//!
//! ```text
//! describe_cluster(&Services, arn) -> ClusterInfo            describe_cluster_v2(arn) -> Cluster
//! list_clusters(name_filter: Option<&str>) -> Vec<ClusterInfo>   list_clusters_v2(name, kind) -> Vec<Cluster>
//! get_bootstrap_brokers(arn) -> GetBootstrapBrokersResponse      list_nodes(arn) -> Vec<NodeInfo>
//! describe_cluster_operation(operation_arn) -> ClusterOperationInfo       …_v2 -> ClusterOperationV2
//! list_cluster_operations(arn) -> Vec<ClusterOperationInfo>               …_v2 -> Vec<ClusterOperationV2>
//! describe_configuration(arn), describe_configuration_revision(arn, revision), list_configurations(),
//! list_configuration_revisions(arn) -> Vec<ConfigurationRevision>
//! list_scram_secrets(arn) -> Vec<String>
//! describe_secret(&SecretRequest), get_secret_value(&SecretRequest), list_secrets() -> Vec<DescribeSecretResponse>
//! describe_topic(arn, name), list_topics(arn) -> Vec<TopicInfo>, describe_topic_partitions(arn, name) -> Vec<TopicPartitionInfo>
//! list_kafka_versions() -> Vec<KafkaVersion>, get_compatible_kafka_versions(arn: Option<&str>)
//! list_tags_for_resource(arn) -> Tags
//! certificate_authority(arn) -> CertificateAuthority, status() -> Status
//! ```

mod clusters;
mod configurations;
mod operations;
mod secrets;
mod topics;
mod versions;

pub(crate) use clusters::{
    certificate_authority, cluster_record, current_version, describe_cluster, describe_cluster_v2,
    get_bootstrap_brokers, list_clusters, list_clusters_v2, list_nodes, list_scram_secrets, list_tags_for_resource,
    runtime, status,
};
pub(crate) use configurations::{
    configuration, describe_configuration, describe_configuration_revision, iso8601, list_configuration_revisions,
    list_configurations, no_configuration,
};
pub(crate) use operations::{
    describe_cluster_operation, describe_cluster_operation_v2, list_cluster_operations, list_cluster_operations_v2,
};
pub(crate) use secrets::{describe_secret, get_secret_value, list_secrets, no_secret, secret_record, unix_seconds};
pub(crate) use topics::{describe_topic, describe_topic_partitions, list_topics, reachable_cluster};
pub(crate) use versions::{KAFKA_VERSIONS, get_compatible_kafka_versions, list_kafka_versions};
