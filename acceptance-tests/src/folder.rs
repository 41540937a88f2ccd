//! Temporary folders of tests.

use std::env;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// With this variable folders stay, for whoever looks for the cause of a failure.
const KEEP: &str = "OPENMSK_KEEP";

/// A fresh folder in the system's temporary directory, whose name begins with `prefix`. It goes with its owner.
pub fn fresh(prefix: &str) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).disable_cleanup(env::var_os(KEEP).is_some());
    builder.tempdir().context("a temporary folder")
}
