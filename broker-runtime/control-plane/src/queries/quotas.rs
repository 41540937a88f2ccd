//! Client quotas, as the engine's controller has them.

use control_plane_api::quotas::{DEFAULT_NAME, Quota, Quotas};
use engine::QuotaName;

use super::reachable_cluster;
use crate::{error::OperationError, services::Services};

/// All of a cluster.
pub(crate) async fn list_quotas(services: &Services, arn: &str) -> Result<Quotas, OperationError> {
    let cluster = reachable_cluster(services, arn)?;
    let all = services.engine.quotas().list_quotas(cluster.uuid).await?.into_iter();
    let name = |name: QuotaName| match name {
        QuotaName::Default => DEFAULT_NAME.to_owned(),
        QuotaName::Named(name) => name,
    };
    let quotas = all.map(|quota| Quota {
        user: quota.user.map(name),
        client_id: quota.client_id.map(name),
        ip: quota.ip.map(name),
        producer_byte_rate: quota.producer_byte_rate,
        consumer_byte_rate: quota.consumer_byte_rate,
        request_percentage: quota.request_percentage,
        controller_mutation_rate: quota.controller_mutation_rate,
        connection_creation_rate: quota.connection_creation_rate,
    });
    Ok(Quotas {
        quotas: quotas.collect(),
    })
}
