//! The block `encryption_info`: what is encrypted, and with which key.

use plugin_framework::{
    model::{Field, Model},
    value::Value,
};

use super::model::ClusterModel;

/// What `client_broker` may be.
pub(super) const CLIENT_BROKER: &[&str] = &["TLS", "TLS_PLAINTEXT", "PLAINTEXT"];

/// Encryption.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct EncryptionInfo {
    /// ARN of the key that what brokers store is encrypted with. The runtime makes a key by that name when it has none. Without it
    /// nothing is encrypted on disk. Changing it replaces the cluster.
    #[attribute(optional, check = is_key_arn)]
    pub(super) encryption_at_rest_kms_key_arn: Field<String>,
    #[block]
    pub(super) encryption_in_transit: Field<EncryptionInTransit>,
}

/// Encryption of connections.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct EncryptionInTransit {
    /// What clients without authentication may use: `TLS` (default), `TLS_PLAINTEXT` or `PLAINTEXT`.
    #[attribute(optional, one_of = CLIENT_BROKER)]
    pub(super) client_broker: Field<String>,
    /// Whether brokers encrypt what they send each other; always true.
    #[attribute(optional, check = is_true)]
    in_cluster: Field<bool>,
}

impl EncryptionInTransit {
    /// That clients without authentication may use this.
    pub(super) fn of_clients(client_broker: &str) -> Self {
        Self {
            client_broker: client_broker.into(),
            in_cluster: Field::Null,
        }
    }
}

fn is_true(value: &Value) -> Vec<String> {
    match value.as_bool() {
        Some(false) => {
            vec!["brokers always encrypt what they send each other: leave it out, or set it to true".to_owned()]
        }
        _ => Vec::new(),
    }
}

fn is_key_arn(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(text) if !is_key(text) => vec![format!(
            "{text:?} is not the ARN of a key; use one such as arn:aws:kms:us-east-1:000000000000:key/orders"
        )],
        _ => Vec::new(),
    }
}

fn is_key(text: &str) -> bool {
    matches!(
        text.split(':').collect::<Vec<_>>()[..],
        ["arn", _, "kms", _, _, resource] if resource.starts_with("key/") || resource.starts_with("alias/")
    )
}

/// The ARN of the key: null without one, or unknown.
pub(super) fn key(cluster: &ClusterModel) -> Field<String> {
    match &cluster.encryption_info {
        Field::Null => Field::Null,
        Field::Unknown(_) => Field::unknown(),
        Field::Known(block) => block.encryption_at_rest_kms_key_arn.clone(),
    }
}

/// Writes the ARN of the key into a state.
pub(super) fn write_key(state: &mut ClusterModel, arn: Option<&str>) {
    if key(state).as_str() != arn {
        change(state, |block| block.encryption_at_rest_kms_key_arn = arn.into());
    }
}

/// Changes the block, which is left out when nothing is in it.
pub(super) fn change(state: &mut ClusterModel, change: impl FnOnce(&mut EncryptionInfo)) {
    let mut block = state.encryption_info.known().cloned().unwrap_or_default();
    change(&mut block);
    let has_something = block != EncryptionInfo::default();
    state.encryption_info = has_something.then_some(block).into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_comes_and_goes_beside_the_rest() {
        let mut state = ClusterModel::default();
        assert!(key(&state).is_null());
        write_key(&mut state, Some("arn:one"));
        assert_eq!(key(&state).as_str(), Some("arn:one"));
        let in_transit = EncryptionInTransit::of_clients("PLAINTEXT");
        change(&mut state, |block| block.encryption_in_transit = in_transit.into());
        write_key(&mut state, None);
        assert!(key(&state).is_null() && !state.encryption_info.is_null());
        change(&mut state, |block| block.encryption_in_transit = Field::Null);
        assert!(state.encryption_info.is_null());
    }

    #[test]
    fn keys_are_arns() {
        assert!(is_key("arn:aws:kms:us-east-1:000000000000:key/k") && is_key("arn:aws-cn:kms:r:1:alias/a"));
        for wrong in ["", "key/k", "arn:aws:s3:::bucket", "arn:aws:kms:r:1:topic/t"] {
            assert!(!is_key(wrong), "{wrong:?}");
        }
    }
}
