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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(set: &[&str]) -> Option<String> {
        let warned = warning("configs", set.iter().copied());
        assert!(!warned.has_errors());
        warned.iter().next().map(|one| one.detail.clone())
    }

    #[test]
    fn only_what_has_no_effect_is_named() {
        let detail = said(&["segment.jitter.ms", "retention.ms", "preallocate"]).unwrap();
        assert!(
            detail.starts_with("Brokers accept preallocate, segment.jitter.ms as"),
            "{detail}"
        );
        assert_eq!(said(&["retention.ms", "cleanup.policy"]), None);
    }
}
