//! Copies of what a control plane knows: clusters, configurations, secrets, keys. Records of topics are with the brokers and
//! are not part of it.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::store;

/// The state database, in the data directory and in a backup.
const STATE: &str = "state.db";
/// Without the key nothing that is sealed in the database can be read, and callers have the credentials.
const KEYS: [&str; 2] = ["encryption.key", "credentials"];
/// What there may be besides: without its authority, hosts that have joined do not obey.
const FLEET: &str = "fleet";
const FLEET_AUTHORITY: &str = "fleet/authority.pem";
/// A folder a cluster of Apache Kafka: where its nodes are, its authority, and the certificate by which they know us. Without
/// them, brokers on hosts would go on and belong to nobody.
const KAFKA_CLUSTERS: &str = "kafka-clusters";

/// Why a backup is not made or not taken back.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Choose another directory.
    #[error("{0} exists already: a backup is made into a new directory")]
    Exists(PathBuf),
    /// Restore into an empty data directory, or move what is there away.
    #[error("{0} exists already: a backup is restored into a data directory without state")]
    NotEmpty(PathBuf),
    /// It is no backup, or not all of it.
    #[error("{0} is missing: this is no backup")]
    Incomplete(PathBuf),
    /// A file cannot be read or written.
    #[error("{path} cannot be copied")]
    Files {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be read.
    #[error("the state database cannot be copied")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Copies the state of a data directory into the new directory `to`, which only the user can read. The control plane may
/// run meanwhile: the copy is of one moment.
pub fn backup(data_dir: &Path, to: &Path) -> Result<(), BackupError> {
    let state = data_dir.join(STATE);
    if !state.exists() {
        return Err(BackupError::Incomplete(state));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // It has its name once it is whole.
    let unfinished = to.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::Files { path, source }
    };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&unfinished);
    made.map_err(failed(&unfinished))?;
    store::copy_file(&state, &unfinished.join(STATE)).map_err(|error| BackupError::State(Box::new(error)))?;
    for name in KEYS {
        copy(&data_dir.join(name), &unfinished.join(name))?;
    }
    copy_fleet(data_dir, &unfinished)?;
    copy_folders(&data_dir.join(KAFKA_CLUSTERS), &unfinished.join(KAFKA_CLUSTERS))?;
    fs::rename(&unfinished, to).map_err(failed(to))
}

/// Puts a backup into a data directory that has no state. No control plane may run there.
pub fn restore(from: &Path, data_dir: &Path) -> Result<(), BackupError> {
    let all = || std::iter::once(STATE).chain(KEYS);
    if let Some(missing) = all().map(|name| from.join(name)).find(|path| !path.exists()) {
        return Err(BackupError::Incomplete(missing));
    }
    let may_not_be = all().chain([FLEET_AUTHORITY]);
    if let Some(there) = may_not_be.map(|name| data_dir.join(name)).find(|path| path.exists()) {
        return Err(BackupError::NotEmpty(there));
    }
    let clusters = data_dir.join(KAFKA_CLUSTERS);
    if fs::read_dir(&clusters).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::NotEmpty(clusters));
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|source| BackupError::Files {
        path: data_dir.to_owned(),
        source,
    })?;
    copy_fleet(from, data_dir)?;
    copy_folders(&from.join(KAFKA_CLUSTERS), &clusters)?;
    // The database comes last: without it, what was copied before is not taken for a data directory.
    for name in KEYS.into_iter().chain([STATE]) {
        copy(&from.join(name), &data_dir.join(name))?;
    }
    Ok(())
}

/// Copies the authority of the hosts, where there is one.
fn copy_fleet(from: &Path, to: &Path) -> Result<(), BackupError> {
    if !from.join(FLEET_AUTHORITY).exists() {
        return Ok(());
    }
    let folder = to.join(FLEET);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|source| BackupError::Files { path: folder, source })?;
    copy(&from.join(FLEET_AUTHORITY), &to.join(FLEET_AUTHORITY))
}

/// Copies the files of all folders in `from`, where there are any. A cluster that is being removed may lose its own meanwhile.
fn copy_folders(from: &Path, to: &Path) -> Result<(), BackupError> {
    let folders = entries(from)?;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let Some(target) = folder.file_name().map(|name| to.join(name)) else {
            continue;
        };
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&target);
        made.map_err(|source| BackupError::Files {
            path: target.clone(),
            source,
        })?;
        for file in entries(folder)?.iter().filter(|file| file.is_file()) {
            if let Some(name) = file.file_name() {
                copy(file, &target.join(name))?;
            }
        }
    }
    Ok(())
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect()),
    };
    listed.map_err(|source| BackupError::Files {
        path: folder.to_owned(),
        source,
    })
}

/// Copies a file for the user only.
fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let copied = || {
        let bytes = fs::read(from)?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    copied().map_err(|source| BackupError::Files {
        path: from.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{PrincipalRecord, Record, Store};

    #[test]
    fn what_was_backed_up_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let (data, copy, other) = (
            folder.path().join("data"),
            folder.path().join("copy"),
            folder.path().join("other"),
        );
        fs::create_dir(&data).unwrap();
        let store = Store::open(&data.join(STATE)).unwrap();
        for name in KEYS {
            fs::write(data.join(name), name).unwrap();
        }
        fs::create_dir(data.join(FLEET)).unwrap();
        fs::write(data.join(FLEET_AUTHORITY), "authority").unwrap();
        let cluster = Path::new(KAFKA_CLUSTERS).join("6b1f2d3c-0000-4000-8000-123456789abc");
        fs::create_dir_all(data.join(&cluster)).unwrap();
        fs::write(data.join(&cluster).join("ca.key"), "key").unwrap();
        let principal = PrincipalRecord {
            account: "000000000000".to_owned(),
            name: "ci".to_owned(),
            policy: None,
            created_ms: 1,
        };
        store.transaction(|transaction| transaction.put(&principal)).unwrap();
        // The store is still open, as it is while a control plane runs.
        backup(&data, &copy).unwrap();
        assert!(matches!(backup(&data, &copy), Err(BackupError::Exists(_))));
        restore(&copy, &other).unwrap();
        let restored = Store::open(&other.join(STATE)).unwrap();
        assert_eq!(
            restored.get::<PrincipalRecord>(&principal.key()).unwrap(),
            Some(principal)
        );
        assert_eq!(fs::read_to_string(other.join("credentials")).unwrap(), "credentials");
        assert_eq!(fs::read_to_string(other.join(FLEET_AUTHORITY)).unwrap(), "authority");
        let key = other.join(&cluster).join("ca.key");
        assert_eq!(fs::read_to_string(&key).unwrap(), "key");
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&key).unwrap().permissions()) & 0o777,
            0o600
        );
        assert!(matches!(restore(&copy, &other), Err(BackupError::NotEmpty(_))));
        // Brokers that belong to somebody are not taken over.
        let foreign = folder.path().join("foreign");
        fs::create_dir_all(foreign.join(&cluster)).unwrap();
        assert!(matches!(restore(&copy, &foreign), Err(BackupError::NotEmpty(path)) if path.ends_with(KAFKA_CLUSTERS)));
        fs::remove_file(copy.join("encryption.key")).unwrap();
        let incomplete = restore(&copy, &folder.path().join("third"));
        assert!(matches!(incomplete, Err(BackupError::Incomplete(path)) if path.ends_with("encryption.key")));
    }
}
