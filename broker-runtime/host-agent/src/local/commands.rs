//! Commands that end by themselves, or are killed with all they started.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use hosts::{Finished, UnitCommand};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

/// Bytes of each output that are kept.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// How long output may come in after the end, from what a command has left running.
const OUTPUT_LIMIT: Duration = Duration::from_secs(1);

/// Why a command has no end to tell of.
#[derive(Debug)]
pub(super) enum CommandError {
    /// It cannot be started.
    Spawn(io::Error),
    /// It took too long and was killed.
    TooLong,
}

/// Where the programs of commands are.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// Where names are looked up, and the `PATH` of what is run.
    pub(super) search: OsString,
    /// The one that is meant by [`UnitCommand::OWN_PROGRAM`].
    pub(super) own: PathBuf,
}

impl Programs {
    /// The program of a command: an absolute path, what is first of that name where names are looked up, or our own.
    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        let is_program = |path: &Path| {
            let metadata = path.metadata();
            metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        };
        let candidates: Vec<PathBuf> = match program {
            UnitCommand::OWN_PROGRAM => vec![self.own.clone()],
            path if path.contains('/') => vec![PathBuf::from(path)],
            name => std::env::split_paths(&self.search)
                .map(|folder| folder.join(name))
                .collect(),
        };
        candidates
            .into_iter()
            .find(|candidate| candidate.is_absolute() && is_program(candidate))
    }
}

/// The whole environment of a command.
pub(super) fn environment(command: &UnitCommand, search: &OsStr) -> Vec<(OsString, OsString)> {
    let path = [(OsString::from("PATH"), search.to_owned())];
    let own = command.environment.iter();
    path.into_iter()
        .chain(own.map(|(name, value)| (name.into(), value.into())))
        .collect()
}

/// Runs a command to its end.
pub(super) async fn run(
    program: &Path,
    command: &UnitCommand,
    search: &OsStr,
    directory: &Path,
    limit: Duration,
) -> Result<Finished, CommandError> {
    let mut start = std::process::Command::new(program);
    start
        .args(&command.arguments)
        .env_clear()
        .envs(environment(command, search))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A session is a group of processes too, which can be killed together.
    supervisor::detach(&mut start);
    let child = Command::from(start).kill_on_drop(true).spawn();
    let mut child = child.map_err(CommandError::Spawn)?;
    let group = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    match tokio::time::timeout(limit, collect(&mut child)).await {
        Ok(finished) => finished.map_err(CommandError::Spawn),
        Err(_) => {
            // Not reaped yet, so the group is still its own.
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = child.wait().await;
            Err(CommandError::TooLong)
        }
    }
}

async fn collect(child: &mut Child) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (VecDeque::new(), VecDeque::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let status: ExitStatus = {
        let reading = async { tokio::join!(keep_end(out, &mut stdout), keep_end(err, &mut stderr)) };
        tokio::pin!(reading);
        tokio::select! {
            _ = &mut reading => child.wait().await?,
            status = child.wait() => {
                let _ = tokio::time::timeout(OUTPUT_LIMIT, reading).await;
                status?
            }
        }
    };
    let text = |bytes: VecDeque<u8>| String::from_utf8_lossy(&Vec::from(bytes)).into_owned();
    Ok(Finished {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    })
}

/// Reads to the end and keeps the last bytes.
async fn keep_end(source: Option<impl AsyncRead + Unpin>, kept: &mut VecDeque<u8>) {
    let Some(mut source) = source else { return };
    let mut buffer = vec![0; 8 * 1024];
    // A pipe that cannot be read has nothing more to say.
    while let Ok(read @ 1..) = source.read(&mut buffer).await {
        kept.extend(&buffer[..read]);
        let excess = kept.len().saturating_sub(OUTPUT_BYTES_MAX);
        kept.drain(..excess);
    }
}
