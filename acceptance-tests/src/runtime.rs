//! A runtime of its own: a fresh data directory, and nothing left of it afterwards.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{
    binaries, folder, interrupt,
    processes::{Process, kill, kill_all, working_in},
    program,
    program::Finished,
    wait,
};

/// Has control planes listen on a port of their own, which they keep when they are started again. On the usual one, tests that run side by
/// side would take each other's control plane for theirs while that is down.
pub const OWN_PORT: (&str, &str) = ("OPENMSK_LISTEN", "127.0.0.1:0");

/// How long a subcommand of the runtime may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A data directory in a temporary folder. The runtime is started by whoever uses it first; dropping this ends every
/// process that works in it.
pub struct Runtime {
    folder: TempDir,
}

impl Runtime {
    /// A fresh data directory.
    pub fn new() -> Result<Self> {
        let folder = folder::fresh("openmsk-test-")?;
        interrupt::remember(folder.path());
        Ok(Self { folder })
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a subcommand of `broker-runtime` to its end.
    pub fn command(&self, arguments: &[&str]) -> Result<Finished> {
        program::run(
            self.prepare(arguments)?.args(["--data-dir"]).arg(self.data_dir()),
            LIMIT,
        )
    }

    /// A subcommand without arguments of the runtime's own, not started yet.
    pub fn prepare(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(binaries::path("broker-runtime")?);
        command.args(arguments).env(OWN_PORT.0, OWN_PORT.1);
        Ok(command)
    }

    /// Starts `serve` in the background and returns when it is ready.
    pub fn start(&self) -> Result<()> {
        self.start_with(&[])
    }

    /// The same with more arguments of `serve`.
    pub fn start_with(&self, arguments: &[&str]) -> Result<()> {
        let finished = self.command(&[&["serve", "--background"], arguments].concat())?;
        if finished.code != Some(0) {
            bail!("serve did not start:\n{}", finished.text());
        }
        Ok(())
    }

    /// `http://host:port` of the control plane.
    pub fn endpoint(&self) -> Result<String> {
        let text = fs::read(self.data_dir().join("runtime.json")).context("runtime.json")?;
        let value: serde_json::Value = serde_json::from_slice(&text)?;
        Ok(value["endpoint"]
            .as_str()
            .context("endpoint in runtime.json")?
            .to_owned())
    }

    /// Access key and secret key of its root principal.
    pub fn key(&self) -> Result<(String, String)> {
        let text = fs::read_to_string(self.data_dir().join("credentials")).context("credentials")?;
        let value = |name: &str| {
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
            found
                .map(|value| value.trim().to_owned())
                .with_context(|| format!("no {name} in the credentials"))
        };
        Ok((value("aws_access_key_id")?, value("aws_secret_access_key")?))
    }

    /// Our processes that work in this data directory; `kind` is a subcommand such as `broker`, empty for all.
    pub fn processes(&self, kind: &str) -> Vec<Process> {
        let mut processes = working_in(self.folder.path());
        processes.retain(|it| kind.is_empty() || it.arguments.get(1).is_some_and(|first| first == kind));
        processes
    }

    /// Sends SIGKILL to every process of `kind`.
    pub fn kill(&self, kind: &str) {
        for process in self.processes(kind) {
            kill(process.pid);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Processes restart each other, so ask first and then kill until a look finds none.
        let _ = self.command(&["stop"]);
        let _ = wait::until("the processes of a test to end", LIMIT, || {
            kill_all(self.folder.path());
            self.processes("").is_empty().then_some(())
        });
        interrupt::forget(self.folder.path());
    }
}
