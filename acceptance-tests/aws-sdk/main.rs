//! An unmodified boto3 drives a real runtime: cluster, configuration, secrets, topics, operations, and deletion.

use std::{path::Path, process::Command, process::ExitCode, time::Duration};

use acceptance_tests::{binaries, program, runtime::Runtime, suite::Suite, tools::Tools};
use anyhow::{Result, ensure};

fn main() -> ExitCode {
    let tools = Tools::load();
    let mut suite = Suite::new();
    suite.test_with("boto3_lives_a_whole_life", "boto3", tools.python, |python| {
        life(&python)
    });
    suite.run(|| ())
}

fn life(python: &Path) -> Result<()> {
    let runtime = Runtime::new()?;
    runtime.start()?;
    let mut command = Command::new(python);
    command.arg(binaries::repository().join("acceptance-tests/programs/boto3_life.py"));
    command
        .arg(runtime.endpoint()?)
        .arg(runtime.data_dir().join("credentials"));
    let finished = program::succeed(&mut command, Duration::from_secs(180))?;
    ensure!(finished.stdout.contains("ok"), "{}", finished.text());
    ensure!(
        runtime.processes("broker").is_empty(),
        "brokers are left: {:?}",
        runtime.processes("broker")
    );
    Ok(())
}
