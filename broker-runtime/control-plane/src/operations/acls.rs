//! Access control lists. A running cluster keeps them itself; whoever may call for the cluster can change them whatever they
//! say, so nobody is locked out by them.

use control_plane_api::acls::{Acl, Acls};

use crate::{error::OperationError, queries, services::Services};

/// Lists that one request creates or deletes, at most.
const ACLS_MAX: usize = 1000;

/// Creates lists; one that is there already is fine.
pub(crate) async fn create_acls(services: &Services, arn: &str, request: Acls) -> Result<(), OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    Ok(services
        .engine
        .acls()
        .create_acls(cluster.uuid, &wanted(request)?)
        .await?)
}

/// Deletes exactly these; one that is not there is fine.
pub(crate) async fn delete_acls(services: &Services, arn: &str, request: Acls) -> Result<(), OperationError> {
    let cluster = queries::reachable_cluster(services, arn)?;
    Ok(services
        .engine
        .acls()
        .delete_acls(cluster.uuid, &wanted(request)?)
        .await?)
}

fn wanted(request: Acls) -> Result<Vec<engine::Acl>, OperationError> {
    if request.acls.is_empty() || request.acls.len() > ACLS_MAX {
        let message = format!("name 1 to {ACLS_MAX} access control lists");
        return Err(OperationError::invalid("acls", message));
    }
    let acls = request.acls.into_iter().map(|acl: Acl| engine::Acl {
        resource_type: acl.resource_type,
        resource_name: acl.resource_name,
        pattern_type: acl.pattern_type,
        principal: acl.principal,
        host: acl.host,
        operation: acl.operation,
        permission: acl.permission,
    });
    Ok(acls.collect())
}
