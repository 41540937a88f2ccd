//! `deletion_protection`: what holds records is not destroyed by mistake. It is known to Terraform only, so it protects from plans, and
//! not from whoever deletes by other means.

use plugin_framework::{
    Diagnostics, Plan,
    value::{Object, Path},
};

/// Name of the argument.
const NAME: &str = "deletion_protection";

/// Refuses to destroy what is protected.
pub(super) fn check(prior: &Object, what: &str) -> Diagnostics {
    if prior.bool(NAME) != Some(true) {
        return Diagnostics::none();
    }
    Diagnostics::from_attribute_error(
        Path::attribute(NAME),
        format!("{what} is protected from deletion"),
        format!("Its records would be lost. To destroy or replace it, set {NAME} to false and apply that first."),
    )
}

/// Refuses a replacement of what is protected, and warns of any other.
pub(super) fn check_replacement(plan: &Plan<'_>, what: &str) -> Diagnostics {
    let (Some(prior), Some(cause)) = (plan.prior, plan.replaces.first()) else {
        return Diagnostics::none();
    };
    let mut diagnostics = check(prior, what);
    if !diagnostics.has_errors() {
        diagnostics.attribute_warning(
            cause.clone(),
            format!("{what} is replaced, and its records are lost"),
            format!("{cause} cannot be changed in place. Copy what is to be kept before you apply this."),
        );
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use plugin_framework::PrivateState;

    use super::*;

    #[test]
    fn what_is_protected_is_neither_destroyed_nor_replaced() {
        let (mut prior, mut private) = (Object::new(), PrivateState::default());
        assert!(!check(&prior, "it").has_errors());
        let mut replaces = vec![Path::attribute("name")];
        let mut planned = Object::new();
        let config = Object::new();
        let warned = check_replacement(
            &Plan {
                prior: Some(&prior.clone()),
                config: &config,
                planned: &mut planned,
                private: &mut private,
                replaces: &mut replaces,
            },
            "it",
        );
        assert!(!warned.has_errors() && warned.iter().count() == 1);
        prior.set_bool(NAME, true);
        assert!(check(&prior, "it").has_errors());
    }
}
