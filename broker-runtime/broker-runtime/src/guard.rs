//! `broker-runtime guard`: brings a killed control plane back. It waits for the end of the control plane's process, whoever
//! started that, and then starts one; the control plane does the same for the guard. A control plane that stops in an
//! orderly way ends its guard first, so a guard that sees an end has work to do.

use std::{
    fs::OpenOptions,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use clock::{Clock, SystemClock};
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid},
};
use supervisor::{ProcessIdentity, RestartPolicy};

use crate::{
    context::Context as RuntimeContext, data_dir::DataDir, logging, serve_arguments::ServeArguments, serve_lock,
};

/// How long a control plane that was started may take to become the one that holds the lock.
const LOCK_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two looks at the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(2);
/// At once, then after delays that double, until a control plane has run for a while.
const POLICY: RestartPolicy = RestartPolicy {
    delay_min: Duration::from_millis(200),
    delay_max: Duration::from_secs(30),
    healthy_after: Duration::from_secs(10),
};

/// Watches for as long as the data directory exists.
pub(crate) fn run(context: &RuntimeContext, arguments: &ServeArguments) -> Result<()> {
    logging::to_stderr(&context.log_filter);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let data_dir = &context.data_dir;
    let mut restarts = 0;
    while data_dir.root().exists() {
        let begun = clock.monotonic();
        let Some(serve) = serve_lock::holder(data_dir) else {
            let delay = POLICY.delay(restarts);
            restarts = restarts.saturating_add(1);
            thread::sleep(delay);
            if data_dir.root().exists() && serve_lock::holder(data_dir).is_none() {
                tracing::warn!(restarts, "control plane has ended and is started again");
                start(context, arguments)?;
            }
            continue;
        };
        wait_for_end(serve)?;
        if clock.monotonic().saturating_duration_since(begun) >= POLICY.healthy_after {
            restarts = 0;
        }
    }
    Ok(())
}

/// Starts a control plane and returns once it holds the lock or has ended.
fn start(context: &RuntimeContext, arguments: &ServeArguments) -> Result<()> {
    let mut child = serve_command(context, arguments)?
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} cannot be started", context.executable.display()))?;
    let mut waited = Duration::ZERO;
    while waited < LOCK_LIMIT {
        if let Some(status) = child.try_wait()? {
            tracing::error!(%status, log = %context.data_dir.serve_log().display(), "control plane has ended at its start");
            return Ok(());
        }
        if serve_lock::holder(&context.data_dir).is_some_and(|holder| holder.pid == child.id()) {
            return Ok(());
        }
        thread::sleep(LOCK_PAUSE);
        waited += LOCK_PAUSE;
    }
    Ok(())
}

/// The command that starts a control plane in the background; its log lines go to a file.
pub(crate) fn serve_command(context: &RuntimeContext, arguments: &ServeArguments) -> Result<Command> {
    let data_dir: &DataDir = &context.data_dir;
    let path = data_dir.serve_log();
    let open = OpenOptions::new().create(true).append(true).open(&path);
    let log = open.with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut command = Command::new(&context.executable);
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(data_dir.root())
        .arg("--detached");
    command.args(arguments.to_arguments());
    command
        .env_clear()
        .envs(context.child_environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(data_dir.root()).stdin(Stdio::null()).stderr(log);
    supervisor::detach(&mut command);
    Ok(command)
}

/// Returns once the process has ended, and reaps it when it is a child.
fn wait_for_end(process: ProcessIdentity) -> Result<()> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    let pidfd: OwnedFd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error).context("the control plane cannot be watched"),
    };
    if supervisor::identify(process.pid) == Some(process) {
        let mut descriptors = [PollFd::new(&pidfd, PollFlags::IN)];
        while let Err(rustix::io::Errno::INTR) = poll(&mut descriptors, None) {}
    }
    use std::os::fd::AsFd;
    // It may be a child of somebody else.
    let _ = waitid(
        WaitId::PidFd(pidfd.as_fd()),
        WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
    );
    Ok(())
}
