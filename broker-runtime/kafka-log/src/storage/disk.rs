//! The real file system.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IoSlice, Write},
    path::Path,
    sync::Arc,
};

use rustix::{buffer::spare_capacity, fs as sys, io::Errno};

use super::{Entry, FileSystem, Storage, StorageFile, whole_disk::WholeDisk};

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

#[derive(Debug)]
struct DiskFile(File);

impl Storage for Disk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn StorageFile>> {
        let file = OpenOptions::new().read(true).write(true).create(create).open(path)?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn write(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        if sync { file.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry {
                    name,
                    is_dir: entry.file_type()?.is_dir(),
                });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn file_system(&self, path: &Path) -> io::Result<Option<Arc<dyn FileSystem>>> {
        WholeDisk::of(path).map(|it| it.map(|it| Arc::new(it) as _))
    }
}

impl StorageFile for DiskFile {
    fn write_at(&self, mut slices: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        // A kernel takes so many slices at once and no more.
        const SLICES_MAX: usize = 1024;
        while !slices.is_empty() {
            let count = slices.len().min(SLICES_MAX);
            match rustix::io::pwritev(&self.0, &slices[..count], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += u64::try_from(written).expect("a write is shorter than 2^64 bytes");
                    IoSlice::advance_slices(&mut slices, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_at(&self, length: usize, mut offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            // The vector may have got more room than was asked for; what is read beyond is cut off below.
            match rustix::io::pread(&self.0, spare_capacity(&mut bytes), offset) {
                Ok(0) => break,
                Ok(read) => offset += u64::try_from(read).expect("a read is shorter than 2^64 bytes"),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    fn as_file(&self) -> Option<&File> {
        Some(&self.0)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        Ok(sys::fallocate(&self.0, sys::FallocateFlags::KEEP_SIZE, 0, size)?)
    }

    fn give_back(&self) -> io::Result<()> {
        // File systems free what lies behind the end of a file when it is cut off there.
        self.0.set_len(self.0.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(sys::fdatasync(&self.0)?)
    }
}
