//! One request from beginning to end: who asks, what for, may they, what came of it; and the line in the audit log.

use std::{net::SocketAddr, sync::Arc};

use axum::response::Response;
use control_plane_api::identities::AuditedCall;
use engine::request_id;
use http::{HeaderValue, Method};
use serde_json::Value;

use super::{
    api::Api,
    aws_json,
    call::{Call, Routed},
    error::{self, Refusal},
    handlers,
    request::Request,
    sigv4::{Distrust, Signature},
    sts,
};
use crate::{access::Caller, error::OperationError, model::Operation, queries::iso8601};

/// The header that names a request, in AWS's spelling.
const REQUEST_ID_HEADER: &str = "x-amzn-requestid";
/// The services that callers may sign for.
const KAFKA: &str = "kafka";
const SECRETS_MANAGER: &str = "secretsmanager";
const STS: &str = "sts";
const KAFKA_CONNECT: &str = "kafkaconnect";

/// Who called what, as far as it is known: for the audit log.
#[derive(Default)]
struct Known {
    principal: Option<String>,
    access_key: Option<String>,
    action: String,
    resource: String,
}

/// Answers a request, and writes down that it came.
pub(super) async fn answer(api: &Arc<Api>, request: &Request, peer: SocketAddr) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let mut response = match handlers::unsigned(api, request) {
        Some(response) => response,
        None => request_id::named(id.clone(), audited(api, request, peer, &id)).await,
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    response
}

async fn audited(api: &Arc<Api>, request: &Request, peer: SocketAddr, id: &str) -> Response {
    let clock = &api.services.clock;
    let began_ms = clock.now_ms();
    let began = clock.monotonic();
    let mut known = Known {
        action: format!("{} {}", request.method, request.raw_path),
        resource: "*".to_owned(),
        ..Known::default()
    };
    let response = match api.calls.try_acquire() {
        Ok(_permit) => believed(api, request, peer, &mut known).await,
        Err(_) => {
            let message = "too many calls are under way: try again in a second".to_owned();
            error::of_operation(&OperationError::TooManyRequests(message), None)
        }
    };
    let refusal = response.extensions().get::<Refusal>().map(|refusal| refusal.0.name());
    let took = clock.monotonic().saturating_duration_since(began);
    let status = response.status().as_u16();
    // Paths that nobody knows would make a counter each.
    let counted = if known.action.contains(':') {
        &known.action
    } else {
        "unknown"
    };
    api.metrics.count(counted, status, took);
    if let Some(refusal) = refusal {
        tracing::info!(action = known.action, status, refusal, request_id = id, "call refused");
    } else {
        tracing::debug!(action = known.action, status, request_id = id, ?took, "call answered");
    }
    api.audit.record(&AuditedCall {
        time: iso8601(began_ms),
        request_id: id.to_owned(),
        principal: known.principal,
        access_key_id: known.access_key,
        source: peer.ip().to_string(),
        action: known.action,
        resource: known.resource,
        status,
        error: refusal.map(str::to_owned),
    });
    response
}

/// Finds out who calls, and answers.
async fn believed(api: &Arc<Api>, request: &Request, peer: SocketAddr, known: &mut Known) -> Response {
    if handlers::is_join(request) {
        known.action = "openmsk:JoinHost".to_owned();
        let joined = handlers::join(api, request).await;
        return joined.unwrap_or_else(|failed| error::of_operation(&failed, None));
    }
    let (service, caller) = match identify(api, request, peer, known) {
        Ok(identified) => identified,
        Err(Refused::Distrust(distrust)) => {
            if distrust != Distrust::Unsigned {
                tracing::warn!(?distrust, path = request.raw_path, "request is not believed");
            }
            return error::of_distrust(distrust);
        }
        Err(Refused::Failed(failed)) => return error::of_operation(&failed, None),
    };
    known.principal = Some(caller.arn());
    if let Some((action, resource)) = handlers::extension(request) {
        (known.action, known.resource) = (action.to_owned(), resource.clone());
        let answered = handlers::answer_extension(api, request, &caller, action, &resource).await;
        return answered.unwrap_or_else(|failed| error::of_operation(&failed, None));
    }
    let answered = match service.as_str() {
        KAFKA => return kafka(api, request, &caller, known).await,
        SECRETS_MANAGER => {
            known.action = format!("{SECRETS_MANAGER}:{}", aws_json::operation(request));
            aws_json::answer(api, request, &caller).await
        }
        STS => {
            known.action = format!("{STS}:{}", sts::operation(request));
            sts::answer(request, &caller)
        }
        KAFKA_CONNECT => {
            known.action = format!("{KAFKA_CONNECT}:{} {}", request.method, request.raw_path);
            let message = "MSK Connect is not available yet: run Kafka Connect yourself against the bootstrap brokers";
            Err(OperationError::NotAvailable(message.to_owned()))
        }
        other => Err(OperationError::unreadable(format!(
            "the request is signed for service {other:?}: use {KAFKA}, {SECRETS_MANAGER} or {STS}"
        ))),
    };
    answered.unwrap_or_else(|failed| error::of_operation(&failed, None))
}

async fn kafka(api: &Arc<Api>, request: &Request, caller: &Caller, known: &mut Known) -> Response {
    let routed = match Routed::find(request) {
        Ok(routed) => routed,
        Err(failed) => return error::of_operation(&failed, None),
    };
    let operation: &'static Operation = routed.operation;
    known.action = format!("{KAFKA}:{}", operation.name);
    let answered = async {
        let body: Value = match request.method {
            // What a caller sends with these is nobody's business.
            Method::GET | Method::DELETE => Value::Object(serde_json::Map::new()),
            _ => request.json()?,
        };
        known.resource = routed.resource(request, caller, &body);
        let call = Call::admit(api, request, caller, routed, body, &known.resource)?;
        handlers::answer(&call).await
    };
    answered
        .await
        .unwrap_or_else(|failed| error::of_operation(&failed, Some(operation)))
}

/// Why nobody is identified.
enum Refused {
    Distrust(Distrust),
    Failed(OperationError),
}

impl From<Distrust> for Refused {
    fn from(distrust: Distrust) -> Self {
        Self::Distrust(distrust)
    }
}

/// The service that a request was signed for, and who signed it.
fn identify(api: &Api, request: &Request, peer: SocketAddr, known: &mut Known) -> Result<(String, Caller), Refused> {
    let services = &api.services;
    let signature = Signature::read(request)?;
    known.access_key = Some(signature.access_key.clone());
    let key = api
        .identities
        .key(services, &signature.access_key)
        .map_err(Refused::Failed)?;
    let key = key.ok_or(Distrust::UnknownKey)?;
    signature.verify(request, &key.secret_key, services.clock.now_ms())?;
    let caller = key.caller(signature.access_key, signature.region, peer.ip());
    Ok((signature.service, caller))
}
