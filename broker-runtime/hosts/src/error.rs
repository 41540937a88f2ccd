//! Why a host did not do what it was told.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Errors of hosts, grouped by what the caller should do.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum HostError {
    /// Ask again: the host, or the link to it, is away. It may have done what it was told.
    #[error("host {host} cannot be reached: {reason}")]
    Unreachable {
        /// Name of the host.
        host: String,
        /// What was seen.
        reason: String,
    },
    /// Mend the host: the disk is full, a program is missing, something may not be written.
    #[error("on host {host}: {problem}; {remedy}")]
    Environment {
        /// Name of the host.
        host: String,
        /// What is wrong, with the thing named.
        problem: String,
        /// What a person should do about it.
        remedy: String,
    },
    /// Correct the order: a path that leaves the unit, an archive with another digest.
    #[error("host {host} refuses: {reason}")]
    Refused {
        /// Name of the host.
        host: String,
        /// What is wrong with the order.
        reason: String,
    },
}
