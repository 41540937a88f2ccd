//! A process that runs, held by a pidfd: it can be waited for and signalled, and never mistaken for another one that has
//! got its id since.

use std::{fmt, io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use tokio::io::{Interest, unix::AsyncFd};

use crate::{ProcessIdentity, SupervisorError, procfs};

/// A process that runs or did until now.
#[derive(Debug)]
pub struct ProcessHandle {
    identity: ProcessIdentity,
    pidfd: AsyncFd<OwnedFd>,
}

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It is not a child of ours, so the kernel does not tell us.
    Unknown,
}

impl fmt::Display for ExitReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit code {code}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
            Self::Unknown => formatter.write_str("unknown reason"),
        }
    }
}

impl ProcessHandle {
    /// Takes hold of the process with this id; `None` when there is none.
    pub fn open(pid: u32) -> Result<Option<Self>, SupervisorError> {
        match procfs::identify(pid) {
            Some(identity) => Self::of(identity),
            None => Ok(None),
        }
    }

    /// Takes hold of exactly this process; `None` when it has ended and was reaped.
    pub(crate) fn of(identity: ProcessIdentity) -> Result<Option<Self>, SupervisorError> {
        let failed = |what, source| SupervisorError::System { what, source };
        let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let pidfd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(failed("pidfd_open", error.into())),
        };
        // The id may have been given to another process before the descriptor held it.
        if procfs::identify_even_ended(identity.pid) != Some(identity) {
            return Ok(None);
        }
        Ok(Some(Self {
            identity,
            pidfd: watch(pidfd).map_err(|source| failed("watching a pidfd", source))?,
        }))
    }

    /// Which process this is.
    pub fn identity(&self) -> ProcessIdentity {
        self.identity
    }

    /// Returns once the process has ended, and reaps it when it is a child of ours. Dropping the future loses nothing.
    pub async fn exited(&self) -> ExitReason {
        // A pidfd is readable once the process has ended; an error of the reactor is treated the same, the reason says.
        let _ = self.pidfd.readable().await;
        self.reap()
    }

    /// Sends SIGTERM; a process that has ended already is fine.
    pub fn terminate(&self) -> Result<(), SupervisorError> {
        self.signal(Signal::TERM)
    }

    /// Sends SIGKILL; a process that has ended already is fine.
    pub fn kill(&self) -> Result<(), SupervisorError> {
        self.signal(Signal::KILL)
    }

    fn signal(&self, signal: Signal) -> Result<(), SupervisorError> {
        match pidfd_send_signal(self.pidfd.get_ref(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(SupervisorError::System {
                what: "pidfd_send_signal",
                source: io::Error::from(error),
            }),
        }
    }

    fn reap(&self) -> ExitReason {
        use std::os::fd::AsFd;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(WaitId::PidFd(self.pidfd.get_ref().as_fd()), options) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => ExitReason::Code(code),
                (None, Some(signal)) => ExitReason::Signal(signal),
                (None, None) => ExitReason::Unknown,
            },
            Ok(None) | Err(_) => ExitReason::Unknown,
        }
    }
}

#[expect(unsafe_code, reason = "tokio has no safe registration of a descriptor of our own")]
fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` stays open and the same until it is dropped, and the `AsyncFd` owns it.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.map_err(Into::into)
}
