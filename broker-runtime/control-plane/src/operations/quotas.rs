//! Client quotas. A running cluster keeps them itself.

use control_plane_api::quotas::{DEFAULT_NAME, Quota, Quotas};
use engine::QuotaName;

use crate::{error::OperationError, queries, services::Services};

/// Entities that one request gives quotas, at most.
const QUOTAS_MAX: usize = 1000;

/// Gives each entity exactly these values; one without values has no quota any more.
pub(crate) async fn put_quotas(services: &Services, arn: &str, request: Quotas) -> Result<(), OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    if request.quotas.is_empty() || request.quotas.len() > QUOTAS_MAX {
        let message = format!("name 1 to {QUOTAS_MAX} entities");
        return Err(OperationError::invalid("quotas", message));
    }
    let quotas = request.quotas.into_iter().map(wanted).collect::<Result<Vec<_>, _>>()?;
    Ok(services.engine.quotas().put_quotas(cluster.uuid, &quotas).await?)
}

fn wanted(quota: Quota) -> Result<engine::Quota, OperationError> {
    Ok(engine::Quota {
        user: name("user", quota.user)?,
        client_id: name("clientId", quota.client_id)?,
        producer_byte_rate: quota.producer_byte_rate,
        consumer_byte_rate: quota.consumer_byte_rate,
        request_percentage: quota.request_percentage,
    })
}

fn name(parameter: &'static str, name: Option<String>) -> Result<Option<QuotaName>, OperationError> {
    Ok(match name.as_deref() {
        None => None,
        Some("") => {
            let message = format!("name one, or {DEFAULT_NAME} for all that have no quota of their own");
            return Err(OperationError::invalid(parameter, message));
        }
        Some(DEFAULT_NAME) => Some(QuotaName::Default),
        Some(_) => name.map(QuotaName::Named),
    })
}
