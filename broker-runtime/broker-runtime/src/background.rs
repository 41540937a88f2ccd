//! `broker-runtime serve --background`: starts a control plane that outlives the caller and returns once it answers. Of many
//! that are called at once one starts it and the others wait for it.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::Stdio,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clock::{Clock, SystemClock};

use crate::{
    context::Context as RuntimeContext,
    data_dir::{DataDir, RuntimeInfo},
    guard,
    serve::Announcement,
    serve_arguments::ServeArguments,
    serve_lock,
};

/// How long it may take until a control plane answers.
const LIMIT: Duration = Duration::from_secs(45);
/// Pause between two looks at a control plane that somebody else starts.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a connection to this machine may take.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// Returns once a control plane answers.
pub(crate) fn run(context: &RuntimeContext, arguments: &ServeArguments) -> Result<()> {
    let data_dir = &context.data_dir;
    data_dir.create()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let begun = clock.monotonic();
    while clock.monotonic().saturating_duration_since(begun) < LIMIT {
        if ready(data_dir).is_some() {
            return Ok(());
        }
        if serve_lock::holder(data_dir).is_some() {
            thread::sleep(PAUSE);
            continue;
        }
        match start(context, arguments)? {
            Announcement::Ready => return Ok(()),
            // Somebody else was faster.
            Announcement::AlreadyRunning => thread::sleep(PAUSE),
            Announcement::Failed(text) => bail!("{text}"),
        }
    }
    bail!(
        "the control plane was not ready after {} s; see {}",
        LIMIT.as_secs(),
        data_dir.serve_log().display()
    )
}

/// The control plane that answers in this data directory.
pub(crate) fn ready(data_dir: &DataDir) -> Option<RuntimeInfo> {
    let info = data_dir.runtime_info()?;
    let holder = serve_lock::holder(data_dir)?;
    let address = info.address()?;
    (holder.pid == info.pid && TcpStream::connect_timeout(&address, CONNECT_LIMIT).is_ok()).then_some(info)
}

/// Starts a control plane and waits for what it has to say.
fn start(context: &RuntimeContext, arguments: &ServeArguments) -> Result<Announcement> {
    let mut child = guard::serve_command(context, arguments)?
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", context.executable.display()))?;
    let stdout = child
        .stdout
        .take()
        .context("the control plane has no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let announcement = Announcement::parse(&line);
    if announcement == Some(Announcement::Ready) {
        return Ok(Announcement::Ready);
    }
    let status = child.wait()?;
    if let Some(announcement) = announcement {
        return Ok(announcement);
    }
    let log = context.data_dir.serve_log();
    bail!(
        "the control plane ended ({status}) before it was ready; see {}",
        log.display()
    )
}
