//! Secrets, as Secrets Manager reports them.

use std::collections::BTreeMap;

use control_plane_api::{
    SecretText,
    secrets_manager::{DescribeSecretResponse, GetSecretValueResponse, SecretRequest},
};

use crate::{error::OperationError, services::Services, store::SecretRecord};

/// The stage of the version in force.
const CURRENT: &str = "AWSCURRENT";

/// A point in time, as Secrets Manager writes it.
pub(crate) fn unix_seconds(ms: i64) -> f64 {
    let whole = i32::try_from(ms / 1000).unwrap_or(i32::MAX);
    f64::from(whole)
}

/// No such secret.
pub(crate) fn no_secret(id: &str) -> OperationError {
    OperationError::SecretNotFound(format!("secret {id:?} does not exist"))
}

/// The record of a secret, by ARN or by name.
pub(crate) fn secret_record(services: &Services, id: &str) -> Result<SecretRecord, OperationError> {
    if let Some(secret) = services.store.get(id)? {
        return Ok(secret);
    }
    let all: Vec<SecretRecord> = services.store.all()?;
    all.into_iter()
        .find(|secret| secret.name == id)
        .ok_or_else(|| no_secret(id))
}

/// `DescribeSecret`.
pub(crate) async fn describe_secret(
    services: &Services,
    request: &SecretRequest,
) -> Result<DescribeSecretResponse, OperationError> {
    Ok(description(secret_record(services, &request.secret_id)?))
}

/// `GetSecretValue`.
pub(crate) async fn get_secret_value(
    services: &Services,
    request: &SecretRequest,
) -> Result<GetSecretValueResponse, OperationError> {
    let secret = secret_record(services, &request.secret_id)?;
    let unreadable = |error: String| OperationError::Internal(error);
    let plain = services.secret_box.open_sealed(&secret.value);
    let plain = plain.map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(plain).map_err(|_| unreadable("a secret is not text".to_owned()))?;
    Ok(GetSecretValueResponse {
        arn: secret.arn,
        name: secret.name,
        version_id: secret.version_id,
        secret_string: SecretText::new(text),
        version_stages: vec![CURRENT.to_owned()],
        created_date: unix_seconds(secret.changed_ms),
    })
}

/// `ListSecrets`: by name.
pub(crate) async fn list_secrets(services: &Services) -> Result<Vec<DescribeSecretResponse>, OperationError> {
    let mut all: Vec<SecretRecord> = services.store.all()?;
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all.into_iter().map(description).collect())
}

fn description(secret: SecretRecord) -> DescribeSecretResponse {
    DescribeSecretResponse {
        arn: secret.arn,
        name: secret.name,
        description: secret.description,
        version_ids_to_stages: BTreeMap::from([(secret.version_id, vec![CURRENT.to_owned()])]),
        created_date: unix_seconds(secret.created_ms),
        last_changed_date: unix_seconds(secret.changed_ms),
    }
}
