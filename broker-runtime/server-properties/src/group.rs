//! Properties of consumer groups: what a group chooses for itself, between bounds that the broker's properties set.

use std::collections::BTreeMap;

use crate::table::{definition, group_definition};

/// What stands in for a property of a group that has none, and what bounds it: names of broker properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupProperty {
    /// Name of the property of a group.
    pub name: &'static str,
    /// The broker property that holds where a group has none.
    pub of_broker: &'static str,
    /// The broker property with the least value.
    pub min: &'static str,
    /// The broker property with the greatest value.
    pub max: &'static str,
}

/// Time without a heartbeat after which a member is taken out.
pub const GROUP_SESSION_TIMEOUT: GroupProperty = GroupProperty {
    name: "consumer.session.timeout.ms",
    of_broker: "group.consumer.session.timeout.ms",
    min: "group.consumer.min.session.timeout.ms",
    max: "group.consumer.max.session.timeout.ms",
};

/// Time between heartbeats.
pub const GROUP_HEARTBEAT_INTERVAL: GroupProperty = GroupProperty {
    name: "consumer.heartbeat.interval.ms",
    of_broker: "group.consumer.heartbeat.interval.ms",
    min: "group.consumer.min.heartbeat.interval.ms",
    max: "group.consumer.max.heartbeat.interval.ms",
};

/// Shortest time between two assignments.
pub const GROUP_ASSIGNMENT_INTERVAL: GroupProperty = GroupProperty {
    name: "consumer.assignment.interval.ms",
    of_broker: "group.consumer.assignment.interval.ms",
    min: "group.consumer.min.assignment.interval.ms",
    max: "group.consumer.max.assignment.interval.ms",
};

/// Begins of names that Kafka knows for kinds of groups that are not built.
const OTHER_KINDS: [&str; 2] = ["share.", "streams."];

/// The broker property that stands in for a property of a group.
pub fn group_synonym(name: &str) -> Option<&'static str> {
    let known = [
        GROUP_SESSION_TIMEOUT,
        GROUP_HEARTBEAT_INTERVAL,
        GROUP_ASSIGNMENT_INTERVAL,
    ];
    let found = known.into_iter().find(|property| property.name == name)?;
    Some(found.of_broker)
}

/// Why there is no property of groups of this name.
pub fn unknown_group_property(name: &str) -> String {
    let why = if OTHER_KINDS.iter().any(|kind| name.starts_with(kind)) {
        ": share groups and streams groups are not built"
    } else if name == "consumer.assignor.offload.enable" {
        ": assignments are always made by the coordinator itself"
    } else {
        ""
    };
    format!("Unknown group config name: {name}{why}")
}

/// Checks the values of one group against each other and against the bounds of brokers, as Kafka's `GroupConfig.validate`.
/// `of_broker` answers with what is set for brokers.
pub fn validate_group_combination(
    own: &BTreeMap<String, String>,
    of_broker: impl Fn(&str) -> Option<String>,
) -> Result<(), String> {
    let number = |name: &str| -> Option<i64> {
        let set = of_broker(name).and_then(|text| text.trim().parse().ok());
        set.or_else(|| definition(name)?.default?.parse().ok())
    };
    let value = |property: GroupProperty| {
        let own = own.get(property.name).and_then(|text| text.trim().parse().ok());
        let value = own.or_else(|| number(property.of_broker));
        value.or_else(|| group_definition(property.name)?.default?.parse().ok())
    };
    for property in [
        GROUP_HEARTBEAT_INTERVAL,
        GROUP_SESSION_TIMEOUT,
        GROUP_ASSIGNMENT_INTERVAL,
    ] {
        let GroupProperty { name, min, max, .. } = property;
        if value(property) < number(min) {
            return Err(format!("{name} must be greater than or equal to {min}"));
        }
        if number(max).is_some_and(|max| value(property) > Some(max)) {
            return Err(format!("{name} must be less than or equal to {max}"));
        }
    }
    let (session, heartbeat) = (GROUP_SESSION_TIMEOUT, GROUP_HEARTBEAT_INTERVAL);
    if value(session) <= value(heartbeat) {
        return Err(format!("{} must be greater than {}", session.name, heartbeat.name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: &[(&str, &str)], of_broker: &[(&str, &str)]) -> Result<(), String> {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let of_broker = map(of_broker);
        validate_group_combination(&map(own), |name| of_broker.get(name).cloned())
    }

    #[test]
    fn values_stay_between_the_bounds_of_brokers() {
        assert_eq!(check(&[("consumer.session.timeout.ms", "50000")], &[]), Ok(()));
        let low = check(&[("consumer.session.timeout.ms", "44999")], &[]).unwrap_err();
        assert!(
            low.contains("greater than or equal to group.consumer.min.session.timeout.ms"),
            "{low}"
        );
        let high = check(&[("consumer.heartbeat.interval.ms", "15001")], &[]).unwrap_err();
        assert!(
            high.contains("less than or equal to group.consumer.max.heartbeat.interval.ms"),
            "{high}"
        );
        let lower = [("group.consumer.min.session.timeout.ms", "6000")];
        assert_eq!(check(&[("consumer.session.timeout.ms", "6000")], &lower), Ok(()));
        let equal = [
            ("consumer.session.timeout.ms", "6000"),
            ("consumer.heartbeat.interval.ms", "6000"),
        ];
        assert!(
            check(&equal, &lower)
                .unwrap_err()
                .contains("must be greater than consumer.heartbeat")
        );
    }

    #[test]
    fn every_property_of_a_group_has_one_of_brokers_with_the_same_default() {
        for of_group in crate::group_definitions() {
            let synonym = group_synonym(of_group.name).and_then(definition).expect("a synonym");
            assert_eq!(
                (synonym.default, synonym.value_type),
                (of_group.default, of_group.value_type)
            );
        }
    }

    #[test]
    fn kinds_of_groups_that_are_not_built_are_told() {
        assert!(unknown_group_property("share.session.timeout.ms").contains("not built"));
        assert_eq!(unknown_group_property("x"), "Unknown group config name: x");
    }
}
