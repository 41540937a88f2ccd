//! Secrets, as far as SCRAM needs them. Values are sealed before they reach the store; of a user's password there are
//! verifiers beside it.

use std::{collections::BTreeMap, num::NonZeroU32};

use control_plane_api::secrets_manager::{
    CreateSecretRequest, DeleteSecretResponse, PutSecretValueRequest, SecretRequest, SecretResponse,
    UpdateSecretRequest,
};
use ring::{
    digest, pbkdf2,
    rand::{SecureRandom, SystemRandom},
};
use serde::Deserialize;

use super::creations::{Creation, forget_creations};
use crate::{
    arn::Scope,
    error::OperationError,
    queries, reconcilers,
    services::Services,
    store::{ClusterRecord, ScramVerifier, SecretRecord},
};

/// Iterations of PBKDF2, the least that RFC 7677 allows and what Kafka uses.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("4096 is not zero");
/// Bytes of a salt.
const SALT_BYTES: usize = 32;
/// Longest name of a secret.
const NAME_CHARS_MAX: usize = 512;
/// Random characters at the end of an ARN.
const SUFFIX_CHARS: usize = 6;

/// `CreateSecret`.
pub(crate) async fn create_secret(
    services: &Services,
    world: &Scope,
    request: CreateSecretRequest,
    idempotency_token: Option<String>,
) -> Result<SecretResponse, OperationError> {
    // Without the value: nothing that is derived from a password is kept outside of its secret.
    let creation = Creation::new(idempotency_token, &request.name);
    let allowed = |character: char| character.is_ascii_alphanumeric() || "/_+=.@-".contains(character);
    if request.name.is_empty() || request.name.chars().count() > NAME_CHARS_MAX || !request.name.chars().all(allowed) {
        let message = format!(
            "{:?} is not a name of a secret: it has letters, digits and /_+=.@-",
            request.name
        );
        return Err(OperationError::InvalidSecretRequest(message));
    }
    let now_ms = services.clock.now_ms();
    let value = request.secret_string.expose();
    let secret = SecretRecord {
        arn: world.secret(&request.name, &suffix(services)),
        name: request.name,
        description: request.description,
        created_ms: now_ms,
        changed_ms: now_ms,
        version_id: request
            .client_request_token
            .unwrap_or_else(|| services.new_uuid().to_string()),
        value: seal(services, value.as_bytes())?,
        previous: None,
        tags: request.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        scram: scram(services, value)?,
    };
    let made_before = services.store.transaction(|transaction| {
        let all = transaction.all::<SecretRecord>()?;
        if let Some(there) = all
            .into_iter()
            .find(|there| there.name == secret.name && world.holds(&there.arn))
        {
            let same = there.version_id == secret.version_id && opened(services, &there)? == value.as_bytes();
            let made_before = creation.as_ref().map(|it| it.made_before(transaction)).transpose()?;
            return if same || made_before.flatten().as_ref() == Some(&there.arn) {
                Ok(Some(there.arn))
            } else {
                Err(OperationError::SecretExists(format!(
                    "secret {:?} already exists",
                    secret.name
                )))
            };
        }
        if let Some(creation) = &creation {
            creation.remember(transaction, &secret.arn)?;
        }
        transaction.put(&secret)?;
        Ok(None)
    })?;
    let Some(arn) = made_before else {
        return Ok(answer(&secret));
    };
    // What was asked for before the caller was cut off may have had another value.
    let value = PutSecretValueRequest {
        secret_id: arn,
        secret_string: request.secret_string,
        client_request_token: Some(secret.version_id),
    };
    put_secret_value(services, world, value).await
}

/// `PutSecretValue`. Users of clusters get their new password before this returns.
pub(crate) async fn put_secret_value(
    services: &Services,
    world: &Scope,
    request: PutSecretValueRequest,
) -> Result<SecretResponse, OperationError> {
    let found = queries::secret_record(services, world, &request.secret_id)?;
    let value = request.secret_string.expose();
    let version_id = request
        .client_request_token
        .unwrap_or_else(|| services.new_uuid().to_string());
    let (sealed, verifiers) = (seal(services, value.as_bytes())?, scram(services, value)?);
    let now_ms = services.clock.now_ms();
    let (secret, clusters) = services.store.transaction(|transaction| {
        let Some(mut secret) = transaction.get::<SecretRecord>(&found.arn)? else {
            return Err(queries::no_secret(&found.arn));
        };
        let clusters = users_of(transaction.all::<ClusterRecord>()?, &secret.arn);
        let renamed = secret.scram.as_ref().map(|(name, _)| name) != verifiers.as_ref().map(|(name, _)| name);
        if renamed && !clusters.is_empty() {
            let message =
                "the secret is associated with a cluster: its user name cannot change, and it needs a password";
            return Err(OperationError::InvalidSecretRequest(message.to_owned()));
        }
        if secret.version_id != version_id {
            let (id, value) = (secret.version_id, secret.value);
            secret.previous = Some((id, value));
        }
        secret.value = sealed;
        secret.scram = verifiers;
        secret.version_id = version_id;
        secret.changed_ms = now_ms;
        transaction.put(&secret)?;
        Ok((secret, clusters))
    })?;
    for cluster in clusters {
        reconcilers::apply_users(services, cluster.uuid).await?;
    }
    Ok(answer(&secret))
}

/// `UpdateSecret`: a new value, another description, or both.
pub(crate) async fn update_secret(
    services: &Services,
    world: &Scope,
    request: UpdateSecretRequest,
) -> Result<SecretResponse, OperationError> {
    if let Some(description) = request.description {
        change(services, world, &request.secret_id, |secret| {
            secret.description = Some(description)
        })?;
    }
    match request.secret_string {
        Some(secret_string) => {
            let value = PutSecretValueRequest {
                secret_id: request.secret_id,
                secret_string,
                client_request_token: request.client_request_token,
            };
            put_secret_value(services, world, value).await
        }
        None => Ok(answer(&queries::secret_record(services, world, &request.secret_id)?)),
    }
}

/// `TagResource` of Secrets Manager.
pub(crate) fn tag_secret(
    services: &Services,
    world: &Scope,
    id: &str,
    tags: BTreeMap<String, String>,
) -> Result<(), OperationError> {
    change(services, world, id, |secret| secret.tags.extend(tags))
}

/// `UntagResource` of Secrets Manager.
pub(crate) fn untag_secret(
    services: &Services,
    world: &Scope,
    id: &str,
    keys: &[String],
) -> Result<(), OperationError> {
    change(services, world, id, |secret| {
        secret.tags.retain(|key, _| !keys.contains(key))
    })
}

fn change(
    services: &Services,
    world: &Scope,
    id: &str,
    change: impl FnOnce(&mut SecretRecord),
) -> Result<(), OperationError> {
    let found = queries::secret_record(services, world, id)?;
    services.store.transaction(|transaction| {
        let secret: Option<SecretRecord> = transaction.get(&found.arn)?;
        let mut secret = secret.ok_or_else(|| queries::no_secret(id))?;
        change(&mut secret);
        transaction.put(&secret)?;
        Ok(())
    })
}

/// `DeleteSecret`: at once, and only when no cluster uses it.
pub(crate) async fn delete_secret(
    services: &Services,
    world: &Scope,
    request: SecretRequest,
) -> Result<DeleteSecretResponse, OperationError> {
    let found = queries::secret_record(services, world, &request.secret_id)?;
    services.store.transaction(|transaction| {
        if let Some(cluster) = users_of(transaction.all::<ClusterRecord>()?, &found.arn).first() {
            let message = format!("secret {:?} is associated with cluster {:?}", found.name, cluster.name);
            return Err(OperationError::InvalidSecretRequest(message));
        }
        forget_creations(transaction, &found.arn)?;
        transaction.delete::<SecretRecord>(&found.arn)?;
        Ok(())
    })?;
    Ok(DeleteSecretResponse {
        arn: found.arn,
        name: found.name,
        deletion_date: queries::unix_seconds(services.clock.now_ms()),
    })
}

fn users_of(mut clusters: Vec<ClusterRecord>, secret_arn: &str) -> Vec<ClusterRecord> {
    clusters.retain(|cluster| cluster.secret_arns.iter().any(|arn| arn == secret_arn));
    clusters
}

fn answer(secret: &SecretRecord) -> SecretResponse {
    SecretResponse {
        arn: secret.arn.clone(),
        name: secret.name.clone(),
        version_id: Some(secret.version_id.clone()),
    }
}

fn suffix(services: &Services) -> String {
    services
        .new_uuid()
        .simple()
        .to_string()
        .chars()
        .take(SUFFIX_CHARS)
        .collect()
}

fn seal(services: &Services, plain: &[u8]) -> Result<Vec<u8>, OperationError> {
    let sealed = services.secret_box.seal(plain);
    sealed.map_err(|error| OperationError::Internal(error.to_string()))
}

fn opened(services: &Services, secret: &SecretRecord) -> Result<Vec<u8>, OperationError> {
    let plain = services.secret_box.open_sealed(&secret.value);
    plain.map_err(|error| OperationError::Internal(error.to_string()))
}

/// A user's value.
#[derive(Deserialize)]
struct UserAndPassword {
    username: String,
    password: String,
}

/// User name and verifiers, when the value is a user's.
fn scram(services: &Services, value: &str) -> Result<Option<(String, Vec<ScramVerifier>)>, OperationError> {
    let Ok(user) = serde_json::from_str::<UserAndPassword>(value) else {
        return Ok(None);
    };
    if user.username.is_empty() || user.password.is_empty() {
        return Ok(None);
    }
    let mechanisms = [
        ("SCRAM-SHA-256", pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN),
        ("SCRAM-SHA-512", pbkdf2::PBKDF2_HMAC_SHA512, digest::SHA512_OUTPUT_LEN),
    ];
    let mut verifiers = Vec::new();
    for (mechanism, algorithm, bytes) in mechanisms {
        let mut salt = vec![0; SALT_BYTES];
        let random = SystemRandom::new().fill(&mut salt);
        random.map_err(|_| OperationError::Internal("the system gives no random bytes".to_owned()))?;
        let mut salted_password = vec![0; bytes];
        pbkdf2::derive(
            algorithm,
            ITERATIONS,
            &salt,
            user.password.as_bytes(),
            &mut salted_password,
        );
        verifiers.push(ScramVerifier {
            mechanism: mechanism.to_owned(),
            salt,
            iterations: ITERATIONS.get(),
            salted_password: seal(services, &salted_password)?,
        });
    }
    Ok(Some((user.username, verifiers)))
}
