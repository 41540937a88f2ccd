//! Our own paths, under `/openmsk/v1`. Some are answered to everybody: who is here, and how it is.

use axum::response::{IntoResponse, Response};
use control_plane_api::identities::{AuditResponse, UpdateAccessKeyRequest};
use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::json as object;

use crate::{
    access::{Caller, Wanted, authorize},
    arn::ROOT_ACCOUNT,
    error::OperationError,
    http::{
        api::Api,
        audit::AuditQuery,
        call::{Answer, json, no_content},
        error,
        request::Request,
    },
    model::{model, openapi},
    operations, queries,
    services::Services,
};

/// What is answered without a signature.
pub(in crate::http) fn unsigned(api: &Api, request: &Request) -> Option<Response> {
    let services = &*api.services;
    if request.method != http::Method::GET {
        return None;
    }
    let answer = match request.raw_path.strip_prefix("/openmsk/v1/")? {
        "runtime" => json(&queries::runtime(services)),
        "health" => json(&object!({"status": "healthy"})),
        "ready" => return Some(ready(api)),
        "metrics" => Ok(([(CONTENT_TYPE, exposition::OPEN_METRICS)], api.metrics.text(services)).into_response()),
        "openapi.json" => json(&openapi(model(), &services.version)),
        _ => return None,
    };
    Some(answer.unwrap_or_else(|error| error::of_operation(&error, None)))
}

/// Ready is who can read what it has to keep.
fn ready(api: &Api) -> Response {
    match queries::ready(&api.services) {
        Ok(()) => (StatusCode::OK, object!({"status": "ready"}).to_string()).into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            let body = object!({"status": "not ready", "reason": "the store cannot be read; see the log"});
            (StatusCode::SERVICE_UNAVAILABLE, body.to_string()).into_response()
        }
    }
}

/// Action and resource of a path of ours.
pub(in crate::http) fn extension(request: &Request) -> Option<(&'static str, String)> {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let ["openmsk", "v1", rest @ ..] = segments.as_slice() else {
        return None;
    };
    let (action, resource) = match (request.method.as_str(), rest) {
        ("GET", ["status"]) => ("openmsk:GetStatus", "*"),
        ("GET", ["storage"]) => ("openmsk:GetStorage", "*"),
        ("GET", ["clusters", arn, "certificate-authority"]) => ("openmsk:GetCertificateAuthority", *arn),
        ("GET", ["clusters", arn, "acls"]) => ("openmsk:ListAcls", *arn),
        ("POST", ["clusters", arn, "acls"]) => ("openmsk:CreateAcls", *arn),
        ("POST", ["clusters", arn, "acls", "delete"]) => ("openmsk:DeleteAcls", *arn),
        ("GET", ["clusters", arn, "quotas"]) => ("openmsk:ListQuotas", *arn),
        ("PUT", ["clusters", arn, "quotas"]) => ("openmsk:PutQuotas", *arn),
        ("GET", ["clusters", arn, "topics"]) => ("openmsk:DescribeTopics", *arn),
        ("POST", ["clusters", arn, "topics", "validate"]) => ("openmsk:ValidateTopics", *arn),
        ("PUT", ["clusters", arn, "topics", _, "replication-factor"]) => ("openmsk:UpdateReplicationFactor", *arn),
        ("POST", ["clusters", arn, "rebalance"]) => ("openmsk:Rebalance", *arn),
        ("POST", ["clusters", arn, "leader-elections"]) => ("openmsk:ElectLeaders", *arn),
        ("POST", ["clusters", arn, "certificate-rotations"]) => ("openmsk:RotateCertificates", *arn),
        ("PUT", ["clusters", arn, "engine"]) => ("openmsk:UpdateEngine", *arn),
        ("DELETE", ["idempotency-tokens", _]) => ("openmsk:ForgetIdempotencyToken", "*"),
        ("POST", ["access-keys"]) => ("openmsk:CreateAccessKey", "*"),
        ("GET", ["access-keys"]) => ("openmsk:ListAccessKeys", "*"),
        ("PUT", ["access-keys", _]) => ("openmsk:UpdateAccessKey", "*"),
        ("DELETE", ["access-keys", _]) => ("openmsk:DeleteAccessKey", "*"),
        ("POST", ["client-authorities"]) => ("openmsk:ImportClientAuthority", "*"),
        ("GET", ["client-authorities"]) => ("openmsk:ListClientAuthorities", "*"),
        ("DELETE", ["client-authorities", arn]) => ("openmsk:DeleteClientAuthority", *arn),
        ("PUT", ["principals", _, _]) => ("openmsk:PutPrincipal", "*"),
        ("POST", ["host-tokens"]) => ("openmsk:CreateHostToken", "*"),
        ("GET", ["host-tokens"]) => ("openmsk:ListHostTokens", "*"),
        ("DELETE", ["host-tokens", _]) => ("openmsk:DeleteHostToken", "*"),
        ("GET", ["hosts"]) => ("openmsk:ListHosts", "*"),
        ("PUT", ["hosts", _]) => ("openmsk:UpdateHost", "*"),
        ("DELETE", ["hosts", _]) => ("openmsk:RemoveHost", "*"),
        ("GET", ["host-leftovers"]) => ("openmsk:ListHostLeftovers", "*"),
        ("POST", ["host-leftovers", "delete"]) => ("openmsk:DeleteHostLeftovers", "*"),
        ("GET", ["audit"]) => ("openmsk:GetAudit", "*"),
        _ => return None,
    };
    Some((action, resource.to_owned()))
}

/// Actions that see or change more than the caller's own account.
const OF_THE_RUNTIME: [&str; 15] = [
    "openmsk:GetStatus",
    "openmsk:CreateAccessKey",
    "openmsk:ListAccessKeys",
    "openmsk:UpdateAccessKey",
    "openmsk:DeleteAccessKey",
    "openmsk:PutPrincipal",
    "openmsk:GetAudit",
    "openmsk:CreateHostToken",
    "openmsk:ListHostTokens",
    "openmsk:DeleteHostToken",
    "openmsk:ListHosts",
    "openmsk:UpdateHost",
    "openmsk:RemoveHost",
    "openmsk:ListHostLeftovers",
    "openmsk:DeleteHostLeftovers",
];

/// Answers one of our own paths.
pub(in crate::http) async fn answer(
    api: &Api,
    request: &Request,
    caller: &Caller,
    action: &str,
    resource: &str,
) -> Answer {
    if OF_THE_RUNTIME.contains(&action) && caller.world.account != ROOT_ACCOUNT {
        return Err(OperationError::Forbidden(format!(
            "{action} is for account {ROOT_ACCOUNT}, which the runtime belongs to"
        )));
    }
    if action != "openmsk:ForgetIdempotencyToken" {
        let wanted = Wanted {
            action: action.to_owned(),
            resource,
            request_tags: Default::default(),
            tag_keys: Vec::new(),
        };
        authorize(&api.services, caller, &wanted)?;
    }
    let services = &*api.services;
    let segment = |index: usize| request.segments.get(index).map(String::as_str).unwrap_or_default();
    match action {
        "openmsk:GetStatus" => json(&queries::status(services).await?),
        "openmsk:GetStorage" => json(&queries::get_storage(services)?),
        "openmsk:ForgetIdempotencyToken" => {
            operations::forget_idempotency_token(services, segment(3)).await?;
            no_content()
        }
        "openmsk:CreateAccessKey" => json(&operations::create_access_key(services, request.json()?).await?),
        "openmsk:ListAccessKeys" => json(&queries::list_access_keys(services)?),
        "openmsk:UpdateAccessKey" => {
            let UpdateAccessKeyRequest { status } = request.json()?;
            operations::update_access_key(services, segment(3), &status).await?;
            no_content()
        }
        "openmsk:DeleteAccessKey" => {
            operations::delete_access_key(services, segment(3)).await?;
            no_content()
        }
        "openmsk:ImportClientAuthority" => {
            json(&operations::import_client_authority(services, &caller.world, request.json()?).await?)
        }
        "openmsk:ListClientAuthorities" => json(&queries::list_client_authorities(services, &caller.world)?),
        "openmsk:DeleteClientAuthority" => {
            operations::delete_client_authority(services, &caller.world, resource).await?;
            no_content()
        }
        "openmsk:PutPrincipal" => {
            operations::put_principal(services, segment(3), segment(4), request.json()?).await?;
            no_content()
        }
        "openmsk:GetAudit" => json(&AuditResponse {
            calls: api.audit.query(&AuditQuery::of(request)?)?,
        }),
        _ if action.contains("Host") => answer_of_hosts(services, request, action).await,
        _ => answer_of_cluster(services, request, action, resource).await,
    }
}

/// The one call that no key signs: a host joins, with a token.
pub(in crate::http) fn is_join(request: &Request) -> bool {
    request.method == http::Method::POST && request.raw_path == "/openmsk/v1/host-joins"
}

/// Lets a host join.
pub(in crate::http) async fn join(api: &Api, request: &Request) -> Answer {
    json(&operations::join_host(&api.services, request.json()?).await?)
}

/// What is about hosts and their tokens.
async fn answer_of_hosts(services: &Services, request: &Request, action: &str) -> Answer {
    let named = request.segments.get(3).map(String::as_str).unwrap_or_default();
    match action {
        "openmsk:CreateHostToken" => json(&operations::create_host_token(services, request.json()?).await?),
        "openmsk:ListHostTokens" => json(&queries::list_host_tokens(services)?),
        "openmsk:DeleteHostToken" => {
            operations::delete_host_token(services, named).await?;
            no_content()
        }
        "openmsk:ListHostLeftovers" => json(&operations::host_leftovers(services, false).await?),
        "openmsk:DeleteHostLeftovers" => json(&operations::host_leftovers(services, true).await?),
        "openmsk:ListHosts" => json(&queries::list_hosts(services)?),
        "openmsk:UpdateHost" => {
            operations::update_host(services, named, request.json()?).await?;
            no_content()
        }
        _ => {
            operations::remove_host(services, named).await?;
            no_content()
        }
    }
}

/// What is about one cluster.
async fn answer_of_cluster(services: &Services, request: &Request, action: &str, resource: &str) -> Answer {
    match action {
        "openmsk:GetCertificateAuthority" => json(&queries::certificate_authority(services, resource).await?),
        "openmsk:ListAcls" => json(&queries::list_acls(services, resource).await?),
        "openmsk:CreateAcls" => {
            operations::create_acls(services, resource, request.json()?).await?;
            no_content()
        }
        "openmsk:DeleteAcls" => {
            operations::delete_acls(services, resource, request.json()?).await?;
            no_content()
        }
        "openmsk:ListQuotas" => json(&queries::list_quotas(services, resource).await?),
        "openmsk:PutQuotas" => {
            operations::put_quotas(services, resource, request.json()?).await?;
            no_content()
        }
        "openmsk:DescribeTopics" => {
            let limit = request.parameter("limit").map(str::parse).transpose();
            let limit = limit.map_err(|_| OperationError::invalid("limit", "it is not a number of topics"))?;
            json(&queries::describe_topics(services, resource, limit.unwrap_or(usize::MAX)).await?)
        }
        "openmsk:ValidateTopics" => json(&operations::validate_topics(services, resource, request.json()?).await?),
        "openmsk:UpdateReplicationFactor" => {
            let topic = request.segments.get(5).map(String::as_str).unwrap_or_default();
            let only = request.validate_only();
            json(&operations::update_replication_factor(services, (resource, topic), request.json()?, only).await?)
        }
        "openmsk:Rebalance" => json(&operations::rebalance(services, resource).await?),
        "openmsk:ElectLeaders" => json(&operations::elect_leaders(services, resource).await?),
        "openmsk:UpdateEngine" => {
            let only = request.validate_only();
            match operations::update_engine(services, resource, request.json()?, only).await? {
                Some(begun) => json(&begun),
                None => no_content(),
            }
        }
        "openmsk:RotateCertificates" => json(&operations::rotate_certificates(services, resource).await?),
        _ => Err(OperationError::Internal(format!("nothing answers {action}"))),
    }
}
