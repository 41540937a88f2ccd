//! SIGINT, and SIGKILL of everybody, in the middle of an apply: the next apply converges, without a second copy.

use std::{
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use acceptance_tests::{
    cluster::{CONFIGURATION, PASSWORD},
    processes::{kill, running},
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
    wait,
};
use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

const LIMIT: Duration = Duration::from_secs(60);

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with("killed_apply_converges", "terraform", tools.terraform.clone(), killed);
    suite.test_with(
        "interrupted_apply_converges",
        "terraform",
        tools.terraform.clone(),
        interrupted,
    );
    suite.test_with(
        "killed_serve_during_apply_is_not_noticed",
        "terraform",
        tools.terraform.clone(),
        serve_killed,
    );
}

fn workspace(core: &Path) -> Result<Workspace> {
    let mut workspace = Workspace::new(core)?;
    workspace.set("TF_VAR_password", PASSWORD);
    workspace.write(CONFIGURATION)?;
    Ok(workspace)
}

fn start_apply(workspace: &Workspace) -> Result<Child> {
    let mut command = workspace.prepare(&["apply", "-auto-approve", "-no-color", "-input=false"]);
    Ok(command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?)
}

fn converges(workspace: &Workspace) -> Result<()> {
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let brokers = workspace.runtime.processes("broker");
    ensure!(brokers.len() == 3, "{brokers:?}");
    workspace.destroy()?;
    ensure!(workspace.runtime.processes("broker").is_empty(), "brokers are left");
    Ok(())
}

/// Kills Terraform and its provider as soon as the first broker runs.
fn killed(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core)?;
    let mut apply = start_apply(&workspace)?;
    wait::until("the first broker", LIMIT, || {
        (!workspace.runtime.processes("broker").is_empty()).then_some(())
    })?;
    let folder = workspace.path().display().to_string();
    kill(i32::try_from(apply.id())?);
    apply.wait()?;
    for process in running() {
        let ours = process
            .arguments
            .first()
            .is_some_and(|it| it.contains("terraform-provider-msk"));
        if ours && environment_names(process.pid, &folder) {
            kill(process.pid);
        }
    }
    // Terraform writes its state at the end: what it did not get to write, the provider must find again.
    let _ = std::fs::remove_file(workspace.path().join(".terraform.tfstate.lock.info"));
    converges(&workspace)
}

fn environment_names(pid: i32, folder: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| String::from_utf8_lossy(&environment).contains(folder))
}

fn interrupted(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core)?;
    let mut apply = start_apply(&workspace)?;
    wait::until("the first broker", LIMIT, || {
        (!workspace.runtime.processes("broker").is_empty()).then_some(())
    })?;
    if let Some(pid) = Pid::from_raw(i32::try_from(apply.id())?) {
        kill_process(pid, Signal::INT)?;
    }
    let status = wait::until("terraform to stop after SIGINT", LIMIT, || {
        apply.try_wait().ok().flatten()
    })?;
    ensure!(status.code().is_some(), "terraform crashed: {status}");
    converges(&workspace)
}

fn serve_killed(core: PathBuf) -> Result<()> {
    let workspace = workspace(&core)?;
    let mut apply = start_apply(&workspace)?;
    wait::until("the first broker", LIMIT, || {
        (!workspace.runtime.processes("broker").is_empty()).then_some(())
    })?;
    workspace.runtime.kill("serve");
    let status = wait::until("terraform to end", LIMIT, || apply.try_wait().ok().flatten())?;
    ensure!(status.success(), "the apply failed because serve was killed once");
    workspace.expect_empty_plan()?;
    converges(&workspace)
}
