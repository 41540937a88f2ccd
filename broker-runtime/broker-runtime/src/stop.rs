//! `broker-runtime stop`: ends the control plane and its guard. Brokers go on.

use std::{sync::Arc, thread, time::Duration};

use anyhow::{Result, bail};
use clock::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use supervisor::ProcessIdentity;

use crate::{context::Context, data_dir::DataDir, output, serve_lock};

/// How long the control plane may take to end.
const LIMIT: Duration = Duration::from_secs(20);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns once neither runs.
pub(crate) fn run(context: &Context) -> Result<()> {
    let data_dir = &context.data_dir;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let begun = clock.monotonic();
    let mut asked: Vec<ProcessIdentity> = Vec::new();
    loop {
        // The guard first: it takes the end of the control plane for a reason to act.
        let mut left = guards(data_dir);
        left.extend(serve_lock::holder(data_dir));
        if left.is_empty() {
            break;
        }
        for process in left {
            if !asked.contains(&process) {
                terminate(process);
                asked.push(process);
            }
        }
        if clock.monotonic().saturating_duration_since(begun) > LIMIT {
            bail!(
                "the control plane has not ended within {} s; see {}",
                LIMIT.as_secs(),
                data_dir.serve_log().display()
            );
        }
        thread::sleep(PAUSE);
    }
    output::line(if asked.is_empty() {
        "nothing was running"
    } else {
        "stopped; brokers go on"
    });
    Ok(())
}

/// Guards of this data directory.
fn guards(data_dir: &DataDir) -> Vec<ProcessIdentity> {
    let root = data_dir.root().display().to_string();
    let found = supervisor::running_with_argument(&root).unwrap_or_default();
    let own = std::process::id();
    found
        .into_iter()
        .filter(|it| it.pid != own && supervisor::has_argument(it.pid, "guard"))
        .collect()
}

fn terminate(process: ProcessIdentity) {
    if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::TERM);
    }
}
