//! Brings commits of SQLite to the disk, as many as there are at once. With a write-ahead log a commit is a part of that log's file
//! (`state.db-wal`), so it is safe once the file is flushed; SQLite itself flushes it before it copies anything out of it or begins it
//! anew.

use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Mutex;

/// Counts commits, and flushes them.
pub(super) struct Flusher {
    log: PathBuf,
    committed: AtomicU64,
    /// How many are on disk. A flush that failed is never tried again: the kernel may have dropped what it could not write, and a second
    /// call would say that all is well.
    flushed: Arc<Mutex<Result<u64, Arc<io::Error>>>>,
}

impl Flusher {
    /// Of the database at `path`.
    pub(super) fn of(path: &Path) -> Self {
        let mut log = OsString::from(path);
        log.push("-wal");
        Self {
            log: log.into(),
            committed: AtomicU64::new(0),
            flushed: Arc::new(Mutex::new(Ok(0))),
        }
    }

    /// There is one more commit; gives its number. To be called while nobody else can commit.
    pub(super) fn committed(&self) -> u64 {
        self.committed.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Ends when this commit is on disk, and with it all that were there when somebody's turn came.
    pub(super) async fn flush(&self, commit: u64) -> Result<(), Arc<io::Error>> {
        let mut flushed = Arc::clone(&self.flushed).lock_owned().await;
        if *flushed.as_ref().map_err(Arc::clone)? >= commit {
            return Ok(());
        }
        // That it cannot be opened now, as with too many open files, says nothing of what is in it.
        let log = File::open(&self.log)?;
        let all = self.committed.load(Ordering::Acquire);
        // How it ends is kept though nobody may wait for it any more.
        let flush = tokio::task::spawn_blocking(move || {
            *flushed = log.sync_data().map(|()| all).map_err(Arc::new);
            flushed.as_ref().map(drop).map_err(Arc::clone)
        });
        flush
            .await
            .unwrap_or_else(|error| Err(Arc::new(io::Error::other(error))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_flush_is_for_all_that_wait() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("state.db-wal");
        let flusher = Flusher::of(&folder.path().join("state.db"));
        std::fs::write(&log, "one, two").unwrap();
        let commits = [flusher.committed(), flusher.committed()];
        flusher.flush(commits[1]).await.unwrap();
        std::fs::remove_file(&log).unwrap();
        flusher.flush(commits[0]).await.unwrap();
        let third = flusher.committed();
        flusher.flush(third).await.unwrap_err();
        std::fs::write(&log, "three").unwrap();
        flusher.flush(third).await.unwrap();
    }

    /// A device that cannot be flushed takes the place of the log for a while.
    #[tokio::test]
    async fn a_flush_that_failed_is_never_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("state.db-wal");
        let flusher = Flusher::of(&folder.path().join("state.db"));
        std::os::unix::fs::symlink("/dev/null", &log).unwrap();
        let first = flusher.committed();
        flusher.flush(first).await.unwrap_err();
        std::fs::remove_file(&log).unwrap();
        std::fs::write(&log, "two").unwrap();
        let second = flusher.committed();
        flusher.flush(second).await.unwrap_err();
    }
}
