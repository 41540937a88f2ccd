//! Access control lists, as the engine's controller has them.

use control_plane_api::acls::{Acl, Acls};

use super::reachable_cluster;
use crate::{error::OperationError, services::Services};

/// All of a cluster.
pub(crate) async fn list_acls(services: &Services, arn: &str) -> Result<Acls, OperationError> {
    let cluster = reachable_cluster(services, arn)?;
    let all = services.engine.acls().list_acls(cluster.uuid).await?.into_iter();
    let acls = all.map(|acl| Acl {
        resource_type: acl.resource_type,
        resource_name: acl.resource_name,
        pattern_type: acl.pattern_type,
        principal: acl.principal,
        host: acl.host,
        operation: acl.operation,
        permission: acl.permission,
    });
    Ok(Acls { acls: acls.collect() })
}
