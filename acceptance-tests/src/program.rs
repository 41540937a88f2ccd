//! Runs a program with a deadline and keeps what it printed.

use std::{
    io::Read,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::wait;

/// How long a program may take that has work of a minute or two: long enough for a machine that is slow or busy, since a
/// limit is there to end what hangs, not to measure.
pub const LIMIT: Duration = Duration::from_secs(400);

/// What a program did.
#[derive(Debug)]
pub struct Finished {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Both outputs, for messages and for searching.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// Runs `command` to its end, at most `limit`; any exit code is fine.
pub fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    let name = format!("{:?}", command.get_program());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let stdout = child.stdout.take().map(read_to_end);
    let stderr = child.stderr.take().map(read_to_end);
    let status = wait::until(&format!("{name} to end"), limit, || child.try_wait().ok().flatten());
    if status.is_err() {
        end(&mut child);
    }
    let join = |reader: Option<thread::JoinHandle<String>>| reader.and_then(|it| it.join().ok()).unwrap_or_default();
    let (stdout, stderr) = (join(stdout), join(stderr));
    match status {
        Ok(status) => Ok(Finished {
            code: status.code(),
            stdout,
            stderr,
        }),
        Err(error) => Err(error.context(format!("output so far:\n{stdout}\n{stderr}"))),
    }
}

/// Runs `command` and requires exit code 0.
pub fn succeed(command: &mut Command, limit: Duration) -> Result<Finished> {
    let description = format!("{command:?}");
    let finished = run(command, limit)?;
    if finished.code != Some(0) {
        bail!("{description}\nended with {:?}\n{}", finished.code, finished.text());
    }
    Ok(finished)
}

/// Runs `command` and requires that it fails.
pub fn fail(command: &mut Command, limit: Duration) -> Result<Finished> {
    let description = format!("{command:?}");
    let finished = run(command, limit)?;
    if finished.code == Some(0) {
        bail!("{description}\nwas expected to fail\n{}", finished.text());
    }
    Ok(finished)
}

/// The output as text.
pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn read_to_end(mut source: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What arrived before an error is still worth showing.
        let _ = source.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn end(child: &mut Child) {
    // It may have ended by itself just now; either way it is gone after this.
    let _ = child.kill();
    let _ = child.wait();
}
