//! Changes outside Terraform: `programs/outside.py`, which drives our API with an unmodified boto3.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Result;

use crate::{binaries, program, runtime::Runtime};

/// Runs one action of the script and answers what it printed.
pub fn run(python: &Path, runtime: &Runtime, action: &[&str]) -> Result<String> {
    let mut command = Command::new(python);
    command.arg(binaries::repository().join("acceptance-tests/programs/outside.py"));
    command
        .arg(runtime.endpoint()?)
        .arg(runtime.data_dir().join("credentials"))
        .args(action);
    Ok(program::succeed(&mut command, Duration::from_secs(60))?.stdout)
}
