//! What tells one version of Kafka from another on the wire: the level of `metadata.version`, and APIs whose newest version
//! came with a later one. Clients of a cluster see what they would see of Apache Kafka in that version, so that an update is
//! a step that can be tried, and that operators see.
//!
//! Levels and versions are those that the clients and servers of Apache Kafka 4.0.0, 4.1.0 and 4.2.0 name themselves.

use crate::dispatch::ApiEntry;

/// A version that a cluster can have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KafkaVersion {
    /// MSK's name without what follows the second number.
    name: &'static str,
    /// Level of `metadata.version`.
    pub(crate) metadata_level: i16,
    /// Newest versions of APIs that go further in later versions: key and version.
    ceilings: &'static [(i16, i16)],
}

/// Oldest first.
static VERSIONS: [KafkaVersion; 3] = [
    KafkaVersion {
        name: "4.0",
        metadata_level: 25,
        ceilings: &[
            (0, 12),
            (1, 17),
            (2, 10),
            (8, 9),
            (9, 9),
            (27, 1),
            (45, 0),
            (66, 1),
            (74, 0),
        ],
    },
    KafkaVersion {
        name: "4.1",
        metadata_level: 27,
        ceilings: &[(2, 10), (27, 1)],
    },
    KafkaVersion {
        name: "4.2",
        metadata_level: 29,
        ceilings: &[],
    },
];

impl KafkaVersion {
    /// The version of a name such as `4.1.x.kraft`; the newest one for a name nobody knows.
    pub(crate) fn of(name: &str) -> &'static Self {
        let same = |version: &&Self| {
            name.strip_prefix(version.name)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        VERSIONS.iter().find(same).unwrap_or(&VERSIONS[VERSIONS.len() - 1])
    }

    /// Newest version of an API that is answered.
    pub(crate) fn newest(&self, api: &ApiEntry) -> i16 {
        let ceiling = self.ceilings.iter().find(|(key, _)| *key == api.key);
        ceiling.map_or(api.max, |(_, version)| i16::min(*version, api.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::APIS;

    #[test]
    fn versions_are_found_by_their_names() {
        assert_eq!(KafkaVersion::of("4.0.x.kraft").metadata_level, 25);
        assert_eq!(KafkaVersion::of("4.1.x.kraft").metadata_level, 27);
        assert_eq!(KafkaVersion::of("4.2.x.kraft").metadata_level, 29);
        assert_eq!(KafkaVersion::of("4.10.x.kraft").metadata_level, 29);
    }

    #[test]
    fn older_versions_answer_less() {
        let newest = |version: &str, key: i16| {
            let api = APIS.iter().find(|api| api.key == key).unwrap();
            KafkaVersion::of(version).newest(api)
        };
        assert_eq!(
            ["4.0.x", "4.1.x", "4.2.x"].map(|version| newest(version, 0)),
            [12, 13, 13]
        );
        assert_eq!(
            ["4.0.x", "4.1.x", "4.2.x"].map(|version| newest(version, 2)),
            [10, 10, 11]
        );
        assert_eq!(
            ["4.0.x", "4.1.x", "4.2.x"].map(|version| newest(version, 3)),
            [13, 13, 13]
        );
    }
}
