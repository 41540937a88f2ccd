//! Access keys and the policies of their principals.

use control_plane_api::{
    SecretText,
    identities::{CreateAccessKeyRequest, CreateAccessKeyResponse, PutPrincipalRequest},
};

use crate::{
    access::{Policy, PolicyKind, new_access_key, new_secret_key},
    arn::ROOT_ACCOUNT,
    error::OperationError,
    queries,
    services::Services,
    store::{AccessKeyRecord, PrincipalRecord, Transaction},
};

/// Keys that a principal may have: one in use, and one that takes its place.
const KEYS_MAX: usize = 2;
/// Longest name of a principal.
const NAME_CHARS_MAX: usize = 64;
/// Digits of an account.
const ACCOUNT_DIGITS: usize = 12;

/// Makes a key. Its principal is made with it where there is none, and gets the policy that is named.
pub(crate) async fn create_access_key(
    services: &Services,
    request: CreateAccessKeyRequest,
) -> Result<CreateAccessKeyResponse, OperationError> {
    let account = request.account.unwrap_or_else(|| ROOT_ACCOUNT.to_owned());
    check_account(&account)?;
    let failed = |error: std::io::Error| OperationError::Internal(error.to_string());
    let secret_key = new_secret_key().map_err(failed)?;
    let sealed = services.secret_box.seal(secret_key.as_bytes());
    let key = AccessKeyRecord {
        access_key: new_access_key().map_err(failed)?,
        secret_key: sealed.map_err(|error| OperationError::Internal(error.to_string()))?,
        account,
        principal: request.principal,
        created_ms: services.clock.now_ms(),
        enabled: true,
    };
    services.store.transaction(|transaction| {
        let all = transaction.all::<AccessKeyRecord>()?;
        let same = |other: &&AccessKeyRecord| other.account == key.account && other.principal == key.principal;
        if all.iter().filter(same).count() >= KEYS_MAX {
            let message = format!("the principal has {KEYS_MAX} access keys already: delete one first");
            return Err(OperationError::Conflict(message));
        }
        match (&key.principal, request.policy) {
            (None, Some(_)) => {
                return Err(OperationError::invalid(
                    "policy",
                    "the root of an account may everything: it has no policy",
                ));
            }
            (None, None) => (),
            (Some(name), policy) => put(services, transaction, &key.account, name, policy)?,
        }
        transaction.put(&key)?;
        Ok(())
    })?;
    Ok(CreateAccessKeyResponse {
        access_key: queries::access_key(&key),
        secret_access_key: SecretText::new(secret_key),
    })
}

/// Lets a key in, or no longer.
pub(crate) async fn update_access_key(services: &Services, id: &str, status: &str) -> Result<(), OperationError> {
    let enabled = match status {
        "ACTIVE" => true,
        "DISABLED" => false,
        _ => return Err(OperationError::invalid("status", "status is ACTIVE or DISABLED")),
    };
    services.store.transaction(|transaction| {
        let found: Option<AccessKeyRecord> = transaction.get(id)?;
        let mut key = found.ok_or_else(|| no_key(id))?;
        key.enabled = enabled;
        transaction.put(&key)?;
        Ok(())
    })
}

/// Deletes a key; its principal and policy stay.
pub(crate) async fn delete_access_key(services: &Services, id: &str) -> Result<(), OperationError> {
    services.store.transaction(|transaction| {
        let found: Option<AccessKeyRecord> = transaction.get(id)?;
        found.ok_or_else(|| no_key(id))?;
        transaction.delete::<AccessKeyRecord>(id)?;
        Ok(())
    })
}

/// Makes a principal, or gives one another policy.
pub(crate) async fn put_principal(
    services: &Services,
    account: &str,
    name: &str,
    request: PutPrincipalRequest,
) -> Result<(), OperationError> {
    check_account(account)?;
    services
        .store
        .transaction(|transaction| put(services, transaction, account, name, Some(request.policy)))
}

fn put(
    services: &Services,
    transaction: &Transaction<'_>,
    account: &str,
    name: &str,
    policy: Option<String>,
) -> Result<(), OperationError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "+=,.@_-".contains(character);
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(allowed) {
        let message =
            format!("{name:?} is not a name of a principal: it has 1 to {NAME_CHARS_MAX} letters, digits and +=,.@_-");
        return Err(OperationError::invalid("principal", message));
    }
    if let Some(policy) = &policy {
        Policy::parse(policy, PolicyKind::Identity)
            .map_err(|problem| OperationError::invalid("policy", format!("the policy cannot be used: {problem}")))?;
    }
    let before: Option<PrincipalRecord> = transaction.get(&PrincipalRecord::key_of(account, name))?;
    let mut principal = before.unwrap_or_else(|| PrincipalRecord {
        account: account.to_owned(),
        name: name.to_owned(),
        policy: None,
        created_ms: services.clock.now_ms(),
    });
    principal.policy = policy.or(principal.policy);
    transaction.put(&principal)?;
    Ok(())
}

fn check_account(account: &str) -> Result<(), OperationError> {
    if account.len() == ACCOUNT_DIGITS && account.chars().all(|character| character.is_ascii_digit()) {
        return Ok(());
    }
    let message = format!("{account:?} is not an account: it has {ACCOUNT_DIGITS} digits");
    Err(OperationError::invalid("account", message))
}

fn no_key(id: &str) -> OperationError {
    OperationError::NotFound(format!("access key {id} does not exist"))
}
