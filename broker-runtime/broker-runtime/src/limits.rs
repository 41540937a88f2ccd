//! Limits of this process, as the kernel and the allocator have them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files that may be open to what the system allows.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    if let Err(error) = raised {
        tracing::warn!(%error, "limit of open files was not raised");
    }
}

/// Keeps the allocator from holding memory for every thread: these processes are many, and mostly idle.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc offers its settings as a C function only")]
pub(crate) fn keep_memory_small() {
    const ARENAS_MAX: libc::c_int = 2;
    const TRIM_BYTES: libc::c_int = 256 * 1024;
    // SAFETY: called before any other thread exists; the values are within what mallopt(3) documents.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS_MAX);
        libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM_BYTES);
    }
}

/// Other allocators do well by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_memory_small() {}
