//! Archives that were given to the host: compared with their digest, unpacked aside, and in place under their digest as a
//! whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use hosts::{BundleDigest, HeldBundle};
use ring::digest::{Context, SHA256};

use super::{files, layout::Layout};

/// Why an archive was not unpacked.
#[derive(Debug)]
pub(super) enum BundleError {
    /// It is not what the digest says, or no archive.
    Refused(String),
    /// The system does not do it.
    Failed(PathBuf, io::Error),
}

/// Unpacks an archive, unless that was done before.
pub(super) fn put(layout: &Layout, digest: &BundleDigest, archive: &Path) -> Result<(), BundleError> {
    let target = layout.bundle(digest);
    if target.exists() {
        return Ok(());
    }
    let mut file = File::open(archive).map_err(|error| BundleError::Failed(archive.to_owned(), error))?;
    let found = digest_of(&mut file).map_err(|error| BundleError::Failed(archive.to_owned(), error))?;
    if found != digest.as_str() {
        return Err(BundleError::Refused(format!(
            "the archive has SHA-256 {found} and not {}",
            digest.as_str()
        )));
    }
    let aside = Layout::unfinished(&layout.bundles());
    let unpacked = unpack(archive, &aside).and_then(|()| {
        fs::rename(&aside, &target)
            .and_then(|()| files::sync_folder(&layout.bundles()))
            .map_err(|error| BundleError::Failed(target.clone(), error))
    });
    if unpacked.is_err() {
        let _ = fs::remove_dir_all(&aside);
        // Another order for the same archive was faster.
        if target.exists() {
            return Ok(());
        }
    }
    unpacked
}

/// All bundles that are unpacked, by their digests.
pub(super) fn list(layout: &Layout) -> Result<Vec<HeldBundle>, BundleError> {
    let folder = layout.bundles();
    let failed = |error| BundleError::Failed(folder.clone(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Some(digest) = entry.file_name().to_str().and_then(BundleDigest::new) {
            let path = entry.path();
            let bytes = size_of(&path).map_err(|error| BundleError::Failed(path, error))?;
            found.push(HeldBundle { digest, bytes });
        }
    }
    found.sort_by(|one, other| one.digest.cmp(&other.digest));
    Ok(found)
}

/// What the files of a folder take up. Links are not followed.
fn size_of(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0_u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes = bytes.saturating_add(metadata.len());
            }
        }
    }
    Ok(bytes)
}

/// Deletes a bundle; it is whole or gone, also after a crash.
pub(super) fn remove(layout: &Layout, digest: &BundleDigest) -> Result<(), BundleError> {
    let target = layout.bundle(digest);
    let aside = Layout::unfinished(&layout.bundles());
    match fs::rename(&target, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed.map_err(|error| BundleError::Failed(target, error))?,
    }
    fs::remove_dir_all(&aside).map_err(|error| BundleError::Failed(aside, error))
}

fn digest_of(file: &mut File) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => context.update(&buffer[..read]),
        }
    }
    let digest = context.finish();
    Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unpack(archive: &Path, aside: &Path) -> Result<(), BundleError> {
    let failed = |error| BundleError::Failed(aside.to_owned(), error);
    fs::create_dir(aside).map_err(failed)?;
    let mut entries = tar::Archive::new(File::open(archive).map_err(failed)?);
    entries.set_preserve_permissions(false);
    entries.set_overwrite(false);
    let bad = |error: io::Error| match error.raw_os_error().or_else(|| system_error(&error)) {
        Some(code) => BundleError::Failed(aside.to_owned(), io::Error::from_raw_os_error(code)),
        None => BundleError::Refused(format!("the archive cannot be read: {error}")),
    };
    for entry in entries.entries().map_err(bad)? {
        let mut entry = entry.map_err(bad)?;
        let path = entry.path().map_err(bad)?.into_owned();
        // It is not unpacked where its path or a link in it leads out of the folder.
        if !entry.unpack_in(aside).map_err(bad)? {
            return Err(BundleError::Refused(format!(
                "{} leads out of the archive",
                path.display()
            )));
        }
    }
    // All of it at once, instead of thousands of files one by one.
    let folder = File::open(aside).map_err(failed)?;
    rustix::fs::syncfs(&folder).map_err(|error| failed(error.into()))
}

/// The error of the system that one of reading an archive comes of.
fn system_error(error: &io::Error) -> Option<i32> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Stage {
        folder: tempfile::TempDir,
        layout: Layout,
    }

    impl Stage {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout::new(folder.path().to_owned());
            fs::create_dir(layout.bundles()).unwrap();
            Self { folder, layout }
        }

        fn archive(&self, entries: &[(&str, u32)]) -> (PathBuf, BundleDigest) {
            let path = self.folder.path().join("archive.tar");
            let mut builder = tar::Builder::new(File::create(&path).unwrap());
            for (name, mode) in entries {
                let mut header = tar::Header::new_ustar();
                // What a library would refuse to write.
                header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
                header.set_size(4);
                header.set_mode(*mode);
                header.set_cksum();
                builder.append(&header, &b"text"[..]).unwrap();
            }
            builder.finish().unwrap();
            drop(builder);
            let digest = digest_of(&mut File::open(&path).unwrap()).unwrap();
            (path, BundleDigest::new(digest).unwrap())
        }

        fn in_bundles(&self) -> usize {
            fs::read_dir(self.layout.bundles()).unwrap().count()
        }
    }

    #[test]
    fn archive_is_unpacked_once_under_its_digest() {
        let stage = Stage::new();
        let (path, digest) = stage.archive(&[("bin/run", 0o755), ("libs/a.jar", 0o644)]);
        put(&stage.layout, &digest, &path).unwrap();
        let bundle = stage.layout.bundle(&digest);
        assert_eq!(fs::read_to_string(bundle.join("libs/a.jar")).unwrap(), "text");
        let mode = fs::metadata(bundle.join("bin/run")).unwrap().permissions().mode();
        assert_eq!(mode & 0o100, 0o100, "it can be executed");
        fs::remove_file(&path).unwrap();
        put(&stage.layout, &digest, &path).expect("there already");
        assert_eq!(stage.in_bundles(), 1);
    }

    #[test]
    fn archives_that_are_not_what_they_should_be_leave_nothing() {
        let stage = Stage::new();
        let other = BundleDigest::new("0".repeat(64)).unwrap();
        let refusal = |digest: &BundleDigest, path: &Path| match put(&stage.layout, digest, path) {
            Err(BundleError::Refused(why)) => why,
            other => panic!("{other:?}"),
        };
        let (path, digest) = stage.archive(&[("file", 0o644)]);
        let why = refusal(&other, &path);
        assert!(why.contains(digest.as_str()) && why.contains(other.as_str()), "{why}");
        let (path, digest) = stage.archive(&[("good", 0o644), ("../outside", 0o644)]);
        assert!(refusal(&digest, &path).contains("leads out"));
        fs::write(&path, "x".repeat(2000)).unwrap();
        let digest = BundleDigest::new(digest_of(&mut File::open(&path).unwrap()).unwrap()).unwrap();
        assert!(refusal(&digest, &path).contains("cannot be read"));
        assert_eq!(stage.in_bundles(), 0);
        assert!(!stage.folder.path().join("outside").exists());
    }
}
