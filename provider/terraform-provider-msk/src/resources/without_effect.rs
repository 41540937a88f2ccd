//! Says while planning which properties change nothing.

use control_plane_api::server_properties;
use plugin_framework::{Diagnostics, value::Path};

/// A warning that names those of `set` that brokers accept and do not act on.
pub(super) fn warning<'a>(argument: &str, set: impl Iterator<Item = &'a str>) -> Diagnostics {
    let mut idle: Vec<&str> = set
        .filter(|name| server_properties::without_effect().contains(name))
        .collect();
    let mut diagnostics = Diagnostics::none();
    if !idle.is_empty() {
        idle.sort_unstable();
        diagnostics.attribute_warning(
            Path::attribute(argument),
            "Some properties have no effect here",
            format!(
                "Brokers accept {} as Apache Kafka does, and do not act on {}: what they tune is not there, or tunes \
                 itself. The guide on what is not built yet lists all such properties.",
                idle.join(", "),
                if idle.len() == 1 { "it" } else { "them" },
            ),
        );
    }
    diagnostics
}

/// A warning of properties that clusters of the embedded engine refuse; those of Apache Kafka take them.
pub(super) fn refused<'a>(argument: &str, set: impl Iterator<Item = (&'static str, &'a str)>) -> Diagnostics {
    let reasons: Vec<String> = set
        .filter_map(|(name, value)| server_properties::refusal(name, value))
        .collect();
    let mut diagnostics = Diagnostics::none();
    if !reasons.is_empty() {
        diagnostics.attribute_warning(
            Path::attribute(argument),
            "Clusters of the engine embedded refuse this",
            format!(
                "{}. A cluster with engine = \"apache-kafka\" takes it.",
                reasons.join("; ")
            ),
        );
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(set: &[&str]) -> Option<String> {
        let warned = warning("configs", set.iter().copied());
        assert!(!warned.has_errors());
        warned.iter().next().map(|one| one.detail.clone())
    }

    #[test]
    fn what_the_embedded_engine_refuses_is_told_with_the_reason() {
        let of = |value| refused("server_properties", [("group.share.max.size", value)].into_iter());
        assert!(of("200").iter().next().is_none(), "the default asks for nothing");
        let warned = of("300");
        assert!(!warned.has_errors());
        let detail = &warned.iter().next().unwrap().detail;
        assert!(
            detail.contains("share groups") && detail.contains("apache-kafka"),
            "{detail}"
        );
    }

    #[test]
    fn only_what_has_no_effect_is_named() {
        let detail = said(&["local.retention.ms", "retention.ms", "compression.lz4.level"]).unwrap();
        assert!(
            detail.starts_with("Brokers accept compression.lz4.level, local.retention.ms as"),
            "{detail}"
        );
        assert_eq!(said(&["retention.ms", "cleanup.policy"]), None);
    }
}
