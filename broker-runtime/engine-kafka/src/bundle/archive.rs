//! A release as a tar archive: the same jars make the same bytes, wherever and whenever they are packed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use cluster_files::durable_file::file_error;
use engine::EngineError;
use hosts::BundleDigest;
use ring::digest::{Context, SHA256};
use tar::{Archive, Builder, EntryType, Header};

use crate::releases::Release;

/// Packs the jars of a release, which lie in `folder`, and returns the digest of the archive. A jar that is missing, or is not
/// the one that the lock file names, is an error that names it; other files in the folder are left out.
pub fn create(folder: &Path, release: &Release, archive: &Path) -> Result<BundleDigest, EngineError> {
    for (name, wanted) in release.jars() {
        let path = folder.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(not_genuine(
                    release,
                    &format!("there is no {name} in {}", folder.display()),
                ));
            }
            Err(source) => return Err(file_error("read", &path, source)),
        };
        let found = digest_of(file).map_err(|source| file_error("read", &path, source))?;
        if found != wanted {
            return Err(differs(release, name, &found, wanted));
        }
    }
    let temporary = archive.with_extension("tar.tmp");
    pack(folder, release, &temporary).map_err(|source| file_error("written", &temporary, source))?;
    let verified = verify(&temporary, release);
    if verified.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    let digest = verified?;
    fs::rename(&temporary, archive).map_err(|source| file_error("written", archive, source))?;
    Ok(digest)
}

fn pack(folder: &Path, release: &Release, archive: &Path) -> io::Result<()> {
    let mut builder = Builder::new(File::create(archive)?);
    for name in release.jars().keys() {
        let file = File::open(folder.join(name))?;
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(file.metadata()?.len());
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, name, file)?;
    }
    let mut file = builder.into_inner()?;
    file.flush()?;
    file.sync_all()
}

/// Compares what is in an archive with the lock file of the release, and returns the digest of the archive.
pub fn verify(archive: &Path, release: &Release) -> Result<BundleDigest, EngineError> {
    let failed = |source| file_error("read", archive, source);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut reader = Archive::new(File::open(archive).map_err(failed)?);
    for entry in reader.entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path: PathBuf = entry.path().map_err(failed)?.into_owned();
        let name = path.display().to_string();
        let digest = digest_of(entry).map_err(failed)?;
        found.insert(name, digest);
    }
    let jars = release.jars();
    for (name, wanted) in &jars {
        match found.get(*name) {
            None => return Err(not_genuine(release, &format!("{name} is not in {}", archive.display()))),
            Some(digest) if digest != wanted => return Err(differs(release, name, digest, wanted)),
            Some(_) => {}
        }
    }
    if let Some(name) = found.keys().find(|name| !jars.contains_key(name.as_str())) {
        return Err(not_genuine(
            release,
            &format!("{name} in {} is no part of it", archive.display()),
        ));
    }
    let digest = digest_of(File::open(archive).map_err(failed)?).map_err(failed)?;
    BundleDigest::new(digest.as_str()).ok_or_else(|| EngineError::Internal {
        context: format!("{digest:?} is no SHA-256"),
        source: "a digest has 64 digits".into(),
    })
}

fn digest_of(mut from: impl Read) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            length => context.update(&buffer[..length]),
        }
    }
    let digest = context.finish();
    Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn differs(release: &Release, name: &str, found: &str, wanted: &str) -> EngineError {
    not_genuine(release, &format!("{name} has SHA-256 {found} and not {wanted}"))
}

fn not_genuine(release: &Release, what: &str) -> EngineError {
    EngineError::Environment {
        problem: format!("this is not Apache Kafka {}: {what}", release.number),
        remedy: "delete what was fetched, and find out who changes it on its way".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::releases::RELEASES;

    #[test]
    fn missing_and_changed_jars_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let release = &RELEASES[0];
        let archive = folder.path().join("kafka.tar");
        let refused = create(folder.path(), release, &archive).unwrap_err().to_string();
        let first = *release.jars().keys().next().unwrap();
        assert!(refused.contains(&format!("there is no {first}")), "{refused}");
        fs::write(folder.path().join(first), "changed").unwrap();
        let refused = create(folder.path(), release, &archive).unwrap_err().to_string();
        assert!(refused.contains(&format!("{first} has SHA-256")), "{refused}");
        assert!(!archive.exists());
    }

    #[test]
    fn archive_with_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("kafka.tar");
        let mut builder = Builder::new(File::create(&archive).unwrap());
        let mut header = Header::new_ustar();
        header.set_size(3);
        builder.append_data(&mut header, "other.jar", &b"abc"[..]).unwrap();
        builder.finish().unwrap();
        let refused = verify(&archive, &RELEASES[0]).unwrap_err().to_string();
        assert!(refused.starts_with("this is not Apache Kafka"), "{refused}");
    }

    #[test]
    fn digests_are_sha_256() {
        assert_eq!(
            digest_of(&b"abc"[..]).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
