//! What `main.rs` has learned from the environment, passed to every subcommand.

use std::{ffi::OsString, path::PathBuf};

use crate::data_dir::DataDir;

/// Everything a subcommand may know of the world outside of its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The data directory.
    pub(crate) data_dir: DataDir,
    /// This program.
    pub(crate) executable: PathBuf,
    /// Which log lines are written.
    pub(crate) log_filter: String,
    /// The environment of processes that are started: it holds nothing of the user's.
    pub(crate) child_environment: Vec<(OsString, OsString)>,
}

/// Version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
