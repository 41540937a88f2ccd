//! `cluster.json`: what an engine has to know of a cluster before anything of it is started.

use std::path::Path;

use engine::EngineError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::durable_file::{self, Readers};

/// How far a cluster has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// It has never been what it should be: when that turns out to be impossible it goes away again.
    Creating,
    /// It has been what it should be once.
    Established,
    /// It is to go away.
    Removing,
    /// Another engine is to have it: its brokers have ended, or are about to.
    HandingOver,
    /// Another engine has it; what is left is its name and its addresses.
    HandedOver,
    /// It is being taken over from another engine; nothing of it has run yet.
    TakingOver,
}

/// Reads a description; `None` when there is none.
pub fn read<D: DeserializeOwned>(path: &Path) -> Result<Option<D>, EngineError> {
    let Some(text) = durable_file::read(path)? else {
        return Ok(None);
    };
    let description = serde_json::from_slice(&text).map_err(|source| EngineError::Internal {
        context: format!("{} is malformed", path.display()),
        source: source.into(),
    })?;
    Ok(Some(description))
}

/// Replaces a description, which consists of texts and numbers.
pub fn write<D: Serialize>(path: &Path, description: &D) -> Result<(), EngineError> {
    let text = serde_json::to_vec_pretty(description).expect("a structure of texts and numbers is serialisable");
    durable_file::replace(path, &text, Readers::User)
}
