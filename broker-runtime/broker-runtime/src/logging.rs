//! Where log lines go: standard error, or a file of bounded size for a control plane in the background. A line that cannot be
//! written, because the disk is full for instance, is lost, and nothing else: told of its own errors, tracing would print them to
//! standard error, which is on the same disk, and printing there panics, with the lock of the log in its hands.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, fmt::time::SystemTime};

/// A log file longer than this is set aside (as `….1`), and the one set aside before is deleted.
pub(crate) const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Logs to standard error.
pub(crate) fn to_stderr(filter: &str) {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_timer(SystemTime)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(io::stderr)
        .init();
}

/// Logs to a file of bounded size.
pub(crate) fn to_file(filter: &str, path: &Path) -> Result<()> {
    let file =
        BoundedFile::open(path, LOG_BYTES_MAX).with_context(|| format!("{} cannot be opened", path.display()))?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_timer(SystemTime)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(Mutex::new(file))
        .init();
    Ok(())
}

/// A file that is set aside when it has become too long.
pub(crate) struct BoundedFile {
    path: PathBuf,
    file: File,
    length: u64,
    bytes_max: u64,
}

impl BoundedFile {
    pub(crate) fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            bytes_max,
        })
    }

    fn set_aside(&mut self) -> io::Result<()> {
        let mut old = self.path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(&self.path, old)?;
        *self = Self::open(&self.path, self.bytes_max)?;
        Ok(())
    }
}

impl Write for BoundedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > self.bytes_max {
            self.set_aside()?;
        }
        let written = self.file.write(bytes)?;
        self.length += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_stays_bounded_and_loses_nothing_recent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = BoundedFile::open(&path, 100).unwrap();
        for number in 0..100 {
            writeln!(file, "line {number}").unwrap();
        }
        let old = fs::read_to_string(folder.path().join("log.1")).unwrap();
        let new = fs::read_to_string(&path).unwrap();
        assert!(old.len() < 200 && new.len() < 200);
        assert!(format!("{old}{new}").ends_with("line 97\nline 98\nline 99\n"));
    }
}
