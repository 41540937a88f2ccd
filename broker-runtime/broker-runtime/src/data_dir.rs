//! The data directory of a runtime: where its files are, and what they say about the control plane that runs.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Everything the runtime keeps.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// `runtime.json`: how to reach the control plane. It stays when the control plane stops, so that the next one takes the
/// same port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuntimeInfo {
    /// Base URL of the control plane.
    pub(crate) endpoint: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Version of the program.
    pub(crate) version: String,
}

impl RuntimeInfo {
    /// `host:port` of the endpoint.
    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        self.endpoint.strip_prefix("http://")?.parse().ok()
    }
}

impl DataDir {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Creates it, for this user only.
    pub(crate) fn create(&self) -> Result<()> {
        for path in [self.root.clone(), self.logs(), self.guard()] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .with_context(|| format!("the data directory {} cannot be created", path.display()))?;
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn serve_lock(&self) -> PathBuf {
        self.root.join("serve.lock")
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.root.join("credentials")
    }

    pub(crate) fn clusters(&self) -> PathBuf {
        self.root.join("clusters")
    }

    /// What is written down of clusters of Apache Kafka.
    pub(crate) fn kafka_clusters(&self) -> PathBuf {
        self.root.join("kafka-clusters")
    }

    /// Archives of Apache Kafka.
    pub(crate) fn kafka_bundles(&self) -> PathBuf {
        self.root.join("kafka-bundles")
    }

    /// This machine as a host: the units that run on it.
    pub(crate) fn host(&self) -> PathBuf {
        self.root.join("host")
    }

    /// Keys that users name for encryption at rest.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("kms")
    }

    /// The authority of the hosts that have joined.
    pub(crate) fn fleet(&self) -> PathBuf {
        self.root.join("fleet")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub(crate) fn serve_log(&self) -> PathBuf {
        self.logs().join("serve.log")
    }

    pub(crate) fn guard_log(&self) -> PathBuf {
        self.logs().join("guard.log")
    }

    /// Where the supervision of the guard keeps its record.
    pub(crate) fn guard(&self) -> PathBuf {
        self.root.join("guard")
    }

    fn runtime_json(&self) -> PathBuf {
        self.root.join("runtime.json")
    }

    /// What `runtime.json` says; `None` when it is missing or says nothing.
    pub(crate) fn runtime_info(&self) -> Option<RuntimeInfo> {
        serde_json::from_slice(&fs::read(self.runtime_json()).ok()?).ok()
    }

    /// Replaces `runtime.json`.
    pub(crate) fn write_runtime_info(&self, info: &RuntimeInfo) -> Result<()> {
        let path = self.runtime_json();
        let temporary = path.with_extension("json.tmp");
        let write = || -> io::Result<()> {
            fs::write(&temporary, serde_json::to_vec_pretty(info)?)?;
            fs::rename(&temporary, &path)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }
}
