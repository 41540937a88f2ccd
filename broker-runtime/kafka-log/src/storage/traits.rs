//! What the log asks of a file system.

use std::{
    fmt,
    fs::File,
    io::{self, IoSlice},
    path::Path,
    sync::Arc,
};

/// Something in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// A directory, not a file.
    pub is_dir: bool,
}

/// A file system.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Opens a file for reading and writing; makes it when `create`.
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn StorageFile>>;

    /// Reads a small file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Makes or replaces a file; on the medium when `sync`.
    fn write(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()>;

    /// Renames a file or directory over what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; no error when it is not there.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory and those above it.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and what is in it.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// What is in a directory, by name. Names that are no Unicode are left out: they are none of ours.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// Writes the names in a directory to the medium.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// The file system that a directory is on, where that can be written to the medium as a whole and says whether it was.
    fn file_system(&self, _path: &Path) -> io::Result<Option<Arc<dyn FileSystem>>> {
        Ok(None)
    }
}

/// A file system as a whole, from the moment on when it was asked for.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Bytes that wait to be written to any medium, by whomever; what [`FileSystem::sync`] may have to write.
    fn dirty_bytes(&self) -> io::Result<u64>;

    /// Writes all that has been written to its files, and all names, to the medium (`syncfs`). An error may be about any file that
    /// was written since the last call; it is told once.
    fn sync(&self) -> io::Result<()>;
}

/// An open file.
pub trait StorageFile: fmt::Debug + Send + Sync {
    /// Writes all slices, one after the other, at `offset`. After an error any part may have been written.
    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// Reads `length` bytes at `offset`, fewer at the end of the file.
    fn read_at(&self, length: usize, offset: u64) -> io::Result<Vec<u8>>;

    /// The file of this system whose bytes are those that [`StorageFile::read_at`] gives, where there is one: the kernel can hand them
    /// on without anybody reading them.
    fn as_file(&self) -> Option<&File> {
        None
    }

    /// Size of the file.
    fn size(&self) -> io::Result<u64>;

    /// Cuts the file off.
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Sets room aside on the medium for what the file will hold when it has `size` bytes. The file's size stays as it is, so that
    /// nothing but its own bytes is ever read.
    fn allocate(&self, _size: u64) -> io::Result<()> {
        Ok(())
    }

    /// Gives back what was set aside behind the end of the file. Nobody may write meanwhile.
    fn give_back(&self) -> io::Result<()> {
        Ok(())
    }

    /// Writes the file's content to the medium (`fdatasync`). After an error its state is unknown for ever.
    fn sync(&self) -> io::Result<()>;
}
