//! One control plane a data directory: whoever holds `serve.lock` is it, and its process is written in the file.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, Write},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use supervisor::ProcessIdentity;

use crate::data_dir::DataDir;

/// Attempts to get a lock whose holder has ended: a child of it may keep it between fork and exec.
const ATTEMPTS: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(2);

/// The lock; it is given back when this is dropped or the process ends.
pub(crate) struct ServeLock {
    _file: File,
}

/// What came of the attempt to get the lock.
pub(crate) enum Acquired {
    /// This process is the control plane now.
    Lock(ServeLock),
    /// Another process is.
    HeldBy(ProcessIdentity),
}

/// Takes the lock unless a living process has it.
pub(crate) fn acquire(data_dir: &DataDir) -> Result<Acquired> {
    let path = data_dir.serve_lock();
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .open(&path);
    let mut file = open.with_context(|| format!("{} cannot be opened", path.display()))?;
    for _ in 0..ATTEMPTS {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let own = supervisor::identify(std::process::id()).context("/proc does not show this process")?;
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{} {}", own.pid, own.start_ticks)?;
                return Ok(Acquired::Lock(ServeLock { _file: file }));
            }
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {
                if let Some(holder) = holder(data_dir) {
                    return Ok(Acquired::HeldBy(holder));
                }
                thread::sleep(PAUSE);
            }
            Err(error) => return Err(error).with_context(|| format!("{} cannot be locked", path.display())),
        }
    }
    anyhow::bail!(
        "{} is locked by a process that does not say which one it is",
        path.display()
    )
}

/// The control plane of this data directory, if it runs.
pub(crate) fn holder(data_dir: &DataDir) -> Option<ProcessIdentity> {
    let text = fs::read_to_string(data_dir.serve_lock()).ok()?;
    let (pid, start_ticks) = text.split_once(' ')?;
    let written = ProcessIdentity {
        pid: pid.parse().ok()?,
        start_ticks: start_ticks.parse().ok()?,
    };
    (supervisor::identify(written.pid) == Some(written)).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_is_held_once_and_tells_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path().to_owned());
        assert!(holder(&data_dir).is_none());
        let Acquired::Lock(lock) = acquire(&data_dir).unwrap() else {
            panic!("nobody has it")
        };
        assert_eq!(holder(&data_dir).unwrap().pid, std::process::id());
        assert!(matches!(acquire(&data_dir).unwrap(), Acquired::HeldBy(it) if it.pid == std::process::id()));
        drop(lock);
        assert!(matches!(acquire(&data_dir).unwrap(), Acquired::Lock(_)));
    }
}
