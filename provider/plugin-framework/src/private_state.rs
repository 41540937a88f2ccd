//! What a resource keeps in Terraform's state that no person sees: values by key, opaque to Terraform.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Private state of a resource. Never put a secret in it: Terraform stores it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateState(BTreeMap<String, Json>);

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    values: BTreeMap<String, Json>,
}

/// Version of the stored form.
const FORMAT: u32 = 1;

impl PrivateState {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.0.get(key)
    }

    /// The text of a key.
    pub fn string(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Json::as_str)
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Reads what [`Self::to_bytes`] wrote; anything else, such as what another provider left there, reads as empty.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let stored = serde_json::from_slice::<Stored>(bytes)
            .ok()
            .filter(|it| it.format == FORMAT);
        Self(stored.map(|it| it.values).unwrap_or_default())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let stored = Stored {
            format: FORMAT,
            values: self.0.clone(),
        };
        serde_json::to_vec(&stored).expect("a map of JSON values is always written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_make_the_round_trip_and_foreign_bytes_are_ignored() {
        let mut state = PrivateState::default();
        state.set("token", "abc");
        assert_eq!(PrivateState::from_bytes(&state.to_bytes()), state);
        assert_eq!(
            PrivateState::from_bytes(b"{\"schema_version\":\"1\"}"),
            PrivateState::default()
        );
        assert!(PrivateState::default().to_bytes().is_empty());
    }
}
