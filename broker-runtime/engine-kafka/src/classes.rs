//! The classes of a release, archived on a host for its Java (class-data sharing): a node that maps them starts with a third less work. A
//! node that finds no archive has Java write down which classes it loads, and one is made of that list when the cluster is established:
//! [`Cluster::archive_classes`](crate::cluster::Cluster::archive_classes).
//!
//! An archive lies with the jars, where no class path finds it, and goes with them. Java compares what is in it with itself and with
//! the jars, and does without where they differ.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use hosts::{Host, HostError, HostFacts, UnitCommand, UnitFile, UnitName};
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use crate::{
    bundle::Bundle,
    launch::{self, JAVA, JavaVersion},
    placement::Node,
};

/// More flags of Java, below the directory of a node: not in its command, which stays the same when an archive is made.
const OPTIONS: &str = "java.options";
/// Classes that a node without an archive has loaded, one a line; Java adds to it for as long as the node runs.
const LIST: &str = "classes.list";
/// Around what tells Java and pointers apart in the name of an archive.
const PREFIX: &str = "classes-";
const SUFFIX: &str = ".jsa";
/// An archive that is being made.
const UNFINISHED: &str = "classes.jsa";
/// How long a look at a file may take, and a change of one.
const FILE_LIMIT: Duration = Duration::from_secs(10);
/// How long making an archive may take: five seconds of a processor that nobody else uses, and others come first.
const MAKE_LIMIT: Duration = Duration::from_secs(300);
/// With this much heap Java uses wide pointers, which are in the archive, too.
const WIDE_HEAP_MIB: u64 = 31 << 10;

/// The archive that a node would have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClassArchive {
    host_id: Uuid,
    /// What tells its Java from others.
    java: String,
    /// On the host.
    path: PathBuf,
    /// What Java is told of it when it is made, as it is told of a node.
    heap_mib: u64,
    class_path: String,
}

impl ClassArchive {
    /// That of a release for this Java on a host.
    pub(crate) fn of(facts: &HostFacts, bundle: &Bundle, node: &Node, java: &JavaVersion) -> Self {
        let pointers = if node.heap_mib < WIDE_HEAP_MIB { "" } else { "-wide" };
        let java = fingerprint(java);
        let name = format!("{PREFIX}{java}{pointers}{SUFFIX}");
        Self {
            host_id: facts.host_id,
            java,
            path: facts.bundle_directory(&bundle.digest).join(name),
            heap_mib: node.heap_mib,
            class_path: launch::class_path(facts, bundle),
        }
    }

    /// What tells archives apart.
    pub(crate) fn key(&self) -> ArchiveKey {
        (self.host_id, self.path.clone())
    }

    /// Whether it is there. A host that cannot say so is taken for one without.
    pub(crate) async fn is_there(&self, host: &dyn Host, unit: &UnitName) -> bool {
        let look = command("test", ["-s".to_owned(), text(&self.path)]);
        let looked = host.run(unit, &look, FILE_LIMIT).await;
        looked.is_ok_and(|finished| finished.code == Some(0))
    }

    /// Makes it of the list in a unit, in whose directory it is until it is whole and Java has taken it once.
    pub(crate) async fn make(&self, host: &dyn Host, unit: &UnitName) -> Result<(), NotMade> {
        let directory = host.facts().unit_directory(unit);
        let (list, unfinished) = (text(&directory.join(LIST)), text(&directory.join(UNFINISHED)));
        // The last line is being written.
        let cut = command("sed", ["-i".to_owned(), "$d".to_owned(), list.clone()]);
        run(host, unit, &cut, FILE_LIMIT).await?;
        let dump = ["-Xshare:dump".to_owned(), format!("-XX:SharedClassListFile={list}")];
        run(host, unit, &self.java(&unfinished, dump, &[]), MAKE_LIMIT).await?;
        let take = ["-Xshare:on".to_owned()];
        run(host, unit, &self.java(&unfinished, take, &["-version"]), MAKE_LIMIT).await?;
        let place = command("mv", ["-f".to_owned(), unfinished, text(&self.path)]);
        run(host, unit, &place, FILE_LIMIT).await
    }

    /// Deletes archives of the same release that were made for another Java. Nodes that run go on with what they have mapped, and those
    /// that start have this Java.
    pub(crate) async fn replace_others(&self, host: &dyn Host, unit: &UnitName) -> Result<(), NotMade> {
        let Some(folder) = self.path.parent() else {
            return Ok(());
        };
        let any = format!("{PREFIX}*{SUFFIX}");
        let of_this_java = format!("{PREFIX}{}*{SUFFIX}", self.java);
        let folder = text(folder);
        let search = [
            folder.as_str(),
            "-maxdepth",
            "1",
            "-type",
            "f",
            "-name",
            &any,
            "!",
            "-name",
            &of_this_java,
            "-delete",
        ];
        run(host, unit, &command("find", search.map(str::to_owned)), FILE_LIMIT).await
    }

    /// Java with the flags of a node that an archive depends on. Whoever has to serve comes first.
    fn java(&self, archive: &str, flags: impl IntoIterator<Item = String>, last: &[&str]) -> UnitCommand {
        let mut arguments = ["-n", "19", JAVA, "-XX:+UseG1GC"].map(str::to_owned).to_vec();
        arguments.push(format!("-Xmx{}m", self.heap_mib));
        arguments.push(format!("-XX:SharedArchiveFile={archive}"));
        arguments.extend(flags);
        arguments.extend(["-cp".to_owned(), self.class_path.clone()]);
        arguments.extend(last.iter().copied().map(str::to_owned));
        command("nice", arguments)
    }

    /// Deletes what making it needs. What cannot be deleted goes with the unit.
    pub(crate) async fn tidy_up(host: &dyn Host, unit: &UnitName) {
        for path in [LIST, UNFINISHED] {
            let _ = host.delete_file(unit, path).await;
        }
    }
}

/// The argument that has Java read the flags of [`options`].
pub(crate) fn argument(directory: &Path) -> String {
    format!("-XX:VMOptionsFile={}", directory.join(OPTIONS).display())
}

/// Flags for a node: with this archive, or, without one, those that have Java write down what it loads.
pub(crate) fn options(facts: &HostFacts, unit: &UnitName, archive: Option<&ClassArchive>) -> UnitFile {
    let list = facts.unit_directory(unit).join(LIST);
    let text = match archive {
        Some(archive) => quoted(&archive.path).map(|path| format!("-Xshare:auto\n-XX:SharedArchiveFile={path}\n")),
        None => quoted(&list).map(|path| format!("-XX:DumpLoadedClassList={path}\n")),
    };
    UnitFile {
        path: OPTIONS.to_owned(),
        content: text.unwrap_or_default().into_bytes(),
        is_secret: false,
    }
}

/// A path as Java reads it in a file of flags; `None` where it could take it for something else.
fn quoted(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let is_plain = !text.contains(['"', '\'', '\\', '\n']);
    is_plain.then(|| format!("\"{text}\""))
}

/// Another build of Java has another one.
fn fingerprint(java: &JavaVersion) -> String {
    let digest = digest(&SHA256, java.said.as_bytes());
    let digits = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}"));
    digits.collect()
}

fn command(program: &str, arguments: impl IntoIterator<Item = String>) -> UnitCommand {
    UnitCommand {
        program: program.to_owned(),
        arguments: arguments.into_iter().collect(),
        environment: Vec::new(),
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

async fn run(host: &dyn Host, unit: &UnitName, command: &UnitCommand, limit: Duration) -> Result<(), NotMade> {
    let ran = host.run(unit, command, limit).await;
    let finished = ran.map_err(|error| match error {
        HostError::Unreachable { .. } => NotMade::Unreachable,
        other => NotMade::Failed(other.to_string()),
    })?;
    match finished.code {
        Some(0) => Ok(()),
        code => {
            let said = format!("{}{}", finished.stderr, finished.stdout);
            let last = said.lines().last().unwrap_or("it says nothing");
            let ended = code.map_or("by a signal".to_owned(), |code| format!("with code {code}"));
            Err(NotMade::Failed(format!("{} ended {ended}: {last}", command.program)))
        }
    }
}

/// Why there is no archive.
#[derive(Debug)]
pub(crate) enum NotMade {
    /// The host is away; another time.
    Unreachable,
    /// It would fail again.
    Failed(String),
}

/// Host and path of an archive.
pub(crate) type ArchiveKey = (Uuid, PathBuf);

/// What is known of archives that are not there, for all clusters.
#[derive(Debug, Default)]
pub(crate) struct MissingArchives {
    known: Mutex<BTreeMap<ArchiveKey, Missing>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    IsBeingMade,
    CannotBeMade,
}

impl MissingArchives {
    /// Leaves the making of an archive to the caller, until the claim is dropped; `None` where somebody makes it, or nobody can.
    pub(crate) fn claim(&self, key: &ArchiveKey) -> Option<Claim<'_>> {
        let mut known = self.known.lock();
        if known.contains_key(key) {
            return None;
        }
        known.insert(key.clone(), Missing::IsBeingMade);
        Some(Claim {
            missing: self,
            key: key.clone(),
        })
    }
}

/// Whoever has it makes the archive.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    missing: &'a MissingArchives,
    key: ArchiveKey,
}

impl Claim<'_> {
    /// Nobody tries again, for as long as this control plane runs.
    pub(crate) fn give_up(self) {
        let mut known = self.missing.known.lock();
        known.insert(self.key.clone(), Missing::CannotBeMade);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut known = self.missing.known.lock();
        if known.get(&self.key) == Some(&Missing::IsBeingMade) {
            known.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_java_has_another_archive() {
        let java = |said: &str| JavaVersion { said: said.to_owned() };
        let one = fingerprint(&java("openjdk version \"17.0.15\"\nbuild 17.0.15+6-Debian-1deb12u1\n"));
        let other = fingerprint(&java("openjdk version \"17.0.15\"\nbuild 17.0.15+6\n"));
        assert_ne!(one, other);
        assert_eq!(one.len(), 16);
    }

    #[test]
    fn paths_that_java_could_misread_are_not_written() {
        assert_eq!(quoted(Path::new("/a b/c")).as_deref(), Some("\"/a b/c\""));
        for path in ["/a\"b", "/a'b", "/a\\b", "/a\nb"] {
            assert_eq!(quoted(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn one_at_a_time_makes_an_archive_and_nobody_one_that_cannot_be_made() {
        let (missing, key) = (MissingArchives::default(), (Uuid::nil(), PathBuf::from("/a")));
        let claim = missing.claim(&key).unwrap();
        assert!(missing.claim(&key).is_none());
        drop(claim);
        missing.claim(&key).unwrap().give_up();
        assert!(missing.claim(&key).is_none());
        assert!(missing.claim(&(Uuid::nil(), PathBuf::from("/b"))).is_some());
    }
}
