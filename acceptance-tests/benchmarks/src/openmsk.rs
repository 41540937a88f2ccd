//! Our side: a runtime of its own in a temporary folder, and a cluster with an open plaintext listener in it.

use std::path::PathBuf;

use acceptance_tests::{outside, runtime::Runtime, tools::Tools};
use anyhow::{Context, Result};
use serde_json::Value;

/// A running cluster; ends with this value.
pub struct OpenMsk {
    runtime: Runtime,
    /// `host:port,…` of the plaintext listeners.
    pub bootstrap: String,
    /// Seconds from the create request to ACTIVE.
    pub active_after_s: f64,
}

/// A Python interpreter with boto3.
pub fn python() -> Result<PathBuf> {
    Tools::load().python.context("no Python clients; `cargo xtask tools`")
}

impl OpenMsk {
    /// Starts `count` brokers through the API, with boto3.
    pub fn start(count: u8) -> Result<Self> {
        Self::start_with(&["create_plaintext_cluster", "bench", &count.to_string()])
    }

    /// The same, with a key for what they store.
    pub fn start_encrypted(count: u8) -> Result<Self> {
        Self::start_with(&["create_plaintext_cluster", "bench", &count.to_string(), "alias/bench"])
    }

    fn start_with(command: &[&str]) -> Result<Self> {
        let runtime = Runtime::new()?;
        runtime.start()?;
        let text = outside::run(&python()?, &runtime, command)?;
        let answer: Value = serde_json::from_str(&text)?;
        let bootstrap = answer["bootstrap"].as_str().context("bootstrap string")?.to_owned();
        let active_after_s = answer["active_after_s"].as_f64().context("active_after_s")?;
        Ok(Self {
            runtime,
            bootstrap,
            active_after_s,
        })
    }

    /// Process ids of the brokers.
    pub fn pids(&self) -> Vec<i32> {
        self.of("broker")
    }

    /// Process ids of the processes of one kind.
    pub fn of(&self, kind: &str) -> Vec<i32> {
        self.runtime.processes(kind).into_iter().map(|it| it.pid).collect()
    }
}
