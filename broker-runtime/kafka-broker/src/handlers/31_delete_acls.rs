//! DeleteAcls 1–3: deletes the access control lists that filters find, and names them. It takes ALTER on the cluster. The
//! answer waits until this broker no longer acts on them.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DeleteAclsRequest, DeleteAclsResponse,
        delete_acls_request::DeleteAclsFilter,
        delete_acls_response::{DeleteAclsFilterResult, DeleteAclsMatchingAcl},
    },
};
use kafka_metadata::{
    acl::{AclBinding, AclFilter, AclOperation},
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};

use super::{
    acl_codes::{Refusal, Wire},
    controller_timeout::{APPLY_WAIT, CONTROLLER_TIMEOUT},
};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(31, "DeleteAcls", 1..=3, DeleteAclsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DeleteAclsRequest,
    _version: i16,
) -> DeleteAclsResponse {
    let may = context.may(broker, AclOperation::Alter, Resource::Cluster);
    let wanted: Vec<Result<AclFilter, Refusal>> = request
        .filters
        .iter()
        .map(|wanted| {
            if may {
                return filter(wanted);
            }
            let code = ErrorCode::ClusterAuthorizationFailed;
            Err((code, code.message().to_owned()))
        })
        .collect();
    let accepted: Vec<AclFilter> = wanted.iter().flatten().cloned().collect();
    let deleted = delete(broker, accepted)
        .await
        .map_err(|error| (controller_error_code(&error), error.to_string()));
    let mut found = deleted.as_ref().map_or_else(|_| [].iter(), |deleted| deleted.iter());
    let mut response = DeleteAclsResponse::default();
    for wanted in wanted {
        let mut result = DeleteAclsFilterResult::default();
        let refusal = wanted.err().or_else(|| deleted.as_ref().err().cloned());
        match refusal {
            Some((code, message)) => {
                result.error_code = code.code();
                result.error_message = Some(StrBytes::from(message));
            }
            None => result.matching_acls = found.next().into_iter().flatten().map(describe).collect(),
        }
        response.filter_results.push(result);
    }
    response
}

fn filter(wanted: &DeleteAclsFilter) -> Result<AclFilter, Refusal> {
    let wire = Wire {
        resource_type: wanted.resource_type_filter,
        resource_name: wanted.resource_name_filter.as_ref(),
        pattern_type: wanted.pattern_type_filter,
        principal: wanted.principal_filter.as_ref(),
        host: wanted.host_filter.as_ref(),
        operation: wanted.operation,
        permission: wanted.permission_type,
    };
    wire.filter()
}

async fn delete(broker: &Broker, filters: Vec<AclFilter>) -> Result<Vec<Vec<AclBinding>>, ControllerError> {
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let request = ControllerRequest::DeleteAcls { filters };
    let ControllerResponse::DeletedAcls(deleted) = broker.controller.call_within(request, CONTROLLER_TIMEOUT).await?
    else {
        return Err(ControllerError::NotController);
    };
    broker
        .metadata
        .wait_for(APPLY_WAIT, |image| {
            deleted.iter().flatten().all(|acl| !image.acls.contains(acl))
        })
        .await;
    Ok(deleted)
}

fn describe(acl: &AclBinding) -> DeleteAclsMatchingAcl {
    let mut entry = DeleteAclsMatchingAcl::default();
    entry.resource_type = acl.resource_type.code();
    entry.resource_name = StrBytes::from(acl.resource_name.as_str());
    entry.pattern_type = acl.pattern_type.code();
    entry.principal = StrBytes::from(acl.principal.as_str());
    entry.host = StrBytes::from(acl.host.as_str());
    entry.operation = acl.operation.code();
    entry.permission_type = acl.permission.code();
    entry
}
