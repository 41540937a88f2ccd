//! A working directory for `terraform` or `tofu` with our provider in it, and a runtime of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    binaries, folder,
    program::{self, Finished},
    runtime::{self, Runtime},
};

/// What every configuration begins with.
pub const REQUIRED_PROVIDERS: &str =
    "terraform {\n  required_providers {\n    msk = { source = \"openmsk/msk\" }\n  }\n}\n";

/// A configuration, the program that applies it, and the runtime it talks to.
pub struct Workspace {
    folder: TempDir,
    program: PathBuf,
    /// The runtime the provider finds.
    pub runtime: Runtime,
    environment: Vec<(String, String)>,
}

impl Workspace {
    /// An empty configuration for `program`, with our provider through `dev_overrides`.
    pub fn new(program: &Path) -> Result<Self> {
        let folder = folder::fresh("openmsk-tf-")?;
        let binaries = binaries::path("terraform-provider-msk")?;
        let binaries = binaries
            .parent()
            .context("folder of the provider")?
            .display()
            .to_string();
        binaries::path("broker-runtime")?;
        let sources = [
            "openmsk/msk",
            "registry.terraform.io/openmsk/msk",
            "registry.opentofu.org/openmsk/msk",
        ];
        let overrides: String = sources
            .iter()
            .map(|it| format!("    \"{it}\" = \"{binaries}\"\n"))
            .collect();
        fs::write(
            folder.path().join("cli.tfrc"),
            format!("provider_installation {{\n  dev_overrides {{\n{overrides}  }}\n  direct {{}}\n}}\n"),
        )?;
        Ok(Self {
            folder,
            program: program.to_path_buf(),
            runtime: Runtime::new()?,
            environment: Vec::new(),
        })
    }

    /// Folder of the configuration.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the CLI configuration file.
    pub fn set_cli_configuration(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.path().join("cli.tfrc"), text)?)
    }

    /// Sets a variable of the environment of every later command.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes `main.tf`.
    pub fn write(&self, configuration: &str) -> Result<()> {
        Ok(fs::write(self.path().join("main.tf"), configuration)?)
    }

    /// A command, not started yet.
    pub fn prepare(&self, arguments: &[&str]) -> Command {
        self.prepare_with(&self.program, arguments)
    }

    /// Another program in the folder and the environment of this configuration, not started yet.
    pub fn prepare_with(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env("TF_CLI_CONFIG_FILE", self.path().join("cli.tfrc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env("OPENMSK_DATA_DIR", self.runtime.data_dir())
            .env(runtime::OWN_PORT.0, runtime::OWN_PORT.1)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command that must succeed.
    pub fn succeed(&self, arguments: &[&str]) -> Result<Finished> {
        program::succeed(&mut self.prepare(arguments), program::LIMIT)
    }

    /// Runs a command that must fail.
    pub fn fail(&self, arguments: &[&str]) -> Result<Finished> {
        program::fail(&mut self.prepare(arguments), program::LIMIT)
    }

    /// `apply` without questions.
    pub fn apply(&self) -> Result<Finished> {
        self.succeed(&["apply", "-auto-approve", "-no-color", "-input=false"])
    }

    /// `destroy` without questions.
    pub fn destroy(&self) -> Result<Finished> {
        self.succeed(&["destroy", "-auto-approve", "-no-color", "-input=false"])
    }

    /// Requires that a plan has nothing to do.
    pub fn expect_empty_plan(&self) -> Result<()> {
        let finished = program::run(
            &mut self.prepare(&["plan", "-detailed-exitcode", "-no-color", "-input=false"]),
            program::LIMIT,
        )?;
        anyhow::ensure!(finished.code == Some(0), "the plan is not empty:\n{}", finished.text());
        Ok(())
    }

    /// Requires that a plan has something to do, and answers it as JSON.
    pub fn plan(&self) -> Result<Value> {
        let file = self.path().join("plan.bin").display().to_string();
        self.succeed(&["plan", "-no-color", "-input=false", &format!("-out={file}")])?;
        Ok(serde_json::from_str(&self.succeed(&["show", "-json", &file])?.stdout)?)
    }

    /// The value of an output.
    pub fn output(&self, name: &str) -> Result<Value> {
        let text = self.succeed(&["output", "-json", name])?.stdout;
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // The runtime's own clean-up ends what destroy could not.
        let _ = program::run(
            &mut self.prepare(&["destroy", "-auto-approve", "-no-color", "-input=false"]),
            program::LIMIT,
        );
    }
}
