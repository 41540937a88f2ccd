//! What is remembered of a process in `process.json`, so that a later supervisor finds it.
//!
//! The file is replaced by a rename and not synced: it has to survive the death of the supervisor, for which the page
//! cache is enough. After the death of the machine nothing runs any more, and the boot id says so.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::SupervisorError;

/// Name of the record in the state directory.
const RECORD: &str = "process.json";

/// A process that was started, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessRecord {
    /// Random; one of the arguments of the process.
    pub(crate) token: String,
    /// Boot of the kernel it was started in.
    pub(crate) boot_id: String,
    /// When, unix milliseconds.
    pub(crate) started_at_ms: i64,
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// The process, once it is known.
    pub(crate) process: Option<RecordedProcess>,
}

/// Identity of a recorded process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecordedProcess {
    pub(crate) pid: u32,
    pub(crate) start_ticks: u64,
}

impl ProcessRecord {
    /// Reads the record; `None` when there is none, or none that can be read: the rename is atomic, so such a file is
    /// left from a crash of the machine, and what it described is gone with it.
    pub(crate) fn read(directory: &Path) -> Result<Option<Self>, SupervisorError> {
        let path = path(directory);
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text)
                .inspect_err(|error| tracing::warn!(?path, %error, "process record is not readable"))
                .ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SupervisorError::File { path, source }),
        }
    }

    /// Replaces the record.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), SupervisorError> {
        let path = path(directory);
        let temporary = path.with_extension("json.tmp");
        let text = serde_json::to_vec_pretty(self).expect("a record of strings and numbers is serialisable");
        fs::write(&temporary, text)
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(|source| SupervisorError::File { path, source })
    }

    /// Forgets the process.
    pub(crate) fn remove(directory: &Path) -> Result<(), SupervisorError> {
        let path = path(directory);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SupervisorError::File { path, source }),
            _ => Ok(()),
        }
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join(RECORD)
}
