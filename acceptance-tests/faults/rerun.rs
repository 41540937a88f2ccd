//! A test of this program once more, in namespaces of its own.

use std::{
    env,
    process::{Child, Command, Stdio},
    time::Duration,
};

use acceptance_tests::{folder, wait};
use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// Runs `shell`, which starts the program `$TEST`, and expects it to succeed. Variable `inside` tells the test where it is.
pub fn run(mut shell: Command, inside: &str, limit: Duration) -> Result<()> {
    // What is mounted in there cannot be removed from there.
    let folder = folder::fresh("om-")?;
    shell
        .env("TEST", env::current_exe()?)
        .env(inside, "1")
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null());
    let mut child = shell.spawn()?;
    let ended = wait::until("the run to end", limit, || child.try_wait().ok().flatten());
    if ended.is_err() {
        terminate(&child)?;
        child.wait()?;
    }
    let status = ended?;
    ensure!(
        status.success(),
        "the run ended with {status}; what it has found stands above"
    );
    Ok(())
}

fn terminate(child: &Child) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(child.id())?).context("process id")?;
    Ok(kill_process(pid, Signal::TERM)?)
}
