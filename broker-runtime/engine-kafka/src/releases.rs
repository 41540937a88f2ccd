//! Which release of Apache Kafka runs for a version of MSK, and which jars it consists of.

use std::collections::BTreeMap;

/// A release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// MSK's name of the version.
    pub msk: &'static str,
    /// Apache's number of the release that it stands for.
    pub number: &'static str,
    /// One line a jar: its SHA-256 and its name.
    lock: &'static str,
}

/// All of them, oldest first. Their lock files say which jars are genuine.
pub const RELEASES: &[Release] = &[
    Release {
        msk: "4.0.x.kraft",
        number: "4.0.1",
        lock: include_str!("releases/kafka-4.0.1.lock"),
    },
    Release {
        msk: "4.1.x.kraft",
        number: "4.1.1",
        lock: include_str!("releases/kafka-4.1.1.lock"),
    },
    Release {
        msk: "4.2.x.kraft",
        number: "4.2.0",
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

    /// SHA-256 of each jar, by its name.
    pub fn jars(&self) -> BTreeMap<&'static str, &'static str> {
        let lines = self.lock.lines().filter_map(|line| line.split_once("  "));
        lines.map(|(digest, name)| (name, digest)).collect()
    }

    /// Name of the archive that holds them.
    pub fn archive_name(&self) -> String {
        format!("kafka-{}.tar", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        }
    }
}
