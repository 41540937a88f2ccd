//! Secrets, as Secrets Manager reports them.

use control_plane_api::{
    SecretText,
    secrets_manager::{
        DescribeSecretResponse, GetSecretValueResponse, ListSecretsRequest, SecretFilter, SecretRequest, Tag,
    },
};

use crate::{arn::Scope, error::OperationError, services::Services, store::SecretRecord};

/// The stage of the version in force.
const CURRENT: &str = "AWSCURRENT";
/// The stage of the one before it.
const PREVIOUS: &str = "AWSPREVIOUS";

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
pub(crate) fn secret_record(services: &Services, world: &Scope, id: &str) -> Result<SecretRecord, OperationError> {
    if let Some(secret) = services.store.get::<SecretRecord>(id)? {
        return Some(secret)
            .filter(|secret| world.holds(&secret.arn))
            .ok_or_else(|| no_secret(id));
    }
    let all: Vec<SecretRecord> = services.store.all()?;
    all.into_iter()
        .find(|secret| secret.name == id && world.holds(&secret.arn))
        .ok_or_else(|| no_secret(id))
}

/// `DescribeSecret`.
pub(crate) async fn describe_secret(
    services: &Services,
    world: &Scope,
    request: &SecretRequest,
) -> Result<DescribeSecretResponse, OperationError> {
    Ok(description(secret_record(services, world, &request.secret_id)?))
}

/// `GetSecretValue`: the version in force, or the one before it.
pub(crate) async fn get_secret_value(
    services: &Services,
    world: &Scope,
    request: &SecretRequest,
) -> Result<GetSecretValueResponse, OperationError> {
    let secret = secret_record(services, world, &request.secret_id)?;
    let current = (CURRENT, secret.version_id, secret.value);
    let previous = secret.previous.map(|(id, value)| (PREVIOUS, id, value));
    let fits = |stage: &str, id: &String| {
        request.version_id.as_ref().is_none_or(|wanted| wanted == id)
            && match request.version_stage.as_deref() {
                Some(wanted) => wanted == stage,
                None => stage == CURRENT || request.version_id.is_some(),
            }
    };
    let mut versions = std::iter::once(current).chain(previous);
    let found = versions.find(|(stage, id, _)| fits(stage, id));
    let (stage, version_id, value) = found
        .ok_or_else(|| OperationError::SecretNotFound(format!("secret {:?} has no such version", request.secret_id)))?;
    let unreadable = |error: String| OperationError::Internal(error);
    let plain = services.secret_box.open_sealed(&value);
    let plain = plain.map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(plain).map_err(|_| unreadable("a secret is not text".to_owned()))?;
    Ok(GetSecretValueResponse {
        arn: secret.arn,
        name: secret.name,
        version_id,
        secret_string: SecretText::new(text),
        version_stages: vec![stage.to_owned()],
        created_date: unix_seconds(secret.changed_ms),
    })
}

/// `ListSecrets`: by name.
pub(crate) async fn list_secrets(
    services: &Services,
    world: &Scope,
    request: &ListSecretsRequest,
) -> Result<Vec<DescribeSecretResponse>, OperationError> {
    const KEYS: [&str; 4] = ["name", "description", "tag-key", "tag-value"];
    if let Some(filter) = request
        .filters
        .iter()
        .find(|filter| !KEYS.contains(&filter.key.as_str()))
    {
        let message = format!(
            "secrets cannot be filtered by {:?}: use {}",
            filter.key,
            KEYS.join(", ")
        );
        return Err(OperationError::InvalidSecretRequest(message));
    }
    let mut all: Vec<SecretRecord> = services.store.all()?;
    all.retain(|secret| world.holds(&secret.arn) && request.filters.iter().all(|filter| fits(filter, secret)));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all.into_iter().map(description).collect())
}

fn fits(filter: &SecretFilter, secret: &SecretRecord) -> bool {
    let texts: Vec<&String> = match filter.key.as_str() {
        "name" => vec![&secret.name],
        "description" => secret.description.iter().collect(),
        "tag-key" => secret.tags.keys().collect(),
        _ => secret.tags.values().collect(),
    };
    filter.values.iter().any(|value| match value.strip_prefix('!') {
        Some(unwanted) => !texts.iter().any(|text| text.starts_with(unwanted)),
        None => texts.iter().any(|text| text.starts_with(value.as_str())),
    })
}

fn description(secret: SecretRecord) -> DescribeSecretResponse {
    let current = (secret.version_id, vec![CURRENT.to_owned()]);
    let previous = secret.previous.map(|(id, _)| (id, vec![PREVIOUS.to_owned()]));
    DescribeSecretResponse {
        arn: secret.arn,
        name: secret.name,
        description: secret.description,
        version_ids_to_stages: std::iter::once(current).chain(previous).collect(),
        created_date: unix_seconds(secret.created_ms),
        last_changed_date: unix_seconds(secret.changed_ms),
        tags: secret.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
    }
}
