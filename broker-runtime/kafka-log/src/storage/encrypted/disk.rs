//! A file system whose opened files are encrypted.

use std::{io, path::Path, sync::Arc};

use super::{file::EncryptedFile, key::DataKey, xts::Xts};
use crate::storage::{Entry, FileSystem, Storage, StorageFile};

/// Encrypts what is written to files that are opened: segments and their indexes. Small files that are written as a whole
/// are not encrypted: they hold names of topics, which are those of directories too, and offsets.
pub(crate) struct EncryptedStorage {
    inner: Arc<dyn Storage>,
    xts: Arc<Xts>,
}

impl EncryptedStorage {
    pub(crate) fn new(inner: Arc<dyn Storage>, key: &DataKey) -> Self {
        let xts = Arc::new(Xts::new(key));
        Self { inner, xts }
    }
}

impl std::fmt::Debug for EncryptedStorage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EncryptedStorage")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl Storage for EncryptedStorage {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn StorageFile>> {
        let inner = self.inner.open(path, create)?;
        Ok(Arc::new(EncryptedFile::new(inner, Arc::clone(&self.xts))))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.inner.read(path)
    }

    fn write(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        self.inner.write(path, bytes, sync)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.sync_dir(path)
    }

    fn file_system(&self, path: &Path) -> io::Result<Option<Arc<dyn FileSystem>>> {
        self.inner.file_system(path)
    }
}
