//! Bounds that a listener may have of its own (KIP-402, KIP-612): broker properties with Kafka's prefix of the listener, such as
//! `listener.name.plaintext.max.connections`.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::{definition::Definition, table::definition};

/// Listeners of brokers in lower case, as the prefix has them.
const LISTENERS: [&str; 11] = [
    "plaintext",
    "tls",
    "sasl_scram",
    "sasl_iam",
    "sasl_scram_public",
    "sasl_iam_public",
    "plaintext_ipv6",
    "tls_ipv6",
    "sasl_scram_ipv6",
    "sasl_iam_ipv6",
    "internal",
];

/// What there is for one listener.
const PROPERTIES: [&str; 2] = ["max.connections", "max.connection.creation.rate"];

const PREFIX: &str = "listener.name.";

/// Without a default: the bound of the broker holds.
static DEFINITIONS: LazyLock<BTreeMap<&'static str, Definition>> = LazyLock::new(|| {
    let all = LISTENERS
        .iter()
        .flat_map(|listener| PROPERTIES.map(|property| (*listener, property)));
    let definitions = all.filter_map(|(listener, property)| {
        let name: &'static str = listener_property(listener, property).leak();
        let of_listener = Definition {
            name,
            default: None,
            ..definition(property)?.clone()
        };
        Some((name, of_listener))
    });
    definitions.collect()
});

/// The name of a listener's own property.
pub fn listener_property(listener: &str, property: &str) -> String {
    format!("{PREFIX}{}.{property}", listener.to_ascii_lowercase())
}

/// The property of a listener with this name.
pub fn listener_definition(name: &str) -> Option<&'static Definition> {
    name.starts_with(PREFIX).then(|| DEFINITIONS.get(name)).flatten()
}

/// All of them, by name.
pub fn listener_definitions() -> impl Iterator<Item = &'static Definition> {
    DEFINITIONS.values()
}

/// The broker's property that holds where the listener's is not set.
pub fn listener_synonym(name: &str) -> Option<&'static Definition> {
    let (_, property) = name.strip_prefix(PREFIX)?.split_once('.')?;
    definition(property)
}

/// Why a name with the prefix is no property; `None` for any other name.
pub(crate) fn unknown_listener_property(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?;
    let (listener, property) = rest.split_once('.').unwrap_or((rest, ""));
    if LISTENERS.contains(&listener) {
        return Some(format!(
            "{name} is not offered: a listener may have {} of its own, and nothing else, not {property:?}",
            PROPERTIES.join(" and ")
        ));
    }
    Some(format!("{name} names no listener; there are {}", LISTENERS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{definitions, parse};

    #[test]
    fn a_listener_has_bounds_of_its_own() {
        let text = "listener.name.plaintext.max.connections=20\nlistener.name.tls.max.connection.creation.rate=5\n";
        assert_eq!(parse(text).expect("valid").len(), 2);
        let known = definition("listener.name.internal.max.connections").expect("known");
        assert!(known.is_dynamic() && !known.needs_restart() && known.default.is_none());
        let base = listener_synonym(known.name).expect("the broker's");
        assert_eq!(base.name, "max.connections");
        assert_eq!(
            listener_property("SASL_SCRAM", base.name),
            "listener.name.sasl_scram.max.connections"
        );
        assert_eq!(listener_definitions().count(), LISTENERS.len() * PROPERTIES.len());
        assert!(definitions().iter().all(|it| listener_definition(it.name).is_none()));
    }

    #[test]
    fn what_no_listener_has_is_refused_with_what_there_is() {
        let message = |line: &str| parse(line).expect_err("not valid").remove(0).message;
        let refused = message("listener.name.plaintext.max.connections.per.ip=3");
        assert!(
            refused.contains("max.connections and max.connection.creation.rate"),
            "{refused}"
        );
        let refused = message("listener.name.client.max.connections=3");
        assert!(
            refused.contains("names no listener") && refused.contains("sasl_scram"),
            "{refused}"
        );
        let refused = message("listener.name.tls.max.connections=-1");
        assert!(refused.contains("expected an int"), "{refused}");
    }
}
