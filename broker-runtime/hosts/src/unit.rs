//! A unit: a directory on a host, and at most one process that runs in it.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Name of a unit, one folder: letters, digits, `.`, `_` and `-`, not beginning with a dot, 128 at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitName(String);

impl UnitName {
    /// The name, when it is one.
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let good = (1..=128).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_good);
        good.then_some(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for UnitName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::new(name.as_str()).ok_or_else(|| format!("{name:?} is no name of a unit"))
    }
}

impl From<UnitName> for String {
    fn from(name: UnitName) -> Self {
        name.0
    }
}

/// SHA-256 of an archive, 64 hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BundleDigest(String);

impl BundleDigest {
    /// The digest, when it is one.
    pub fn new(digest: impl Into<String>) -> Option<Self> {
        let digest = digest.into();
        let good = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then_some(Self(digest))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BundleDigest {
    type Error = String;

    fn try_from(digest: String) -> Result<Self, String> {
        Self::new(digest.as_str()).ok_or_else(|| format!("{digest:?} is no SHA-256"))
    }
}

impl From<BundleDigest> for String {
    fn from(digest: BundleDigest) -> Self {
        digest.0
    }
}

/// A bundle that a host has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBundle {
    /// What it was unpacked from.
    pub digest: BundleDigest,
    /// What its files take up, those among them that were made of it.
    pub bytes: u64,
}

/// A file of a unit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFile {
    /// Path below the directory of the unit, with `/`; folders are made.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
    /// Only the user of the agent may read it.
    pub is_secret: bool,
}

impl fmt::Debug for UnitFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UnitFile({:?}, {} bytes)", self.path, self.content.len())
    }
}

/// A command that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitCommand {
    /// Absolute path, a name that the agent looks up in its `PATH`, or [`UnitCommand::OWN_PROGRAM`].
    pub program: String,
    /// Arguments; anybody on the host can read them.
    pub arguments: Vec<String>,
    /// Environment beside `PATH`; nothing else is inherited.
    pub environment: Vec<(String, String)>,
}

impl UnitCommand {
    /// As a program, the one that the agent itself is a process of, wherever its host has it.
    pub const OWN_PROGRAM: &str = "{own-program}";
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output; of very long ones the end.
    pub stdout: String,
    /// Its standard error; of very long ones the end.
    pub stderr: String,
}

/// A process that should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitProcess {
    /// What is run. The argument [`UnitProcess::TOKEN`] is where the token goes by which the host finds the process again;
    /// without one it is added at the end.
    pub command: UnitCommand,
    /// Path below the directory of the unit that output is appended to.
    pub log_path: String,
    /// A log longer than this is set aside when the process is started.
    pub log_bytes_max: u64,
    /// How long it may take to end after SIGTERM before it is killed.
    pub stop_grace: Duration,
    /// Most files it may have open; `None` leaves what the agent has.
    pub open_files_max: Option<u64>,
}

impl UnitProcess {
    /// In an argument, the place of the token.
    pub const TOKEN: &str = "{process-token}";
}

/// A unit as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitStatus {
    /// Name.
    pub unit: UnitName,
    /// What its process is doing.
    pub phase: UnitPhase,
    /// Its process, when it runs.
    pub pid: Option<u32>,
    /// Start of the process, unix milliseconds.
    pub started_at_ms: Option<i64>,
    /// Resident memory, bytes.
    pub resident_bytes: Option<u64>,
    /// CPU time the process has used, milliseconds.
    pub cpu_ms: Option<u64>,
    /// How often it was started again since it last ran for long.
    pub restarts: u32,
    /// How it ended the last time, in words.
    pub last_exit: Option<String>,
}

/// What the process of a unit is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnitPhase {
    /// Nobody wants it to run.
    Stopped,
    /// It runs.
    Running,
    /// It is being stopped.
    Stopping,
    /// It has ended, and is started again after a delay.
    Waiting,
}
