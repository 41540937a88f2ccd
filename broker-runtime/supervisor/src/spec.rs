//! What is to be run.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use crate::RestartPolicy;

/// Argument before the token; the program must accept it and may ignore it.
pub(crate) const TOKEN_ARGUMENT: &str = "--process-token";

/// A process that should run.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// Name, for log lines and errors.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments; anybody on the machine can read them. `--process-token TOKEN` is added at the end.
    pub arguments: Vec<String>,
    /// Its whole environment: nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub working_directory: PathBuf,
    /// Directory of the record (`process.json`) and the lock (`process.lock`); must exist.
    pub state_directory: PathBuf,
    /// File that standard output and standard error are appended to.
    pub log_path: PathBuf,
    /// A log longer than this is set aside (as `….1`) when the process is started.
    pub log_bytes_max: u64,
    /// When to start it again.
    pub restart: RestartPolicy,
    /// How long it may take to end after SIGTERM before it is killed.
    pub stop_grace: Duration,
}
