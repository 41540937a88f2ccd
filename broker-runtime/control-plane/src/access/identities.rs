//! Access keys: the one in the credentials file, which is the root's, and those in the store.

use std::net::IpAddr;

use super::{caller::Caller, credentials::Credentials};
use crate::{
    arn::{ROOT_ACCOUNT, Scope},
    error::OperationError,
    services::Services,
    store::{AccessKeyRecord, PrincipalRecord},
};

/// A key that somebody signs with. It cannot be printed.
pub(crate) struct SigningKey {
    /// Secret access key.
    pub(crate) secret_key: String,
    /// Account.
    pub(crate) account: String,
    /// Principal; `None` for the root of the account.
    pub(crate) principal: Option<String>,
}

impl SigningKey {
    /// Whoever has signed with it, for a region, from an address.
    pub(crate) fn caller(self, access_key: String, region: String, source: IpAddr) -> Caller {
        Caller {
            access_key,
            world: Scope {
                account: self.account,
                region,
            },
            principal: self.principal,
            source: source.to_string(),
        }
    }
}

/// Looks keys up.
pub(crate) struct Identities {
    root: Credentials,
}

impl Identities {
    /// With the key of the credentials file.
    pub(crate) fn new(root: Credentials) -> Self {
        Self { root }
    }

    /// A secret that only this runtime has.
    pub(crate) fn secret(&self) -> &str {
        &self.root.secret_key
    }

    /// The key of an id, unless there is none or it has been disabled.
    pub(crate) fn key(&self, services: &Services, access_key: &str) -> Result<Option<SigningKey>, OperationError> {
        if access_key == self.root.access_key {
            return Ok(Some(SigningKey {
                secret_key: self.root.secret_key.clone(),
                account: ROOT_ACCOUNT.to_owned(),
                principal: None,
            }));
        }
        let found: Option<AccessKeyRecord> = services.store.get(access_key)?;
        let Some(found) = found.filter(|key| key.enabled) else {
            return Ok(None);
        };
        let plain = services.secret_box.open_sealed(&found.secret_key);
        let plain = plain.map_err(|error| OperationError::Internal(error.to_string()))?;
        let secret_key =
            String::from_utf8(plain).map_err(|_| OperationError::Internal("a key is not text".to_owned()))?;
        Ok(Some(SigningKey {
            secret_key,
            account: found.account,
            principal: found.principal,
        }))
    }
}

/// The policy of a principal, as it was stored.
pub(super) fn policy_of(services: &Services, account: &str, name: &str) -> Result<Option<String>, OperationError> {
    let found: Option<PrincipalRecord> = services.store.get(&PrincipalRecord::key_of(account, name))?;
    Ok(found.and_then(|principal| principal.policy))
}
