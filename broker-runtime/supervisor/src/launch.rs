//! Starts a process so that it is never started twice, or adopts the one that runs.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    ProcessIdentity, ProcessSpec, SupervisorError, procfs,
    record::{ProcessRecord, RecordedProcess},
};

/// A process that was started or found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launched {
    pub(crate) identity: ProcessIdentity,
    pub(crate) started_at_ms: i64,
    pub(crate) adopted: bool,
}

/// What an earlier supervisor has left.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// Nothing.
    Nothing,
    /// A process that runs.
    Running(Launched),
    /// A process that has ended since, if it was ever started.
    Ended(Option<u32>),
}

/// The right to start and stop one process. A child inherits the lock and loses it when it executes its program: so who
/// gets the lock after a supervisor was killed finds every child of it under its own arguments.
#[derive(Debug)]
pub(crate) struct Ownership {
    directory: PathBuf,
    _lock: File,
}

/// Attempts to get the lock; between two of them lies `LOCK_PAUSE`. A child between fork and exec is the only reason to
/// wait: whoever supervises keeps the lock. On a machine that is short of everything it stays there for a while.
const LOCK_ATTEMPTS: u32 = 2500;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

impl Ownership {
    /// Takes the lock in the state directory, waiting at most five seconds.
    pub(crate) async fn take(name: &str, directory: &Path) -> Result<Self, SupervisorError> {
        let path = directory.join("process.lock");
        let failed = |source| SupervisorError::File {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        for _ in 0..LOCK_ATTEMPTS {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    return Ok(Self {
                        directory: directory.to_owned(),
                        _lock: file,
                    });
                }
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => tokio::time::sleep(LOCK_PAUSE).await,
                Err(error) => return Err(failed(error.into())),
            }
        }
        Err(SupervisorError::Supervised {
            name: name.to_owned(),
            path,
        })
    }

    /// Finds the process an earlier supervisor has started.
    pub(crate) fn adopt(&self) -> Result<Left, SupervisorError> {
        let Some(mut record) = ProcessRecord::read(&self.directory)? else {
            return Ok(Left::Nothing);
        };
        let boot_id = system("reading the boot id", procfs::boot_id())?;
        let found = if record.boot_id == boot_id {
            find(&record)?
        } else {
            None
        };
        let Some(identity) = found else {
            return Ok(Left::Ended(record.process.map(|process| process.pid)));
        };
        record.process = Some(RecordedProcess {
            pid: identity.pid,
            start_ticks: identity.start_ticks,
        });
        record.write(&self.directory)?;
        Ok(Left::Running(Launched {
            identity,
            started_at_ms: record.started_at_ms,
            adopted: true,
        }))
    }

    /// Starts the process. The caller knows that it does not run.
    pub(crate) fn spawn(&self, spec: &ProcessSpec, now_ms: i64) -> Result<Launched, SupervisorError> {
        let token = system("reading a random token", procfs::random_token())?;
        let arguments = spec.arguments_with(&token);
        let mut record = ProcessRecord {
            token,
            boot_id: system("reading the boot id", procfs::boot_id())?,
            started_at_ms: now_ms,
            command: [vec![spec.program.display().to_string()], arguments.clone()].concat(),
            process: None,
        };
        let log = open_log(&spec.log_path, spec.log_bytes_max).map_err(|source| SupervisorError::File {
            path: spec.log_path.clone(),
            source,
        })?;
        record.write(&self.directory)?;
        let child = command(spec, &arguments, log).and_then(|mut command| command.spawn());
        let pid = match child {
            // Dropping the child neither ends nor reaps it: from here on its pidfd is what counts.
            Ok(child) => child.id(),
            Err(source) => {
                ProcessRecord::remove(&self.directory)?;
                return Err(SupervisorError::Spawn {
                    program: spec.program.clone(),
                    source,
                });
            }
        };
        // One that has ended already is still there, for nobody but us reaps it.
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let identity = system(
            "reading /proc/PID/stat",
            procfs::identify_even_ended(pid).ok_or_else(missing),
        )?;
        record.process = Some(RecordedProcess {
            pid,
            start_ticks: identity.start_ticks,
        });
        record.write(&self.directory)?;
        Ok(Launched {
            identity,
            started_at_ms: now_ms,
            adopted: false,
        })
    }

    /// Forgets a process that has ended.
    pub(crate) fn forget(&self) -> Result<(), SupervisorError> {
        ProcessRecord::remove(&self.directory)
    }
}

/// The recorded process, if it runs. Only one that carries the token is ours.
fn find(record: &ProcessRecord) -> Result<Option<ProcessIdentity>, SupervisorError> {
    if let Some(recorded) = record.process {
        let identity = ProcessIdentity {
            pid: recorded.pid,
            start_ticks: recorded.start_ticks,
        };
        if procfs::identify(recorded.pid) == Some(identity) && procfs::carries(recorded.pid, &record.token) {
            return Ok(Some(identity));
        }
    }
    // The supervisor was killed between the fork and the record of it.
    let found = system("reading /proc", procfs::running_that_carry(&record.token))?;
    Ok(found.first().copied())
}

fn system<T>(what: &'static str, result: io::Result<T>) -> Result<T, SupervisorError> {
    result.map_err(|source| SupervisorError::System { what, source })
}

fn command(spec: &ProcessSpec, arguments: &[String], log: File) -> io::Result<Command> {
    let mut command = Command::new(&spec.program);
    command
        .args(arguments)
        .env_clear()
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&spec.working_directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    detach(&mut command);
    if let Some(files) = spec.open_files_max {
        limit_open_files(&mut command, files);
    }
    Ok(command)
}

/// Bounds how many files the process that `command` will start may have open. It cannot raise that itself, as Java does;
/// whoever may not give more than they have gives that.
#[expect(
    unsafe_code,
    reason = "pre_exec is the only way to act between fork and exec; both calls are async-signal-safe"
)]
fn limit_open_files(command: &mut Command, files: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let both = |files| Rlimit {
        current: files,
        maximum: files,
    };
    let act = move || {
        setrlimit(Resource::Nofile, both(Some(files)))
            .or_else(|_| setrlimit(Resource::Nofile, both(getrlimit(Resource::Nofile).maximum)))
            .map_err(io::Error::from)
    };
    // SAFETY: `act` allocates nothing, takes no lock and touches no memory of other threads.
    unsafe { command.pre_exec(act) };
}

/// Gives the process that `command` will start a session of its own, so that neither a terminal nor our death reaches it,
/// and none of our descriptors but the standard three.
#[expect(
    unsafe_code,
    reason = "pre_exec is the only way to act between fork and exec; both calls are async-signal-safe"
)]
pub fn detach(command: &mut Command) {
    let act = || {
        rustix::process::setsid()?;
        // Not closed but marked: std still needs its own pipe until exec has succeeded.
        let first: libc::c_uint = 3;
        // SAFETY: changes flags of this process's descriptors only.
        unsafe {
            libc::syscall(
                libc::SYS_close_range,
                first,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC,
            )
        };
        Ok(())
    };
    // SAFETY: `act` allocates nothing, takes no lock and touches no memory of other threads.
    unsafe { command.pre_exec(act) };
}

/// Opens a log for appending; one that is too long is set aside first.
fn open_log(path: &Path, bytes_max: u64) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > bytes_max) {
        fs::rename(path, old_log(path))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

fn old_log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// Kills a child of ours that has not been reaped.
pub(crate) fn kill_child(identity: ProcessIdentity) {
    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
    if let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
        let _ = waitpid(Some(pid), WaitOptions::empty());
    }
}
