//! Creations that may be asked for twice. Whoever was cut off before it saw the answer asks again with the same
//! idempotency token and the same request, and gets the first answer; once the caller has written it down it gives the
//! token up, and the name is simply taken from then on.
//!
//! MSK itself has no tokens here: without the header nothing of this happens.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::Serialize;

use crate::{
    error::OperationError,
    services::Services,
    store::{CreationRecord, StoreError, Transaction},
};

/// How something is to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempt {
    /// Tells an attempt that is made again from another one.
    pub(crate) idempotency_token: Option<String>,
    /// Only say whether it could be made.
    pub(crate) validate_only: bool,
}

/// A request that carries a token.
#[derive(Clone, Debug)]
pub(super) struct Creation {
    token: String,
    fingerprint: String,
}

impl Creation {
    /// `None` for a request without a token.
    pub(super) fn new(token: Option<String>, request: &impl Serialize) -> Option<Self> {
        let body = serde_json::to_vec(request).unwrap_or_default();
        let digest = ring::digest::digest(&ring::digest::SHA256, &body);
        token.map(|token| Self {
            token,
            fingerprint: STANDARD_NO_PAD.encode(digest),
        })
    }

    /// ARN of what the same request has made before.
    pub(super) fn made_before(&self, transaction: &Transaction<'_>) -> Result<Option<String>, StoreError> {
        let found = transaction.get::<CreationRecord>(&self.token)?;
        Ok(found
            .filter(|found| found.fingerprint == self.fingerprint)
            .map(|found| found.resource_arn))
    }

    /// Remembers what this request makes.
    pub(super) fn remember(&self, transaction: &Transaction<'_>, resource_arn: &str) -> Result<(), StoreError> {
        transaction.put(&CreationRecord {
            token: self.token.clone(),
            fingerprint: self.fingerprint.clone(),
            resource_arn: resource_arn.to_owned(),
        })
    }

    /// Nothing was made.
    pub(super) fn forget(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        transaction.delete::<CreationRecord>(&self.token)
    }
}

/// Forgets how something was made that is going away, and everything below it.
pub(crate) fn forget_creations(transaction: &Transaction<'_>, resource_arn: &str) -> Result<(), StoreError> {
    let below = resource_arn.replacen(":cluster/", ":topic/", 1) + "/";
    for creation in transaction.all::<CreationRecord>()? {
        if creation.resource_arn == resource_arn || creation.resource_arn.starts_with(&below) {
            transaction.delete::<CreationRecord>(&creation.token)?;
        }
    }
    Ok(())
}

/// The caller has the answer and will not ask again. A token nobody knows is fine.
pub(crate) async fn forget_idempotency_token(services: &Services, token: &str) -> Result<(), OperationError> {
    services
        .store
        .transaction_together(|transaction| {
            transaction
                .delete::<CreationRecord>(token)
                .map_err(OperationError::from)
        })
        .await
}
