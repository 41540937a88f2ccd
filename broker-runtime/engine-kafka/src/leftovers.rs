//! Jars on hosts that no node needs any more, with the archives of classes beside them, and archives of releases that this version of the
//! runtime does not know. An archive of a release that it knows stays: somebody may have put it there because there is no way to Maven Central.
//!
//! What is needed on a host stands in its units: each has the process that its node was last started with, which names the jars. No cluster
//! is changed meanwhile, and none begins; so nobody has asked for jars that no unit names yet. Should a change find no jars all the
//! same, it brings them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use cluster_files::durable_file::file_error;
use engine::{EngineError, Hold, Leftover, Leftovers};
use hosts::{HeldBundle, Host, HostError, HostState};
use uuid::Uuid;

use crate::{
    KafkaEngine,
    blocking::blocking,
    cluster::{FILE_BYTES_MAX, PROCESS},
    description::Description,
    releases::{Release, number_in},
};

impl KafkaEngine {
    /// Finds them, and deletes them where that is asked for.
    pub(crate) async fn find_leftovers(&self, remove: bool) -> Result<Leftovers, EngineError> {
        let _allocation = self.allocation.lock().await;
        let mut all = Leftovers::default();
        let (mut busy, mut releases) = (BTreeSet::new(), BTreeSet::new());
        let mut holds: Vec<Hold> = Vec::new();
        for cluster_id in self.cluster_ids()? {
            let Some(description) = self.layout(cluster_id).read()? else {
                continue;
            };
            releases.insert(description.release.clone());
            if let Some(hold) = self.try_hold(cluster_id) {
                holds.push(hold);
            } else {
                busy.extend(hosts_of(&description));
                all.left_out.push(format!(
                    "hosts of cluster {:?}, which is being changed, or has not come up: try again when that is over",
                    description.cluster_name
                ));
            }
        }
        let hosts = self.all_hosts();
        for host in hosts.iter().filter(|host| !busy.contains(&host.facts().host_id)) {
            if let Err(error) = self.leftovers_of(&**host, remove, &mut all.found).await {
                all.left_out.push(error.to_string());
            }
        }
        let directory = self.settings.bundles.directory().to_owned();
        let archives = blocking(move || unknown_archives(&directory, &releases, remove)).await?;
        all.found.extend(archives);
        Ok(all)
    }

    /// Those of the fleet that may be asked, and this machine, which has what it had before any host joined.
    fn all_hosts(&self) -> Vec<Arc<dyn Host>> {
        let mut hosts = self.settings.fleet.hosts();
        hosts.retain(|host| host.facts().state != HostState::Dead);
        if let Some(here) = &self.here
            && hosts.iter().all(|host| host.facts().host_id != here.facts().host_id)
        {
            hosts.push(Arc::clone(here));
        }
        hosts
    }

    async fn leftovers_of(&self, host: &dyn Host, remove: bool, found: &mut Vec<Leftover>) -> Result<(), HostError> {
        let facts = host.facts();
        if facts.state == HostState::Unreachable {
            return Err(HostError::Unreachable {
                host: facts.name,
                reason: "`broker-runtime hosts` says why".to_owned(),
            });
        }
        for bundle in unneeded(host).await? {
            if remove {
                host.remove_bundle(&bundle.digest).await?;
                tracing::info!(
                    host = facts.name,
                    digest = bundle.digest.as_str(),
                    "jars that no node needs are deleted"
                );
            }
            let release = self.settings.bundles.release_of(&bundle.digest);
            found.push(Leftover {
                host: Some(facts.name.clone()),
                what: release.map_or_else(
                    || "jars of another build of Apache Kafka".to_owned(),
                    |release| format!("jars of Apache Kafka {}", release.number),
                ),
                path: facts.bundle_directory(&bundle.digest),
                bytes: bundle.bytes,
            });
        }
        Ok(())
    }
}

/// Bundles of a host that no unit names.
async fn unneeded(host: &dyn Host) -> Result<Vec<HeldBundle>, HostError> {
    let mut bundles = host.bundles().await?;
    for unit in host.units().await? {
        if bundles.is_empty() {
            break;
        }
        let process = host.read_file(&unit.unit, PROCESS, FILE_BYTES_MAX).await?;
        let process = String::from_utf8_lossy(process.as_deref().unwrap_or_default()).into_owned();
        bundles.retain(|bundle| !process.contains(bundle.digest.as_str()));
    }
    Ok(bundles)
}

/// Where a cluster has anything.
fn hosts_of(description: &Description) -> BTreeSet<Uuid> {
    let nodes = description.nodes.values().map(|node| node.host_id);
    let left = description.left_behind.values().chain(description.drained.values());
    nodes.chain(left.copied()).collect()
}

/// Archives of releases that this version does not know and no cluster has.
fn unknown_archives(directory: &Path, releases: &BTreeSet<String>, remove: bool) -> Result<Vec<Leftover>, EngineError> {
    let failed = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| file_error(what, &path, source)
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read", directory))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path: PathBuf = entry.map_err(failed("read", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_unknown = |number: &&str| Release::numbered(number).is_none() && !releases.contains(*number);
        let Some(number) = number_in(name).filter(is_unknown) else {
            continue;
        };
        let what = format!("archive of Apache Kafka {number}, which this version does not run");
        let bytes = fs::metadata(&path).map_err(failed("read", &path))?.len();
        if remove {
            fs::remove_file(&path).map_err(failed("deleted", &path))?;
        }
        found.push(Leftover {
            host: None,
            what,
            path,
            bytes,
        });
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::releases::RELEASES;

    #[test]
    fn archives_of_releases_that_nobody_knows_go_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let known = RELEASES[0].archive_name();
        for name in [
            known.as_str(),
            "apache-kafka-1.0.tar",
            "apache-kafka-2.0.tar",
            "apache-kafka-1.0.tar.tmp",
            "notes",
        ] {
            fs::write(folder.path().join(name), "12345").unwrap();
        }
        let used = BTreeSet::from(["2.0".to_owned()]);
        for remove in [false, true] {
            let found = unknown_archives(folder.path(), &used, remove).unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].bytes, &found[0].host), (5, &None));
            assert!(found[0].path.ends_with("apache-kafka-1.0.tar"), "{found:?}");
        }
        assert!(unknown_archives(folder.path(), &used, true).unwrap().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
        assert!(
            unknown_archives(&folder.path().join("none"), &used, true)
                .unwrap()
                .is_empty()
        );
    }
}
