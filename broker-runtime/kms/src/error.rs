//! Why a key cannot be had.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Failures of keys. None of them says anything of a key.
#[derive(Debug, Error)]
pub enum KmsError {
    /// There is no such key.
    #[error("key {key_arn} is not in {path:?}: put the file back, without it what it has encrypted cannot be read")]
    Missing {
        /// The key.
        key_arn: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// A file is not what was written.
    #[error("{path:?} is malformed: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The data key was encrypted with another key, or for another cluster, or was changed.
    #[error("key {key_arn} in {path:?} is not the one that the data key was encrypted with")]
    WrongKey {
        /// The key.
        key_arn: String,
        /// Where it is.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{path:?} cannot be accessed: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

impl KmsError {
    pub(crate) fn file(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File {
            path: path.into(),
            source,
        }
    }

    pub(crate) fn malformed(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.into(),
            reason: reason.into(),
        }
    }
}
