//! Which release of Apache Kafka runs for a version of MSK, and which jars it consists of.

use std::collections::BTreeMap;

use crate::admin::Levels;

/// Around the number of a release in the name of its archive.
const ARCHIVE_PREFIX: &str = "apache-kafka-";
const ARCHIVE_SUFFIX: &str = ".tar";

/// A release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// MSK's name of the version.
    pub msk: &'static str,
    /// Apache's number of the release that it stands for.
    pub number: &'static str,
    /// Levels of features that a cluster has which was made with it: `StorageTool version-mapping` prints them.
    levels: &'static [(&'static str, i16)],
    /// One line a jar: its SHA-256 and its name.
    lock: &'static str,
}

/// All of them, oldest first. Their lock files say which jars are genuine.
pub const RELEASES: &[Release] = &[
    Release {
        msk: "4.0.x.kraft",
        number: "4.0.1",
        levels: &[
            ("metadata.version", 25),
            ("transaction.version", 2),
            ("group.version", 1),
        ],
        lock: include_str!("releases/kafka-4.0.1.lock"),
    },
    Release {
        msk: "4.1.x.kraft",
        number: "4.1.1",
        levels: &[
            ("metadata.version", 27),
            ("transaction.version", 2),
            ("group.version", 1),
            ("eligible.leader.replicas.version", 1),
        ],
        lock: include_str!("releases/kafka-4.1.1.lock"),
    },
    Release {
        msk: "4.2.x.kraft",
        number: "4.2.0",
        levels: &[
            ("metadata.version", 29),
            ("transaction.version", 2),
            ("group.version", 1),
            ("eligible.leader.replicas.version", 1),
            ("share.version", 1),
            ("streams.version", 1),
        ],
        lock: include_str!("releases/kafka-4.2.0.lock"),
    },
];

impl Release {
    /// The release for a version of MSK.
    pub fn of(msk: &str) -> Option<Self> {
        RELEASES.iter().copied().find(|release| release.msk == msk)
    }

    /// The release with this number.
    pub fn numbered(number: &str) -> Option<Self> {
        RELEASES.iter().copied().find(|release| release.number == number)
    }

    /// Whether it came before the other one.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        let place = |release: &Self| RELEASES.iter().position(|known| known.number == release.number);
        place(self) < place(other)
    }

    /// Levels of features of clusters that are made with it.
    pub(crate) fn levels(&self) -> Levels {
        let levels = self.levels.iter();
        levels.map(|(name, level)| ((*name).to_owned(), *level)).collect()
    }

    /// SHA-256 of each jar, by its name.
    pub fn jars(&self) -> BTreeMap<&'static str, &'static str> {
        let lines = self.lock.lines().filter_map(|line| line.split_once("  "));
        lines.map(|(digest, name)| (name, digest)).collect()
    }

    /// Name of the archive that holds them.
    pub fn archive_name(&self) -> String {
        format!("{ARCHIVE_PREFIX}{}{ARCHIVE_SUFFIX}", self.number)
    }
}

/// The number of a release in the name of its archive, whether this version knows it or not.
pub(crate) fn number_in(archive_name: &str) -> Option<&str> {
    archive_name.strip_prefix(ARCHIVE_PREFIX)?.strip_suffix(ARCHIVE_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_features_only_go_up() {
        for pair in RELEASES.windows(2) {
            let (old, new) = (pair[0].levels(), pair[1].levels());
            assert!(pair[0].is_before(&pair[1]) && !pair[1].is_before(&pair[0]) && !pair[0].is_before(&pair[0]));
            assert!(old.iter().all(|(name, level)| new[name] >= *level));
            assert!(new["metadata.version"] > old["metadata.version"]);
        }
    }

    #[test]
    fn lock_files_name_whole_releases() {
        for release in RELEASES {
            let jars = release.jars();
            assert_eq!(jars.len(), release.lock.lines().count(), "{}", release.number);
            assert!(jars.values().all(|digest| digest.len() == 64));
            for part in ["kafka_2.13", "kafka-clients", "kafka-tools"] {
                let name = format!("{part}-{}.jar", release.number);
                assert!(jars.contains_key(name.as_str()), "{name}");
            }
            assert!(jars.keys().any(|name| name.starts_with("log4j-slf4j-impl-")));
            assert!(jars.contains_key(crate::jmx_exporter::jar().as_str()));
        }
    }
}
