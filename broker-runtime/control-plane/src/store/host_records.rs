//! What the store keeps of hosts and of the tokens that let them join.

use host_link::HostEntry;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Record;

/// A host that has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostRecord {
    /// What it is and where.
    pub(crate) entry: HostEntry,
    /// Tells the key with which it has joined from others.
    pub(crate) key_fingerprint: String,
    pub(crate) created_ms: i64,
    /// Why it was declared dead, when nobody in person has done it.
    #[serde(default)]
    pub(crate) dead_reason: Option<String>,
}

impl Record for HostRecord {
    const TABLE: &'static str = "hosts";
    fn key(&self) -> String {
        self.entry.name.clone()
    }
}

/// A token. Its secret is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostTokenRecord {
    pub(crate) token_id: String,
    /// SHA-256 of the secret.
    pub(crate) secret_hash: String,
    /// Zone that the host will stand in.
    pub(crate) zone: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    /// Who has used it.
    pub(crate) used: Option<TokenUse>,
}

/// The use of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenUse {
    pub(crate) host_id: Uuid,
    pub(crate) host_name: String,
    /// Tells the key of the host from others: the same one may ask again, for an answer that it did not get.
    pub(crate) key_fingerprint: String,
    pub(crate) used_ms: i64,
}

impl Record for HostTokenRecord {
    const TABLE: &'static str = "host_tokens";
    fn key(&self) -> String {
        self.token_id.clone()
    }
}
