//! Unix sockets in directories with long names: the address of a socket holds 108 bytes only, so a longer path is given
//! relative to an open directory, as `/proc/self/fd/N/name`.

use std::{
    fs::{self, File, Permissions},
    io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, open};
use tokio::net::{UnixListener, UnixStream};

/// Longest path that is used as it is.
const PATH_BYTES_MAX: usize = 100;

/// Listens at `path`, of whatever length, in place of a socket that was left behind there. Only the user can connect.
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = through_directory(path, |short| UnixListener::bind(short))?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to the socket at `path`, of whatever length.
pub async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    // A unix socket is connected, or refused, at once.
    let stream = through_directory(path, |short| std::os::unix::net::UnixStream::connect(short))?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn through_directory<R>(path: &Path, act: impl FnOnce(&Path) -> io::Result<R>) -> io::Result<R> {
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return act(path);
    }
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "a socket needs a directory and a name");
    let (directory, name) = (
        path.parent().ok_or_else(invalid)?,
        path.file_name().ok_or_else(invalid)?,
    );
    let directory = File::from(open(
        directory,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    act(&short)
}
