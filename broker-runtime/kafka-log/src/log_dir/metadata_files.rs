//! `meta.properties` of a directory and `partition.metadata` of a partition.

use std::path::Path;

use kafka_codec::{uuid_from_text, uuid_to_text};
use uuid::Uuid;

use crate::{
    LogDirConfig, LogDirError,
    checkpoint::{read_text, replace_file},
    storage::Storage,
};

/// Holds the id of the topic a partition is of.
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";

/// Says whose directory it is.
pub(super) const META_PROPERTIES: &str = "meta.properties";

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
        let text = format!(
            "#\ncluster.id={}\ndirectory.id={}\nnode.id={}\nversion=1\n",
            config.cluster_id,
            uuid_to_text(directory_id),
            config.node_id
        );
        let written = replace_file(storage, &path, text.as_bytes(), true);
        written.map_err(|source| LogDirError::storage(&path, source))?;
        return Ok(directory_id);
    };
    let property = |name: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim())
    };
    let expect = |name: &'static str, expected: String| match property(name) {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(LogDirError::WrongIdentity {
            path: directory.to_owned(),
            property: name,
            found: found.to_owned(),
            expected,
        }),
        None => Err(malformed(&path, format!("it has no {name}"))),
    };
    expect("version", "1".to_owned())?;
    expect("cluster.id", config.cluster_id.clone())?;
    expect("node.id", config.node_id.to_string())?;
    let directory_id = property("directory.id").ok_or_else(|| malformed(&path, "it has no directory.id"))?;
    uuid_from_text(directory_id).map_err(|error| malformed(&path, error.to_string()))
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
