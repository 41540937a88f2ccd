//! Starts, watches, adopts and stops processes of this machine; knows nothing of what they do.
//!
//! A [`Supervised`] is one process that should run: it is started when it does not run, adopted when an earlier
//! supervisor has started it, started again by its [`RestartPolicy`] when it ends, and stopped on request. It runs in a
//! session of its own and outlives its supervisor.
//!
//! No process is started twice, wherever its supervisor is killed: `launch` writes a record with a random token before
//! it forks, passes the token as an argument, and holds a file lock that the child keeps until it executes. Whoever
//! gets the lock next therefore sees either no process with that token or one that can be found in `/proc`.

mod error;
mod launch;
mod lifecycle;
mod process;
mod procfs;
mod record;
mod spec;
mod supervised;

pub use error::SupervisorError;
pub use launch::detach;
pub use lifecycle::{Command, Event, Lifecycle, Phase, RestartPolicy};
pub use process::{ExitReason, ProcessHandle};
pub use procfs::{ProcessIdentity, boot_id, cpu_ms, has_argument, identify, resident_bytes, running_with_argument};
pub use spec::ProcessSpec;
pub use supervised::{ExitHook, ProcessExit, ProcessStatus, Supervised, end};
