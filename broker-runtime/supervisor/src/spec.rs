//! What is to be run.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use crate::RestartPolicy;

/// Argument before the token; the program must accept it and may ignore it.
const TOKEN_ARGUMENT: &str = "--process-token";

/// A process that should run.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// Name, for log lines and errors.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments; anybody on the machine can read them. [`ProcessSpec::TOKEN`] in one of them is where the token goes by
    /// which the process is found again; where none has it, `--process-token TOKEN` is added at the end.
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
    /// Most files it may have open; `None` leaves what this program has.
    pub open_files_max: Option<u64>,
}

impl ProcessSpec {
    /// In an argument, the place of the token: for programs that take no `--process-token`.
    pub const TOKEN: &str = "{process-token}";

    /// The arguments of a process with this token.
    pub(crate) fn arguments_with(&self, token: &str) -> Vec<String> {
        let mut arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|argument| argument.replace(Self::TOKEN, token))
            .collect();
        if arguments == self.arguments {
            arguments.extend([TOKEN_ARGUMENT.to_owned(), token.to_owned()]);
        }
        arguments
    }
}
