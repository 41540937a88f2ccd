//! Files of a unit: written whole or not at all, and on disk when that is said.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use hosts::UnitFile;

use super::layout;

/// Why nothing was done with a file.
#[derive(Debug)]
pub(super) enum FileError {
    /// The path is none of the unit.
    Refused(String),
    /// The system does not do it.
    Failed(PathBuf, io::Error),
}

/// Makes a folder, for this user only, with those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), FileError> {
    make_private_folder(path).map_err(|error| FileError::Failed(path.to_owned(), error))
}

/// The same, with the error as the system has it.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file that only this user may read.
pub(crate) fn replace_private(target: &Path, content: &[u8]) -> io::Result<()> {
    replace(target, content, 0o600)
}

/// Where a file of a unit is, with its folder made. Links that processes of the unit have made are not followed out of it.
pub(super) fn place(unit: &Path, path: &str) -> Result<PathBuf, FileError> {
    let target = unit.join(layout::below(path).map_err(FileError::Refused)?);
    let folder = target.parent().unwrap_or(unit);
    confined(unit, folder, path)?;
    make_folder(folder)?;
    Ok(target)
}

/// Refuses a folder that a link leads out of the unit from.
fn confined(unit: &Path, folder: &Path, path: &str) -> Result<(), FileError> {
    let failed = |at: &Path, error| FileError::Failed(at.to_owned(), error);
    let inside = fs::canonicalize(unit).map_err(|error| failed(unit, error))?;
    for there in folder.ancestors() {
        match fs::canonicalize(there) {
            Ok(real) if real.starts_with(&inside) => return Ok(()),
            Ok(_) => return Err(FileError::Refused(format!("{path:?} leads out of the unit"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(failed(there, error)),
        }
    }
    Ok(())
}

/// Writes a file of a unit.
pub(super) fn write(unit: &Path, file: &UnitFile) -> Result<(), FileError> {
    let target = place(unit, &file.path)?;
    let mode = if file.is_secret { 0o600 } else { 0o644 };
    replace(&target, &file.content, mode).map_err(|error| FileError::Failed(target, error))
}

/// Replaces a file: after a crash it is the old one or the new one.
pub(super) fn replace(target: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", uuid::Uuid::new_v4()));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, target)?;
        sync_folder(folder)
    };
    write().inspect_err(|_| {
        // It may not be there.
        let _ = fs::remove_file(&temporary);
    })
}

/// Has the names in a folder on disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The last bytes of a file of a unit; `None` when it is not there.
pub(super) fn read_end(unit: &Path, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, FileError> {
    let target = unit.join(layout::below(path).map_err(FileError::Refused)?);
    if !unit.exists() {
        return Ok(None);
    }
    confined(unit, &target, path)?;
    let read = || {
        let mut file = File::open(&target)?;
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(end.saturating_sub(bytes_max)))?;
        let mut bytes = Vec::new();
        // It may grow meanwhile.
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(FileError::Failed(target, error)),
    }
}

/// Deletes a file or folder of a unit.
pub(super) fn delete(unit: &Path, path: &str) -> Result<(), FileError> {
    let target = unit.join(layout::below(path).map_err(FileError::Refused)?);
    if !unit.exists() {
        return Ok(());
    }
    // A link is deleted itself, not what it points at.
    confined(unit, target.parent().unwrap_or(unit), path)?;
    let delete = || match fs::symlink_metadata(&target)?.is_dir() {
        true => fs::remove_dir_all(&target),
        false => fs::remove_file(&target),
    };
    match delete() {
        Err(error) if !is_absence(&error) => Err(FileError::Failed(target, error)),
        _ => Ok(()),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn file(path: &str, is_secret: bool) -> UnitFile {
        UnitFile {
            path: path.to_owned(),
            content: b"content".to_vec(),
            is_secret,
        }
    }

    #[test]
    fn files_have_their_modes_and_leave_nothing_beside_them() {
        let unit = tempfile::tempdir().unwrap();
        for (path, is_secret, mode) in [("a/b/secret", true, 0o600), ("a/b/open", false, 0o644)] {
            write(unit.path(), &file(path, is_secret)).unwrap();
            write(unit.path(), &file(path, is_secret)).unwrap();
            let metadata = fs::metadata(unit.path().join(path)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
        }
        assert_eq!(fs::read_dir(unit.path().join("a/b")).unwrap().count(), 2);
        assert_eq!(read_end(unit.path(), "a/b/open", 3).unwrap().unwrap(), b"ent");
        assert_eq!(read_end(unit.path(), "a/b/none", 3).unwrap(), None);
        delete(unit.path(), "a").unwrap();
        delete(unit.path(), "a").unwrap();
        assert_eq!(read_end(unit.path(), "a/b/open", 3).unwrap(), None);
    }

    #[test]
    fn links_do_not_lead_out_of_a_unit() {
        let folder = tempfile::tempdir().unwrap();
        let unit = folder.path().join("unit");
        fs::create_dir_all(unit.join("inside")).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/file"), "old").unwrap();
        symlink(folder.path().join("outside"), unit.join("link")).unwrap();
        symlink(unit.join("inside"), unit.join("fine")).unwrap();
        let refused = |result: Result<(), FileError>| assert!(matches!(result, Err(FileError::Refused(_))));
        refused(write(&unit, &file("link/file", false)));
        refused(write(&unit, &file("link/new/file", false)));
        refused(read_end(&unit, "link/file", 9).map(drop));
        refused(delete(&unit, "link/file"));
        write(&unit, &file("fine/file", false)).unwrap();
        delete(&unit, "link").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("outside/file")).unwrap(), "old");
    }
}
