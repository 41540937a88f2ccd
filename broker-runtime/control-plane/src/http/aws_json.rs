//! Secrets Manager, as far as SCRAM has use for it: JSON 1.1, the operation in `X-Amz-Target`.

use std::collections::BTreeMap;

use axum::response::IntoResponse;
use control_plane_api::secrets_manager::{ListSecretsResponse, TagSecretRequest, UntagSecretRequest};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Value, json};

use super::{api::Api, call::Answer, request::Request};
use crate::{
    access::{Caller, Wanted, authorize},
    error::OperationError,
    operations, queries,
};

/// The operation that a request names.
pub(super) fn operation(request: &Request) -> &str {
    let target = request.header("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

/// `POST /` with the operation in a header.
pub(super) async fn answer(api: &Api, request: &Request, caller: &Caller) -> Answer {
    let (services, world, operation) = (&*api.services, &caller.world, operation(request));
    let body: Value = request.json()?;
    allow(api, caller, operation, &body)?;
    match operation {
        "CreateSecret" => {
            let token = request.idempotency_token();
            answered(&operations::create_secret(services, world, request.json()?, token).await?)
        }
        "PutSecretValue" => answered(&operations::put_secret_value(services, world, request.json()?).await?),
        "UpdateSecret" => answered(&operations::update_secret(services, world, request.json()?).await?),
        "GetSecretValue" => answered(&queries::get_secret_value(services, world, &request.json()?).await?),
        "DescribeSecret" => answered(&queries::describe_secret(services, world, &request.json()?).await?),
        "DeleteSecret" => answered(&operations::delete_secret(services, world, request.json()?).await?),
        "ListSecrets" => answered(&ListSecretsResponse {
            secret_list: queries::list_secrets(services, world, &request.json()?).await?,
        }),
        "TagResource" => {
            let TagSecretRequest { secret_id, tags } = request.json()?;
            let tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            operations::tag_secret(services, world, &secret_id, tags)?;
            answered(&json!({}))
        }
        "UntagResource" => {
            let UntagSecretRequest { secret_id, tag_keys } = request.json()?;
            operations::untag_secret(services, world, &secret_id, &tag_keys)?;
            answered(&json!({}))
        }
        other => Err(OperationError::InvalidSecretRequest(format!(
            "operation {other:?} of Secrets Manager is not available: a secret has a value, the value before it, a \
             description and tags"
        ))),
    }
}

/// Succeeds when the caller may.
fn allow(api: &Api, caller: &Caller, operation: &str, body: &Value) -> Result<(), OperationError> {
    let world = &caller.world;
    let resource = match (body["SecretId"].as_str(), body["Name"].as_str()) {
        (Some(id), _) => {
            queries::secret_record(&api.services, world, id).map_or_else(|_| id.to_owned(), |found| found.arn)
        }
        (None, Some(name)) => world.secret(name, "??????"),
        (None, None) => "*".to_owned(),
    };
    let tags = body["Tags"].as_array().into_iter().flatten();
    let tags: BTreeMap<String, String> = tags
        .filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned())))
        .collect();
    let wanted = Wanted {
        action: format!("secretsmanager:{operation}"),
        resource: &resource,
        request_tags: tags,
        tag_keys: Vec::new(),
    };
    match authorize(&api.services, caller, &wanted) {
        Err(OperationError::NotFound(_)) => Err(queries::no_secret(&resource)),
        allowed => allowed,
    }
}

fn answered(answer: &impl Serialize) -> Answer {
    let text = serde_json::to_string(answer).map_err(|error| OperationError::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/x-amz-json-1.1")], text).into_response())
}
