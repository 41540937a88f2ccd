//! Our own binaries, as cargo built them beside the test binary.

use std::{env, path::PathBuf};

use anyhow::{Context, Result, ensure};

/// The folder cargo puts binaries of this profile into: tests are in `deps` below it, programs in it.
pub fn directory() -> Result<PathBuf> {
    let own = env::current_exe().context("path of the test binary")?;
    let directory = own.parent().context("folder of the test binary")?;
    if directory.ends_with("deps") {
        return Ok(directory.parent().context("folder of the binaries")?.to_path_buf());
    }
    Ok(directory.to_path_buf())
}

/// Path of one of our binaries; an error says how to build it.
pub fn path(name: &str) -> Result<PathBuf> {
    let path = directory()?.join(name);
    ensure!(
        path.is_file(),
        "{name} is not built: run `cargo xtask check`, or `cargo build --bins` first"
    );
    Ok(path)
}

/// Root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(PathBuf::from)
        .unwrap_or_default()
}
