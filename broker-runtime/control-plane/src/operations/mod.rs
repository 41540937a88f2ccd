//! What changes something: each validates, writes the intent (and an Operation, where it takes time) in one transaction,
//! and wakes the reconcilers. One file an operation or a family of small ones.
//!
//! ```text
//! create_cluster(&Services, CreateClusterRequest, idempotency_token: Option<String>) -> CreateClusterResponse
//! create_cluster_v2(&Services, CreateClusterV2Request, idempotency_token: Option<String>) -> CreateClusterResponse
//! delete_cluster(&Services, arn: &str, current_version: Option<&str>) -> DeleteClusterResponse
//! update_broker_count(&Services, arn, UpdateBrokerCountRequest) -> UpdateClusterResponse
//! update_cluster_configuration, update_security: the same
//! create_configuration(…, idempotency_token), update_configuration(arn, …), delete_configuration(arn)
//! batch_associate_scram_secret(arn, ScramSecretsRequest).await, batch_disassociate_scram_secret(arn, …).await
//! create_topic(arn, …, idempotency_token).await, update_topic(arn, name, …).await, delete_topic(arn, name).await
//! create_secret, put_secret_value, delete_secret(SecretRequest): Secrets Manager
//! forget_idempotency_token(token): ours
//! tag_resource(arn, BTreeMap), untag_resource(arn, &[String])
//! ```
//! All are `async fn`s that answer `Result<_, OperationError>`.

mod clusters;
mod configurations;
mod creations;
mod scram;
mod secrets;
mod tags;
mod topics;

pub(crate) use clusters::{
    create_cluster, create_cluster_v2, delete_cluster, reboot_broker, update_broker_count,
    update_cluster_configuration, update_security,
};
pub(crate) use configurations::{create_configuration, delete_configuration, update_configuration};
pub(crate) use creations::{forget_creations, forget_idempotency_token};
pub(crate) use scram::{batch_associate_scram_secret, batch_disassociate_scram_secret};
pub(crate) use secrets::{create_secret, delete_secret, put_secret_value};
pub(crate) use tags::{tag_resource, untag_resource};
pub(crate) use topics::{create_topic, delete_topic, update_topic};
