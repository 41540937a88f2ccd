//! What the store keeps of those who call.

use serde::{Deserialize, Serialize};

use super::Record;

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessKeyRecord {
    /// Id.
    pub(crate) access_key: String,
    /// Sealed by `SecretBox`.
    pub(crate) secret_key: Vec<u8>,
    /// Account.
    pub(crate) account: String,
    /// Principal; `None` for the root of the account.
    pub(crate) principal: Option<String>,
    pub(crate) created_ms: i64,
    /// A disabled key lets nobody in.
    pub(crate) enabled: bool,
}

impl Record for AccessKeyRecord {
    const TABLE: &'static str = "access_keys";
    fn key(&self) -> String {
        self.access_key.clone()
    }
}

/// An authority whose certificates Kafka clients may show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientAuthorityRecord {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// Its certificate; there is no key to it here.
    pub(crate) certificate_pem: String,
    pub(crate) subject: String,
    pub(crate) not_after_ms: i64,
    pub(crate) created_ms: i64,
}

impl Record for ClientAuthorityRecord {
    const TABLE: &'static str = "client_authorities";
    fn key(&self) -> String {
        self.arn.clone()
    }
}

/// A principal of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrincipalRecord {
    /// Account.
    pub(crate) account: String,
    /// Name.
    pub(crate) name: String,
    /// Its policy, as it was given; without one it may do nothing.
    pub(crate) policy: Option<String>,
    pub(crate) created_ms: i64,
}

impl PrincipalRecord {
    /// Key of a principal.
    pub(crate) fn key_of(account: &str, name: &str) -> String {
        format!("{account}/{name}")
    }
}

impl Record for PrincipalRecord {
    const TABLE: &'static str = "principals";
    fn key(&self) -> String {
        Self::key_of(&self.account, &self.name)
    }
}
