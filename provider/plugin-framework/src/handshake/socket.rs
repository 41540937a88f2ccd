//! The unix socket we listen on; its file is removed when we end.

use std::{
    env, fs,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process,
};

use super::environment::HandshakeError;

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
        let failed = |source| HandshakeError::Socket {
            path: path.clone(),
            source,
        };
        // A killed process with our id may have left its socket behind.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(&path);
        rustix::process::umask(mask);
        let listener = listener.map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
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

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be gone already, with the directory.
        let _ = fs::remove_file(&self.path);
    }
}
