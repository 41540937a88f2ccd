//! Tokens, each of which lets one host join.

use control_plane_api::{
    SecretText,
    hosts::{CreateHostTokenRequest, CreateHostTokenResponse},
};
use host_link::{JoinToken, secret_hash};

use super::hosts::check_zone;
use crate::{error::OperationError, queries, services::Services, store::HostTokenRecord};

/// How long a token may be used when nobody says so, and at most.
const TTL_DEFAULT_S: u64 = 3600;
const TTL_MAX_S: u64 = 7 * 24 * 3600;
/// How long tokens are remembered that can no longer be used: who uses one is told why it does not do.
const REMEMBERED_MS: i64 = 7 * 24 * 3600 * 1000;
/// Tokens that are kept at the same time.
const TOKENS_MAX: usize = 1000;

/// Makes a token.
pub(crate) async fn create_host_token(
    services: &Services,
    request: CreateHostTokenRequest,
) -> Result<CreateHostTokenResponse, OperationError> {
    if let Some(zone) = &request.zone {
        check_zone(zone)?;
    }
    let ttl_s = request.ttl_seconds.unwrap_or(TTL_DEFAULT_S);
    if !(1..=TTL_MAX_S).contains(&ttl_s) {
        let message = format!("a token can be used for 1 to {TTL_MAX_S} seconds");
        return Err(OperationError::invalid("ttlSeconds", message));
    }
    let entrance = services.entrance.get().ok_or_else(|| {
        OperationError::Conflict(
            "other machines cannot reach this control plane: start it with `--listen ADDRESS:PORT --tls auto`"
                .to_owned(),
        )
    })?;
    let token = JoinToken::new(&entrance.fingerprint)
        .ok_or_else(|| OperationError::Internal("the system has no random bytes".to_owned()))?;
    let now_ms = services.clock.now_ms();
    let record = HostTokenRecord {
        token_id: token.id.clone(),
        secret_hash: secret_hash(token.secret()),
        zone: request.zone,
        created_ms: now_ms,
        expires_ms: now_ms.saturating_add(i64::try_from(ttl_s).unwrap_or(i64::MAX).saturating_mul(1000)),
        used: None,
    };
    services.store.transaction(|transaction| {
        let all = transaction.all::<HostTokenRecord>()?;
        let (old, kept): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|token| token.expires_ms.saturating_add(REMEMBERED_MS) < now_ms);
        if kept.len() >= TOKENS_MAX {
            let message = format!("there are {TOKENS_MAX} tokens: revoke some first");
            return Err(OperationError::Conflict(message));
        }
        for token in old {
            transaction.delete::<HostTokenRecord>(&token.token_id)?;
        }
        transaction.put(&record)?;
        Ok(())
    })?;
    Ok(CreateHostTokenResponse {
        token: SecretText::new(token.reveal()),
        host_token: queries::host_token(&record, now_ms),
        join_address: entrance.address.clone(),
    })
}

/// Forgets a token. A host that has joined with it stays.
pub(crate) async fn delete_host_token(services: &Services, token_id: &str) -> Result<(), OperationError> {
    services.store.transaction(|transaction| {
        let found: Option<HostTokenRecord> = transaction.get(token_id)?;
        found.ok_or_else(|| OperationError::NotFound(format!("there is no token {token_id}")))?;
        transaction.delete::<HostTokenRecord>(token_id)?;
        Ok(())
    })
}
