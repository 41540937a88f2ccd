//! Where things are under the data directory of a host, and which paths stay in a unit.

use std::path::{Component, Path, PathBuf};

use hosts::{BundleDigest, UnitName};

/// Folder of a unit that belongs to the host: what is wanted, and the record of the process.
const OWN_FOLDER: &str = ".agent";
/// Beginning of the names of what is being deleted or unpacked; no unit and no bundle is called like that.
const UNFINISHED: &str = ".unfinished-";

/// The data directory of a host.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn units(&self) -> PathBuf {
        self.root.join("units")
    }

    pub(super) fn bundles(&self) -> PathBuf {
        self.root.join("bundles")
    }

    pub(super) fn unit(&self, unit: &UnitName) -> PathBuf {
        self.units().join(unit.as_str())
    }

    /// Folder of the supervision of a unit's process.
    pub(super) fn supervision(&self, unit: &UnitName) -> PathBuf {
        self.unit(unit).join(OWN_FOLDER)
    }

    /// What is wanted to run in a unit; there is no file when nothing is.
    pub(super) fn wanted(&self, unit: &UnitName) -> PathBuf {
        self.supervision(unit).join("wanted.json")
    }

    pub(super) fn bundle(&self, digest: &BundleDigest) -> PathBuf {
        self.bundles().join(digest.as_str())
    }

    /// A place of its own in `folder` for what is being deleted or made; what a crash leaves there is deleted at the next start.
    pub(super) fn unfinished(folder: &Path) -> PathBuf {
        folder.join(format!("{UNFINISHED}{}", uuid::Uuid::new_v4()))
    }

    /// Whether this is such a place.
    pub(super) fn is_unfinished(name: &str) -> bool {
        name.starts_with(UNFINISHED)
    }
}

/// A path of a unit, when it is one: below the directory of the unit, and not in the folder that belongs to the host.
pub(super) fn below(path: &str) -> Result<&Path, String> {
    let wrong = |why: &str| Err(format!("{path:?} is no path of a unit: {why}"));
    if path.is_empty() || path.contains('\0') {
        return wrong("it names nothing");
    }
    let parts = Path::new(path);
    if !parts.components().all(|part| matches!(part, Component::Normal(_))) {
        return wrong("it leaves the unit");
    }
    if parts.starts_with(OWN_FOLDER) {
        return wrong("it belongs to the host");
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_unit() {
        for good in ["a", "a/b.c", "config/.hidden", "..a/b..", "a//b"] {
            assert!(below(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "/a",
            "..",
            "a/../../b",
            "./a",
            ".agent",
            ".agent/wanted.json",
            "a\0b",
        ] {
            assert!(below(bad).is_err(), "{bad:?}");
        }
    }
}
