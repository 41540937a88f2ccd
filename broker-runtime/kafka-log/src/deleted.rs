//! What has been deleted and is not removed yet (`file.delete.delay.ms`): files and directories that have got Kafka's names of deleted
//! ones, so that a crash leaves them to the next start, and a person who has deleted too much has a while to say so. They go early
//! when the disk is full.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use tracing::{info, warn};

use crate::storage::Storage;

/// Suffix of files.
pub(crate) const DELETED: &str = ".deleted";

#[derive(Debug)]
struct Waiting {
    due_ms: i64,
    path: PathBuf,
    is_dir: bool,
}

/// All of one log directory.
#[derive(Debug)]
pub(crate) struct Deleted {
    storage: Arc<dyn Storage>,
    waiting: Mutex<Vec<Waiting>>,
}

impl Deleted {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            waiting: Mutex::new(Vec::new()),
        }
    }

    /// Gives a file the name of a deleted one; it goes when `due_ms` has come. No error when there is none.
    pub(crate) fn file(&self, path: &Path, due_ms: i64) -> io::Result<()> {
        let mut renamed = path.as_os_str().to_owned();
        renamed.push(DELETED);
        let renamed = PathBuf::from(renamed);
        match self.storage.rename(path, &renamed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            result => result?,
        }
        self.wait(renamed, false, due_ms);
        Ok(())
    }

    /// A directory that has such a name already goes when `due_ms` has come.
    pub(crate) fn directory(&self, path: PathBuf, due_ms: i64) {
        self.wait(path, true, due_ms);
    }

    fn wait(&self, path: PathBuf, is_dir: bool, due_ms: i64) {
        self.waiting.lock().push(Waiting { due_ms, path, is_dir });
    }

    /// Removes what is due; gives how much that was.
    pub(crate) fn remove_due(&self, now_ms: i64) -> usize {
        let due = {
            let mut waiting = self.waiting.lock();
            let (due, later) = std::mem::take(&mut *waiting)
                .into_iter()
                .partition::<Vec<_>, _>(|it| it.due_ms <= now_ms);
            *waiting = later;
            due
        };
        for Waiting { path, is_dir, .. } in &due {
            let removed = if *is_dir {
                self.storage.remove_dir(path)
            } else {
                self.storage.remove_file(path)
            };
            match removed {
                // It went with its directory.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => warn!(path = %path.display(), %error, "what was deleted stays until the next start"),
                Ok(()) => {}
            }
        }
        due.len()
    }

    /// The disk is full: everything goes at once.
    pub(crate) fn make_room(&self) {
        let removed = self.remove_due(i64::MAX);
        if removed > 0 {
            info!(removed, "the disk is full: what was deleted is removed early");
        }
    }
}
