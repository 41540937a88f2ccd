//! Properties of what the embedded engine does not have. Their defaults ask for nothing, and anything else is refused with the
//! reason: it could only be ignored.

use crate::table::definition;

/// How names begin, and what they are about.
const FEATURES: [(&str, &str); 3] = [
    ("group.share.", "share groups"),
    ("share.", "share groups"),
    ("group.streams.", "groups of Kafka Streams"),
];

/// What a broker property is about that the embedded engine does not have.
pub fn unavailable(name: &str) -> Option<&'static str> {
    let known = definition(name).filter(|definition| definition.may_be_configured());
    let feature = FEATURES.iter().find(|(prefix, _)| name.starts_with(prefix));
    known.and(feature).map(|(_, feature)| *feature)
}

/// Why the embedded engine cannot act on this value; `None` where it can, and for the default.
pub fn refusal(name: &str, value: &str) -> Option<String> {
    let feature = unavailable(name)?;
    let default = definition(name)?.default.unwrap_or_default();
    if value.trim().eq_ignore_ascii_case(default) {
        return None;
    }
    Some(format!(
        "{name} is about {feature}, which are not built: only its default, {default:?}, is accepted"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions;

    #[test]
    fn defaults_are_accepted_and_nothing_else() {
        let mut count = 0;
        for definition in definitions().iter().filter(|it| unavailable(it.name).is_some()) {
            assert_eq!(refusal(definition.name, definition.default.unwrap_or_default()), None);
            let reason = refusal(definition.name, "12345").expect("another value");
            assert!(
                reason.starts_with(definition.name) && reason.contains("not built"),
                "{reason}"
            );
            count += 1;
        }
        assert!(count > 40, "{count}");
        assert_eq!(refusal("group.max.size", "12345"), None);
        assert_eq!(refusal("group.share.nothing", "12345"), None, "it is no property");
    }
}
