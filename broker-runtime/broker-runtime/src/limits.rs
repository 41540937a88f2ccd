//! Limits of this process, as the kernel and the allocator have them.

use std::sync::Arc;

use clock::Clock;
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

/// Bounds the memory of this process: more is not given to it, and it ends.
pub(crate) fn bound_memory(bytes: u64) {
    let bound = Rlimit {
        current: Some(bytes),
        maximum: getrlimit(Resource::Data).maximum,
    };
    if let Err(error) = setrlimit(Resource::Data, bound) {
        tracing::warn!(%error, bytes, "memory is not bounded");
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

/// For a broker: buffers of requests and of reads are used again rather than given back to the kernel each time, which
/// would double the CPU of a busy one. [`give_memory_back`] returns them later.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc offers its settings as a C function only")]
pub(crate) fn reuse_buffers() {
    const MAPPED_BYTES: libc::c_int = 4 << 20;
    const TRIM_BYTES: libc::c_int = 8 << 20;
    // SAFETY: called before any other thread exists; the values are within what mallopt(3) documents.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM_BYTES);
    }
}

/// Gives memory that is free in the allocator back to the kernel, now and then, for ever.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc offers it as a C function only")]
pub(crate) async fn give_memory_back(clock: Arc<dyn Clock>) {
    const PAUSE: std::time::Duration = std::time::Duration::from_secs(30);
    loop {
        clock.sleep(PAUSE).await;
        // SAFETY: malloc_trim(3) is thread-safe and takes nothing but a number.
        let trimmed = tokio::task::spawn_blocking(|| unsafe { libc::malloc_trim(0) });
        if trimmed.await.is_err() {
            return;
        }
    }
}

/// Other allocators do well by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_memory_small() {}

/// Other allocators do well by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn reuse_buffers() {}

/// Other allocators do well by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) async fn give_memory_back(_: Arc<dyn Clock>) {}
