//! DescribeAcls 1–3: the access control lists that a filter finds, by resource. It takes DESCRIBE on the cluster.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeAclsRequest, DescribeAclsResponse,
        describe_acls_response::{AclDescription, DescribeAclsResource},
    },
};
use kafka_metadata::acl::{AclBinding, AclOperation, AclPatternType, AclResourceType};

use super::acl_codes::Wire;
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(29, "DescribeAcls", 1..=3, DescribeAclsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeAclsRequest,
    _version: i16,
) -> DescribeAclsResponse {
    let mut response = DescribeAclsResponse::default();
    let mut refuse = |code: ErrorCode, message: &str| {
        response.error_code = code.code();
        response.error_message = Some(StrBytes::from(message));
    };
    if !context.may(broker, AclOperation::Describe, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        refuse(code, code.message());
        return response;
    }
    let wire = Wire {
        resource_type: request.resource_type_filter,
        resource_name: request.resource_name_filter.as_ref(),
        pattern_type: request.pattern_type_filter,
        principal: request.principal_filter.as_ref(),
        host: request.host_filter.as_ref(),
        operation: request.operation,
        permission: request.permission_type,
    };
    let filter = match wire.filter() {
        Ok(filter) => filter,
        Err((code, message)) => {
            refuse(code, &message);
            return response;
        }
    };
    let image = broker.metadata.image();
    let mut resources: BTreeMap<(AclResourceType, &str, AclPatternType), Vec<AclDescription>> = BTreeMap::new();
    for acl in image.acls.iter().filter(|acl| filter.matches(acl)) {
        let resource = (acl.resource_type, acl.resource_name.as_str(), acl.pattern_type);
        resources.entry(resource).or_default().push(describe(acl));
    }
    let resources = resources
        .into_iter()
        .map(|((resource_type, name, pattern_type), acls)| {
            let mut resource = DescribeAclsResource::default();
            resource.resource_type = resource_type.code();
            resource.resource_name = StrBytes::from(name);
            resource.pattern_type = pattern_type.code();
            resource.acls = acls;
            resource
        });
    response.resources = resources.collect();
    response
}

fn describe(acl: &AclBinding) -> AclDescription {
    let mut description = AclDescription::default();
    description.principal = StrBytes::from(acl.principal.as_str());
    description.host = StrBytes::from(acl.host.as_str());
    description.operation = acl.operation.code();
    description.permission_type = acl.permission.code();
    description
}
