//! Archives of a machine, and which of them have been verified.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use cluster_files::durable_file::{self, file_error};
use engine::EngineError;
use hosts::BundleDigest;

use super::{create, maven, verify};
use crate::{blocking::blocking, releases::Release};

/// An archive that has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    /// What is in it.
    pub(crate) release: Release,
    /// Its SHA-256.
    pub(crate) digest: BundleDigest,
    /// Where it is.
    pub(crate) archive: PathBuf,
}

/// The archives of a machine.
#[derive(Debug)]
pub(crate) struct Bundles {
    directory: PathBuf,
    /// The Maven client: a path, or a name that is looked up.
    maven: PathBuf,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    /// Verified ones, by number; held while one is made.
    verified: tokio::sync::Mutex<BTreeMap<&'static str, Bundle>>,
}

impl Bundles {
    pub(crate) fn new(
        directory: PathBuf,
        maven: PathBuf,
        environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            maven,
            environment,
            verified: tokio::sync::Mutex::default(),
        })
    }

    /// Where they are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What a bundle is, as far as its archive has been verified since this started, and none is being made.
    pub(crate) fn release_of(&self, digest: &BundleDigest) -> Option<Release> {
        let verified = self.verified.try_lock().ok()?;
        let mut known = verified.values();
        known
            .find(|bundle| bundle.digest == *digest)
            .map(|bundle| bundle.release)
    }

    /// The archive of a release: verified, and made first where there is none.
    pub(crate) async fn ready(&self, release: Release) -> Result<Bundle, EngineError> {
        let mut verified = self.verified.lock().await;
        if let Some(bundle) = verified.get(release.number) {
            return Ok(bundle.clone());
        }
        let archive = self.directory.join(release.archive_name());
        if !archive.exists() {
            self.make(release, &archive).await?;
        }
        let path = archive.clone();
        let digest = blocking(move || verify(&path, &release)).await?;
        let bundle = Bundle {
            release,
            digest,
            archive,
        };
        verified.insert(release.number, bundle.clone());
        Ok(bundle)
    }

    async fn make(&self, release: Release, archive: &Path) -> Result<(), EngineError> {
        let jars = self.directory.join(format!("kafka-{}.jars", release.number));
        let (directory, fresh) = (self.directory.clone(), jars.clone());
        let _alone = blocking(move || {
            durable_file::create_directory(&directory)?;
            alone_with(&fresh)
        })
        .await?;
        if archive.exists() {
            // Another process has made it meanwhile.
            return Ok(());
        }
        let fresh = jars.clone();
        blocking(move || {
            // What a run that was cut off has left.
            durable_file::remove_directory(&fresh)?;
            durable_file::create_directory(&fresh)
        })
        .await?;
        maven::copy(&self.maven, &self.environment, release, &jars).await?;
        let (archive, folder) = (archive.to_owned(), jars.clone());
        let made = blocking(move || create(&folder, &release, &archive)).await;
        blocking(move || durable_file::remove_directory(&jars)).await?;
        made.map(drop)
    }
}

/// Waits until no other process makes the archive of these jars; the others wait until what this gives is dropped.
fn alone_with(jars: &Path) -> Result<File, EngineError> {
    let path = jars.with_extension("lock");
    let failed = |source| file_error("locked", &path, source);
    let file = File::create(&path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_makes_an_archive() {
        let folder = tempfile::tempdir().unwrap();
        let jars = folder.path().join("kafka-4.1.1.jars");
        let alone = alone_with(&jars).unwrap();
        let other = File::open(folder.path().join("kafka-4.1.1.lock")).unwrap();
        assert!(other.try_lock().is_err());
        drop(alone);
        assert!(other.try_lock().is_ok());
    }
}
