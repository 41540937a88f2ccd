//! The test binaries themselves: one that is interrupted leaves no process behind.

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use acceptance_tests::{folder, processes::running, suite::Suite, tools::Tools, wait};
use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long the interrupted run may take to start brokers, and to end.
const LIMIT: Duration = Duration::from_secs(60);
/// Exit code after SIGTERM.
const TERMINATED: i32 = 128 + 15;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "interrupted_run_leaves_no_process_behind",
        "terraform",
        tools.terraform.clone(),
        |_| interrupted(),
    );
}

fn interrupted() -> Result<()> {
    let folder = folder::fresh("om-")?;
    let mut run = Command::new(env::current_exe()?)
        .args(["--exact", "killed_serve_is_back_and_adopts_its_brokers"])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let begun = wait::until("the run to have brokers", LIMIT, || {
        works_in(folder.path(), "broker").then_some(())
    });
    let code = terminate(&mut run)?;
    begun?;
    ensure!(code == Some(TERMINATED), "it ended with {code:?}");
    ensure!(!works_in(folder.path(), "broker-runtime"), "processes are left");
    Ok(())
}

/// Ends a run as `kill` does, and waits for it.
fn terminate(run: &mut Child) -> Result<Option<i32>> {
    let pid = Pid::from_raw(i32::try_from(run.id())?);
    let asked = pid.map(|pid| kill_process(pid, Signal::TERM));
    let ended = wait::until("the run to end", LIMIT, || run.try_wait().ok().flatten());
    if ended.is_err() {
        // Nothing of it may stay, whatever went wrong.
        let _ = run.kill();
        let _ = run.wait();
    }
    asked.transpose()?;
    Ok(ended?.code())
}

/// Whether a process works in a folder that has `word` among its arguments, or in the path of its program.
fn works_in(folder: &Path, word: &str) -> bool {
    let folder = folder.display().to_string();
    running().iter().any(|process| {
        let mut arguments = process.arguments.iter();
        arguments.clone().any(|it| it.contains(&folder))
            && arguments.any(|it| it == word || it.ends_with(&format!("/{word}")))
    })
}
