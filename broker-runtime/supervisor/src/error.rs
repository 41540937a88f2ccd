//! What can go wrong with a process, grouped by what the caller should do.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why something could not be done to a process.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// Mend the environment: the program is missing or must not be executed, or the system refuses another process.
    #[error("{program:?} cannot be started")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Mend the environment: a file of the process cannot be read or written.
    #[error("{path:?} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Give up: somebody else supervises this process.
    #[error("process {name:?} is supervised by somebody else, who holds {path:?}")]
    Supervised {
        /// Name of the process.
        name: String,
        /// The lock.
        path: PathBuf,
    },
    /// Retry: the process did not end, not even when killed.
    #[error("process {pid} ({name}) has not ended {waited_ms} ms after it was killed")]
    StillRuns {
        /// Name of the process.
        name: String,
        /// Its id.
        pid: u32,
        /// How long it was waited for.
        waited_ms: u64,
    },
    /// Give up: a system call failed that should not.
    #[error("{what} failed")]
    System {
        /// Which one.
        what: &'static str,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Give up: the supervision of this process has ended.
    #[error("process {0:?} is no longer supervised")]
    Ended(String),
}
