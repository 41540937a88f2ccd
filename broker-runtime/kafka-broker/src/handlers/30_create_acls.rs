//! CreateAcls 1–3: creates access control lists; one that is there already is no error. It takes ALTER on the cluster. The
//! answer waits until this broker acts on them; the others do within a heartbeat.

use std::sync::Arc;

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        CreateAclsRequest, CreateAclsResponse, create_acls_request::AclCreation,
        create_acls_response::AclCreationResult,
    },
};
use kafka_metadata::{
    acl::{AclBinding, AclOperation},
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
pub(crate) const API: ApiEntry = api!(30, "CreateAcls", 1..=3, CreateAclsRequest, handle);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: CreateAclsRequest,
    _version: i16,
) -> CreateAclsResponse {
    let may = context.may(broker, AclOperation::Alter, Resource::Cluster);
    let wanted: Vec<Result<AclBinding, Refusal>> = request
        .creations
        .iter()
        .map(|creation| {
            if may {
                return binding(creation);
            }
            let code = ErrorCode::ClusterAuthorizationFailed;
            Err((code, code.message().to_owned()))
        })
        .collect();
    let accepted: Vec<AclBinding> = wanted.iter().flatten().cloned().collect();
    let mut outcomes = create(broker, accepted).await.into_iter();
    let mut response = CreateAclsResponse::default();
    for wanted in wanted {
        let outcome = match wanted {
            Ok(_) => outcomes
                .next()
                .unwrap_or(Err(ControllerError::NotController))
                .map_err(|error| (controller_error_code(&error), error.to_string())),
            Err(refusal) => Err(refusal),
        };
        let mut result = AclCreationResult::default();
        if let Err((code, message)) = outcome {
            result.error_code = code.code();
            result.error_message = Some(StrBytes::from(message));
        }
        response.results.push(result);
    }
    response
}

fn binding(creation: &AclCreation) -> Result<AclBinding, Refusal> {
    let wire = Wire {
        resource_type: creation.resource_type,
        resource_name: Some(&creation.resource_name),
        pattern_type: creation.resource_pattern_type,
        principal: Some(&creation.principal),
        host: Some(&creation.host),
        operation: creation.operation,
        permission: creation.permission_type,
    };
    wire.binding()
}

async fn create(broker: &Broker, acls: Vec<AclBinding>) -> Vec<Result<(), ControllerError>> {
    let count = acls.len();
    if count == 0 {
        return Vec::new();
    }
    let request = ControllerRequest::CreateAcls { acls: acls.clone() };
    let outcomes = match broker.controller.call_within(request, CONTROLLER_TIMEOUT).await {
        Ok(ControllerResponse::Results(outcomes)) => outcomes,
        Ok(_) => return vec![Err(ControllerError::NotController); count],
        Err(error) => return vec![Err(error); count],
    };
    let made = acls.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
    let made: Vec<&AclBinding> = made.map(|(acl, _)| acl).collect();
    broker
        .metadata
        .wait_for(APPLY_WAIT, |image| made.iter().all(|acl| image.acls.contains(*acl)))
        .await;
    outcomes
}
