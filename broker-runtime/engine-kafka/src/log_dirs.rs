//! Log directories that were another engine's: they are moved by renaming, so that no record is ever in two places or in none.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use cluster_files::durable_file::{self, Readers, file_error};
use engine::{EngineError, MetadataFile};
use kafka_codec::uuid_from_text;
use uuid::Uuid;

use crate::format::META_PROPERTIES;

/// Its version where what is in it can be read by Apache Kafka.
const VERSION: &str = "1";

/// The value of a property in the text of `meta.properties`.
fn property<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    lines.find(|(known, _)| *known == name).map(|(_, value)| value.trim())
}

/// What `meta.properties` calls a directory.
pub(crate) fn directory_id(text: &str) -> Option<Uuid> {
    uuid_from_text(property(text, "directory.id")?).ok()
}

/// The id of a log directory. Refuses one that is not of this node and cluster, or that Apache Kafka cannot read.
pub(crate) fn identify(directory: &Path, node_id: i32, kafka_cluster_id: &str) -> Result<Uuid, EngineError> {
    let path = directory.join(META_PROPERTIES);
    let text = durable_file::read(&path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let node_id = node_id.to_string();
    for (name, expected) in [
        ("version", VERSION),
        ("node.id", &node_id),
        ("cluster.id", kafka_cluster_id),
    ] {
        let found = property(&text, name);
        if found != Some(expected) {
            return Err(EngineError::Unsupported {
                reason: format!(
                    "{} has {name} {:?}, where {expected:?} is expected: Apache Kafka cannot take it over",
                    path.display(),
                    found.unwrap_or_default()
                ),
            });
        }
    }
    directory_id(&text).ok_or_else(|| EngineError::Unsupported {
        reason: format!("{} names no directory", path.display()),
    })
}

/// Refuses two folders that are not on one file system. Where one is missing, the one above it counts.
pub(crate) fn check_one_file_system(one: &Path, other: &Path) -> Result<(), EngineError> {
    if device(one)? == device(other)? {
        return Ok(());
    }
    Err(EngineError::Unsupported {
        reason: format!(
            "{} and {} are on different file systems, and log directories are taken over by renaming them. Put both on one",
            one.display(),
            other.display()
        ),
    })
}

fn device(path: &Path) -> Result<u64, EngineError> {
    let mut folder = path;
    loop {
        match fs::metadata(folder) {
            Ok(metadata) => return Ok(metadata.dev()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.parent() {
                Some(parent) => folder = parent,
                None => return Err(file_error("examined", path, error)),
            },
            Err(error) => return Err(file_error("examined", path, error)),
        }
    }
}

/// Moves a directory, unless that has been done. The folder that it comes into is there.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), EngineError> {
    match (exists(from)?, exists(to)?) {
        (false, true) => Ok(()),
        (true, false) => {
            fs::rename(from, to).map_err(|source| file_error("moved", from, source))?;
            [to, from].into_iter().try_for_each(sync_parent)
        }
        (true, true) => Err(unexpected(format!(
            "both {} and {} are there",
            from.display(),
            to.display()
        ))),
        (false, false) => Err(unexpected(format!(
            "neither {} nor {} is there",
            from.display(),
            to.display()
        ))),
    }
}

fn exists(path: &Path) -> Result<bool, EngineError> {
    path.try_exists().map_err(|source| file_error("examined", path, source))
}

fn unexpected(what: String) -> EngineError {
    EngineError::Internal {
        context: "moving a log directory".to_owned(),
        source: what.into(),
    }
}

fn sync_parent(path: &Path) -> Result<(), EngineError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let synced = File::open(parent).and_then(|folder| folder.sync_all());
    synced.map_err(|source| file_error("flushed", parent, source))
}

/// Puts metadata into a log directory; other metadata that is there goes.
pub(crate) fn write_metadata(directory: &Path, file: &MetadataFile) -> Result<(), EngineError> {
    let folder = directory.join(&file.folder);
    durable_file::remove_directory(&folder)?;
    durable_file::create_directory(&folder)?;
    durable_file::replace(&folder.join(&file.name), &file.content, Readers::User)?;
    sync_parent(&folder)
}

/// Puts a directory back, without what has been put into it.
pub(crate) fn put_back(from: &Path, to: &Path, metadata_folder: &str) -> Result<(), EngineError> {
    let there: PathBuf = from.join(metadata_folder);
    if exists(from)? && exists(&there)? {
        durable_file::remove_directory(&there)?;
        sync_parent(&there)?;
    }
    if !exists(from)? && exists(to)? {
        // It was never taken, or is back already.
        return Ok(());
    }
    rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> MetadataFile {
        MetadataFile {
            folder: "__cluster_metadata-0".to_owned(),
            name: "1.checkpoint".to_owned(),
            content: b"records".to_vec(),
        }
    }

    #[test]
    fn directory_goes_and_comes_back_however_often_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("unit/data"));
        fs::create_dir_all(ours.join("orders-0")).unwrap();
        fs::create_dir(folder.path().join("unit")).unwrap();
        for _ in 0..2 {
            rename(&ours, &theirs).unwrap();
            write_metadata(&theirs, &file()).unwrap();
            assert!(theirs.join("orders-0").exists() && !ours.exists());
            assert!(theirs.join("__cluster_metadata-0/1.checkpoint").exists());
        }
        for _ in 0..2 {
            put_back(&theirs, &ours, "__cluster_metadata-0").unwrap();
            assert!(ours.join("orders-0").exists() && !theirs.exists());
            assert!(!ours.join("__cluster_metadata-0").exists());
        }
        fs::create_dir(&theirs).unwrap();
        let error = rename(&ours, &theirs).unwrap_err();
        assert!(engine::chain(&error).contains("both"), "{error}");
        check_one_file_system(&ours, &folder.path().join("not/yet/there")).unwrap();
        let elsewhere = check_one_file_system(&ours, Path::new("/proc/self")).unwrap_err();
        assert!(elsewhere.to_string().contains("different file systems"), "{elsewhere}");
    }

    #[test]
    fn directory_is_known_by_its_properties() {
        let folder = tempfile::tempdir().unwrap();
        let id = Uuid::from_u128(1 << 96);
        let write = |version: &str| {
            let text = format!("#\ncluster.id=x\ndirectory.id=AAAAAQAAAAAAAAAAAAAAAA\nnode.id=3\nversion={version}\n");
            fs::write(folder.path().join(META_PROPERTIES), text).unwrap();
        };
        write("1");
        assert_eq!(identify(folder.path(), 3, "x").unwrap(), id);
        let other = identify(folder.path(), 2, "x").unwrap_err().to_string();
        assert!(other.contains("node.id \"3\", where \"2\""), "{other}");
        write("1-encrypted");
        assert!(identify(folder.path(), 3, "x").is_err());
    }
}
