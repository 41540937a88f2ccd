//! Archives of Apache Kafka, which tests keep from one run to the next: making one takes a while.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{runtime::Runtime, terraform::Workspace, tools::Tools};

/// Where they are kept, and where the runtime of a test looks for them.
pub struct Archives {
    cache: PathBuf,
    used: PathBuf,
}

impl Archives {
    /// Gives the runtime of a test those that there are.
    pub fn of(workspace: &Workspace) -> Result<Self> {
        Self::of_runtime(&workspace.runtime)
    }

    /// The same for a runtime that works in no workspace.
    pub fn of_runtime(runtime: &Runtime) -> Result<Self> {
        let archives = Self {
            cache: Tools::directory().join("kafka-bundles"),
            used: runtime.data_dir().join("kafka-bundles"),
        };
        if archives.cache.is_dir() {
            copy_all(&archives.cache, &archives.used)?;
        }
        Ok(archives)
    }

    /// Keeps those that the runtime has made.
    pub fn keep(&self) -> Result<()> {
        copy_all(&self.used, &self.cache)
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("name of an archive")?);
        if path.extension().is_some_and(|end| end == "tar") && !target.exists() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
