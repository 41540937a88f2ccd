//! Files that are either there in full or not at all, also after a crash of the machine.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use engine::EngineError;
use uuid::Uuid;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// The user only.
    User,
    /// Everybody.
    All,
}

/// Replaces a file: writes a temporary one, syncs it, renames it, syncs the directory.
pub fn replace(path: &Path, contents: &[u8], readers: Readers) -> Result<(), EngineError> {
    write(path, contents, readers).map_err(|source| file_error("written", path, source))
}

fn write(path: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    // One that a crash has left behind may have other permissions.
    remove_file(temporary)?;
    let mode = match readers {
        Readers::User => 0o600,
        Readers::All => 0o644,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(temporary)?;
    let written = file
        .write_all(contents)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(temporary, path));
    if let Err(error) = written {
        // The first error is the one to tell.
        let _ = fs::remove_file(temporary);
        return Err(error);
    }
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Reads a file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, EngineError> {
    match fs::read(path) {
        Ok(contents) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error("read", path, source)),
    }
}

/// Creates a directory that only the user can enter, with its parents.
pub fn create_directory(path: &Path) -> Result<(), EngineError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| file_error("created", path, source))
}

/// Deletes a directory with all that is in it; one that is not there is fine.
pub fn remove_directory(path: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(file_error("removed", path, source)),
        _ => Ok(()),
    }
}

/// Deletes a file; one that is not there is fine.
pub fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a failed file operation means to the caller of the engine.
pub fn file_error(done: &str, path: &Path, source: io::Error) -> EngineError {
    let problem = format!("{} cannot be {done}: {source}", path.display());
    let remedy = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some disk space, then try again",
        io::ErrorKind::PermissionDenied => "give the user of the runtime access to it",
        io::ErrorKind::ReadOnlyFilesystem => "put the data directory on a file system that can be written to",
        _ => {
            return EngineError::Internal {
                context: format!("{} cannot be {done}", path.display()),
                source: source.into(),
            };
        }
    };
    EngineError::Environment {
        problem,
        remedy: remedy.to_owned(),
    }
}

/// Clusters that have a directory of their own in `directory`.
pub fn cluster_ids(directory: &Path) -> Result<Vec<Uuid>, EngineError> {
    let entries = fs::read_dir(directory).map_err(|source| file_error("read", directory, source))?;
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter_map(|name| Uuid::try_parse(&name).ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn file_is_replaced_with_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(folder.path().join("key.tmp"), "left over").unwrap();
        replace(&path, b"one", Readers::All).unwrap();
        replace(&path, b"two", Readers::User).unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn full_disk_is_told_with_what_to_do() {
        let error = file_error("written", Path::new("/x"), io::ErrorKind::StorageFull.into());
        assert!(
            error.to_string().ends_with("free some disk space, then try again"),
            "{error}"
        );
    }
}
