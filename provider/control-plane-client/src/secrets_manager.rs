//! Secrets, in the protocol of AWS Secrets Manager: JSON 1.1 with the operation in a header.

use control_plane_api::secrets_manager::*;
use http::Method;
use serde::Serialize;

use crate::{
    error::Result,
    transport::{Call, Client, Retry},
};

/// A call of Secrets Manager; `target` is its name there.
fn call(operation: &'static str, target: &str, request: &impl Serialize) -> Call {
    let mut call = Call::new(operation, Method::POST, "/".to_owned())
        .header("x-amz-target", Some(&format!("secretsmanager.{target}")))
        .header("content-type", Some("application/x-amz-json-1.1"));
    call.service = "secretsmanager";
    call.body = serde_json::to_vec(request).expect("requests are plain structs, which always serialise");
    call
}

/// With a token, doing it twice is doing it once.
fn repeatable(token: Option<&String>) -> Retry {
    if token.is_some() {
        Retry::Always
    } else {
        Retry::IfUnsent
    }
}

impl Client {
    /// Creates a secret with its first value. With the same idempotency token and name again, it gives the secret that
    /// was made the first time this value.
    pub async fn create_secret(
        &self,
        request: &CreateSecretRequest,
        idempotency_token: Option<&str>,
    ) -> Result<SecretResponse> {
        let call = call("create_secret", "CreateSecret", request).idempotent(idempotency_token);
        self.call(call).await
    }

    /// Gives a secret a new value.
    pub async fn put_secret_value(&self, request: &PutSecretValueRequest) -> Result<SecretResponse> {
        let retry = repeatable(request.client_request_token.as_ref());
        let call = call("put_secret_value", "PutSecretValue", request).retry(retry);
        self.call(call.until_brokers_know()).await
    }

    /// A secret, by name or ARN, without its value.
    pub async fn describe_secret(&self, request: &SecretRequest) -> Result<DescribeSecretResponse> {
        self.call(call("describe_secret", "DescribeSecret", request).retry(Retry::Always))
            .await
    }

    /// The value of a secret, by name or ARN.
    pub async fn get_secret_value(&self, request: &SecretRequest) -> Result<GetSecretValueResponse> {
        self.call(call("get_secret_value", "GetSecretValue", request).retry(Retry::Always))
            .await
    }

    /// Deletes a secret, by name or ARN.
    pub async fn delete_secret(&self, request: &SecretRequest) -> Result<DeleteSecretResponse> {
        self.call(call("delete_secret", "DeleteSecret", request).retry(Retry::Always))
            .await
    }
}
