//! `meta.properties` and `encryption.properties` of a directory, and `partition.metadata` of a partition.

use std::path::Path;

use kafka_codec::{uuid_from_text, uuid_to_text};
use uuid::Uuid;

use crate::{
    LogDirConfig, LogDirError,
    checkpoint::{read_text, replace_file},
    storage::{DataKey, Storage},
};

/// Holds the id of the topic a partition is of.
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";

/// Says whose directory it is.
pub(super) const META_PROPERTIES: &str = "meta.properties";

/// Version of `meta.properties` as Kafka has it.
const VERSION: &str = "1";

/// Version where files are encrypted: neither Apache Kafka nor a version of ours that cannot decrypt them may open the directory, for
/// they would take what is whole for damaged and cut it off.
const VERSION_ENCRYPTED: &str = "1-encrypted";

/// Says which key its files are encrypted with; a directory that is not encrypted has none.
const ENCRYPTION_PROPERTIES: &str = "encryption.properties";

fn malformed(path: &Path, reason: impl Into<String>) -> LogDirError {
    LogDirError::Malformed {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Checks `meta.properties`, or makes it; gives the directory's id.
pub(super) fn identify(storage: &dyn Storage, directory: &Path, config: &LogDirConfig) -> Result<Uuid, LogDirError> {
    let path = directory.join(META_PROPERTIES);
    let Some(text) = read_text(storage, &path)? else {
        let directory_id = config.directory_id.unwrap_or_else(Uuid::new_v4);
        write_identity(storage, &path, config, directory_id)?;
        return Ok(directory_id);
    };
    let expect = |name: &'static str, expected: String| match property(&text, name) {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(LogDirError::WrongIdentity {
            path: directory.to_owned(),
            property: name,
            found: found.to_owned(),
            expected,
        }),
        None => Err(malformed(&path, format!("it has no {name}"))),
    };
    let is_encrypted = property(&text, "version") == Some(VERSION_ENCRYPTED);
    if !is_encrypted {
        expect("version", VERSION.to_owned())?;
    }
    expect("cluster.id", config.cluster_id.clone())?;
    expect("node.id", config.node_id.to_string())?;
    let directory_id = property(&text, "directory.id").ok_or_else(|| malformed(&path, "it has no directory.id"))?;
    let directory_id = uuid_from_text(directory_id).map_err(|error| malformed(&path, error.to_string()))?;
    if config.data_key.is_some() && !is_encrypted {
        write_identity(storage, &path, config, directory_id)?;
    }
    Ok(directory_id)
}

fn write_identity(
    storage: &dyn Storage,
    path: &Path,
    config: &LogDirConfig,
    directory_id: Uuid,
) -> Result<(), LogDirError> {
    let version = if config.data_key.is_some() {
        VERSION_ENCRYPTED
    } else {
        VERSION
    };
    let text = format!(
        "#\ncluster.id={}\ndirectory.id={}\nnode.id={}\nversion={version}\n",
        config.cluster_id,
        uuid_to_text(directory_id),
        config.node_id
    );
    replace_file(storage, path, text.as_bytes(), true).map_err(|source| LogDirError::storage(path, source))
}

/// The value of a property in a file of them.
fn property<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Checks that `key` is the one of `encryption.properties`, which it gets when it has none. Without the right key, what is
/// whole would be taken for damaged and cut off.
pub(super) fn expect_key(storage: &dyn Storage, directory: &Path, key: Option<&DataKey>) -> Result<(), LogDirError> {
    let path = directory.join(ENCRYPTION_PROPERTIES);
    let stored = read_text(storage, &path)?;
    match (stored, key) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(LogDirError::KeyMissing(directory.to_owned())),
        (None, Some(key)) => {
            let text = format!(
                "#\ncipher=AES-256-XTS\nkey.fingerprint={}\nversion=1\n",
                key.fingerprint()
            );
            replace_file(storage, &path, text.as_bytes(), true).map_err(|source| LogDirError::storage(&path, source))
        }
        (Some(text), Some(key)) => match property(&text, "key.fingerprint") {
            Some(found) if found == key.fingerprint() => Ok(()),
            Some(found) => Err(LogDirError::WrongKey {
                path: directory.to_owned(),
                found: found.to_owned(),
                given: key.fingerprint(),
            }),
            None => Err(malformed(&path, "it has no key.fingerprint")),
        },
    }
}

/// Writes `partition.metadata`. The first flush of the log brings it to the medium.
pub(super) fn write_topic_id(storage: &dyn Storage, partition: &Path, topic_id: Uuid) -> Result<(), LogDirError> {
    let path = partition.join(PARTITION_METADATA);
    let text = format!("version: 0\ntopic_id: {}", uuid_to_text(topic_id));
    storage
        .write(&path, text.as_bytes(), false)
        .map_err(|source| LogDirError::storage(path, source))
}

/// Reads `partition.metadata`; `None` when it is missing or torn: the partition then belongs to nobody.
pub(super) fn read_topic_id(storage: &dyn Storage, partition: &Path) -> Result<Option<Uuid>, LogDirError> {
    let Some(text) = read_text(storage, &partition.join(PARTITION_METADATA)).or_else(|error| match error {
        LogDirError::Malformed { .. } => Ok(None),
        error => Err(error),
    })?
    else {
        return Ok(None);
    };
    let topic_id = text.lines().find_map(|line| line.strip_prefix("topic_id: "));
    Ok(topic_id.and_then(|topic_id| uuid_from_text(topic_id.trim()).ok()))
}
