//! The unix socket we listen on; its file is removed when we end.

use std::{
    env,
    fs::{self, Permissions},
    io,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
    process,
};

use socket2::{Domain, SockAddr, Type};

use super::environment::HandshakeError;

/// Connections that wait to be accepted; the host makes one.
const BACKLOG: i32 = 16;

/// A listening socket that only this user can connect to.
pub(crate) struct Socket {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl Socket {
    /// Opens a socket in `directory`, else in the temporary directory.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, HandshakeError> {
        let directory = directory.map_or_else(env::temp_dir, Path::to_path_buf);
        let path = directory.join(format!("plugin-msk-{}", process::id()));
        let breaks_line = |text: &str| text.contains('|') || text.chars().any(char::is_control);
        if path.to_str().is_none_or(breaks_line) {
            return Err(HandshakeError::SocketPath(path));
        }
        let failed = |source| HandshakeError::Socket {
            path: path.clone(),
            source,
        };
        // A killed process with our id may have left its socket behind.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = listen(&path).map_err(failed)?;
        Ok(Self {
            path,
            listener: Some(listener),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The listener; can be taken once.
    pub(crate) fn take(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

/// Listens. Nobody can connect before it does, and by then the file is ours alone. The process' umask is left as it is: other threads
/// make files, too.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let listening = fs::set_permissions(path, Permissions::from_mode(0o600))
        .and_then(|()| socket.listen(BACKLOG))
        .and_then(|()| socket.set_nonblocking(true));
    if let Err(error) = listening {
        // Its error says enough.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(socket.into())
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be gone already, with the directory.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_is_for_this_user_only_and_goes_with_us() {
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::open(Some(folder.path())).unwrap();
        let path = socket.path().to_owned();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
        drop(socket);
        assert!(!path.exists());
    }
}
