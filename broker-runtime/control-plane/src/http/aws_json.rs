//! The two AWS services beside MSK that speak another protocol: Secrets Manager (JSON 1.1) and STS (forms and XML).

use axum::response::{IntoResponse, Response};
use control_plane_api::secrets_manager::ListSecretsResponse;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use super::{api::Api, request::Request};
use crate::{arn::ACCOUNT, error::OperationError, operations, queries};

/// `POST /` with the operation in `X-Amz-Target`.
pub(super) async fn secrets_manager(api: &Api, request: &Request) -> Result<Response, OperationError> {
    let services = &*api.services;
    let target = request.header("x-amz-target").unwrap_or_default();
    match target.rsplit('.').next().unwrap_or_default() {
        "CreateSecret" => {
            let token = request.idempotency_token();
            json(&operations::create_secret(services, request.json()?, token).await?)
        }
        "PutSecretValue" | "UpdateSecret" => json(&operations::put_secret_value(services, request.json()?).await?),
        "GetSecretValue" => json(&queries::get_secret_value(services, &request.json()?).await?),
        "DescribeSecret" => json(&queries::describe_secret(services, &request.json()?).await?),
        "DeleteSecret" => json(&operations::delete_secret(services, request.json()?).await?),
        "ListSecrets" => json(&ListSecretsResponse {
            secret_list: queries::list_secrets(services).await?,
        }),
        other => Err(OperationError::InvalidSecretRequest(format!(
            "operation {other:?} of Secrets Manager is not available yet"
        ))),
    }
}

fn json(answer: &impl Serialize) -> Result<Response, OperationError> {
    let text = serde_json::to_string(answer).map_err(|error| OperationError::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/x-amz-json-1.1")], text).into_response())
}

/// `POST /` with the operation in a form.
pub(super) fn sts(request: &Request) -> Result<Response, OperationError> {
    let form = request.form();
    match form.get("Action").map(String::as_str) {
        Some("GetCallerIdentity") => {
            let text = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account>\
                 </GetCallerIdentityResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>\
                 </GetCallerIdentityResponse>"
            );
            Ok(([(CONTENT_TYPE, "text/xml")], text).into_response())
        }
        other => Err(OperationError::InvalidRequest {
            parameter: None,
            message: format!("operation {:?} of STS is not available yet", other.unwrap_or_default()),
        }),
    }
}
