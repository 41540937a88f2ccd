//! Client quotas. A running cluster keeps them itself.

use std::net::IpAddr;

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
    check(&quota)?;
    Ok(engine::Quota {
        user: name("user", quota.user)?,
        client_id: name("clientId", quota.client_id)?,
        ip: name("ip", quota.ip)?,
        producer_byte_rate: quota.producer_byte_rate,
        consumer_byte_rate: quota.consumer_byte_rate,
        request_percentage: quota.request_percentage,
        controller_mutation_rate: quota.controller_mutation_rate,
        connection_creation_rate: quota.connection_creation_rate,
    })
}

/// What is for an address is for nobody else, and limits what addresses can have limited.
fn check(quota: &Quota) -> Result<(), OperationError> {
    let address = quota.ip.as_deref();
    if address.is_some_and(|address| address != DEFAULT_NAME && address.parse::<IpAddr>().is_err()) {
        let message = format!("name an IP address, or {DEFAULT_NAME} for all that have no quota of their own");
        return Err(OperationError::invalid("ip", message));
    }
    if address.is_some() && (quota.user.is_some() || quota.client_id.is_some()) {
        return Err(OperationError::invalid(
            "ip",
            "a quota of an address names no user and no client id",
        ));
    }
    let of_clients = [
        quota.producer_byte_rate,
        quota.consumer_byte_rate,
        quota.request_percentage,
        quota.controller_mutation_rate,
    ];
    if address.is_some() && of_clients.iter().any(Option::is_some) {
        return Err(OperationError::invalid(
            "ip",
            "an address has a connectionCreationRate only",
        ));
    }
    if address.is_none() && quota.connection_creation_rate.is_some() {
        return Err(OperationError::invalid(
            "connectionCreationRate",
            "only an address, ip, has one",
        ));
    }
    Ok(())
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
