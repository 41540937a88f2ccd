//! The block `encryption_info`: what is encrypted, and with which key.

use plugin_framework::{
    schema::{Attribute, Nesting, Schema},
    value::{Object, Value},
};

/// The block.
pub(super) const BLOCK: &str = "encryption_info";
/// The block in it that is about connections.
pub(super) const IN_TRANSIT: &str = "encryption_in_transit";
/// What `client_broker` may be.
pub(super) const CLIENT_BROKER: &[&str] = &["TLS", "TLS_PLAINTEXT", "PLAINTEXT"];
const KEY: &str = "encryption_at_rest_kms_key_arn";

/// The schema of the block.
pub(super) fn schema() -> Schema {
    let in_transit = Schema::new()
        .description("Encryption of connections.")
        .attribute(
            "client_broker",
            Attribute::string().optional().one_of(CLIENT_BROKER).description(
                "What clients without authentication may use: `TLS` (default), `TLS_PLAINTEXT` or `PLAINTEXT`.",
            ),
        )
        .attribute(
            "in_cluster",
            Attribute::bool()
                .optional()
                .check(|value| match value.as_bool() {
                    Some(false) => vec![
                        "brokers always encrypt what they send each other: leave it out, or set it to true".to_owned(),
                    ],
                    _ => Vec::new(),
                })
                .description("Whether brokers encrypt what they send each other; always true."),
        );
    let key = Attribute::string()
        .optional()
        .check(|value| match value.as_str() {
            Some(text) if !is_key(text) => vec![format!(
                "{text:?} is not the ARN of a key; use one such as arn:aws:kms:us-east-1:000000000000:key/orders"
            )],
            _ => Vec::new(),
        })
        .description(
            "ARN of the key that what brokers store is encrypted with. The runtime makes a key by that name when it has none. \
             Without it nothing is encrypted on disk. Changing it replaces the cluster.",
        );
    Schema::new()
        .description("Encryption.")
        .attribute(KEY, key)
        .block(IN_TRANSIT, Nesting::Single, in_transit)
}

fn is_key(text: &str) -> bool {
    matches!(
        text.split(':').collect::<Vec<_>>()[..],
        ["arn", _, "kms", _, _, resource] if resource.starts_with("key/") || resource.starts_with("alias/")
    )
}

/// The ARN of the key: null without one, or unknown.
pub(super) fn key(object: &Object) -> Value {
    match object.get(BLOCK) {
        unknown if !unknown.is_null() && object.block(BLOCK).is_none() => unknown.clone(),
        _ => object.block(BLOCK).map_or(Value::Null, |block| block.get(KEY).clone()),
    }
}

/// Writes the ARN of the key into a state.
pub(super) fn write_key(state: &mut Object, arn: Option<&str>) {
    if key(state).as_str() != arn {
        set(state, KEY, arn.map_or(Value::Null, Value::string));
    }
}

/// Sets something in the block, which is left out when nothing is in it.
pub(super) fn set(state: &mut Object, name: &str, value: Value) {
    let mut block = state.block(BLOCK).unwrap_or_default();
    block.set(name, value);
    let empty = block.is_null(KEY) && block.is_null(IN_TRANSIT);
    state.set(BLOCK, if empty { Value::Null } else { block.into_value() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_comes_and_goes_beside_the_rest() {
        let mut state = Object::new();
        assert!(key(&state).is_null());
        write_key(&mut state, Some("arn:one"));
        assert_eq!(key(&state).as_str(), Some("arn:one"));
        let mut in_transit = Object::new();
        in_transit.set_string("client_broker", "PLAINTEXT");
        set(&mut state, IN_TRANSIT, in_transit.into_value());
        write_key(&mut state, None);
        assert!(key(&state).is_null() && !state.is_null(BLOCK));
        set(&mut state, IN_TRANSIT, Value::Null);
        assert!(state.is_null(BLOCK));
    }

    #[test]
    fn keys_are_arns() {
        assert!(is_key("arn:aws:kms:us-east-1:000000000000:key/k") && is_key("arn:aws-cn:kms:r:1:alias/a"));
        for wrong in ["", "key/k", "arn:aws:s3:::bucket", "arn:aws:kms:r:1:topic/t"] {
            assert!(!is_key(wrong), "{wrong:?}");
        }
    }
}
