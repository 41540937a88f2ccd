//! A disk in memory. What was written and not flushed is there for a process that is started again, and is lost, in whole or in
//! part, when the power fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use kafka_log::storage::{Entry, Storage, StorageFile};
use parking_lot::Mutex;
use rand::{RngExt, rngs::StdRng};

#[derive(Debug, Default)]
struct Content {
    /// What processes see.
    cached: Vec<u8>,
    /// What is on the medium; `None` when the file is not.
    on_medium: Option<Vec<u8>>,
}

type File = Arc<Mutex<Content>>;

#[derive(Debug, Default)]
struct Names {
    files: BTreeMap<PathBuf, File>,
    directories: BTreeSet<PathBuf>,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct SimulatedDisk {
    names: Mutex<Names>,
    /// There is no room for another small file.
    pub(super) full: AtomicBool,
    /// It takes no small file at all.
    pub(super) broken: AtomicBool,
}

#[derive(Debug)]
struct Handle(File);

impl SimulatedDisk {
    /// The power fails. Of what was appended and not flushed, any beginning may have reached the medium.
    pub(super) fn lose_power(&self, rng: &mut StdRng) {
        let mut names = self.names.lock();
        names.files.retain(|_, file| {
            let mut content = file.lock();
            let Some(on_medium) = content.on_medium.clone() else {
                return false;
            };
            let torn = content.cached.strip_prefix(&*on_medium).map(<[u8]>::to_vec);
            let kept = torn.map(|torn| {
                let length = rng.random_range(0..=torn.len());
                torn[..length].to_vec()
            });
            content.cached = [on_medium, kept.unwrap_or_default()].concat();
            content.on_medium = Some(content.cached.clone());
            true
        });
    }

    fn file(&self, path: &Path) -> io::Result<File> {
        let names = self.names.lock();
        names.files.get(path).cloned().ok_or_else(not_found)
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Storage for SimulatedDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn StorageFile>> {
        let file = if create {
            self.names.lock().files.entry(path.to_owned()).or_default().clone()
        } else {
            self.file(path)?
        };
        Ok(Arc::new(Handle(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.file(path)?.lock().cached.clone())
    }

    fn write(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is broken"));
        }
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = self.open(path, true)?;
        file.truncate(0)?;
        file.write_at(&mut [IoSlice::new(bytes)], 0)?;
        if sync { file.sync() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.names.lock();
        if let Some(file) = names.files.remove(from) {
            names.files.insert(to.to_owned(), file);
            return Ok(());
        }
        if !names.directories.remove(from) {
            return Err(not_found());
        }
        names.directories.insert(to.to_owned());
        let moved = |path: &PathBuf| path.strip_prefix(from).map(|rest| to.join(rest)).ok();
        names.files = std::mem::take(&mut names.files)
            .into_iter()
            .map(|(path, file)| (moved(&path).unwrap_or(path), file))
            .collect();
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.names.lock().files.remove(path);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.names.lock().directories.insert(path.to_owned());
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut names = self.names.lock();
        names.files.retain(|file, _| !file.starts_with(path));
        names.directories.retain(|directory| !directory.starts_with(path));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let names = self.names.lock();
        let inside = |entry: &PathBuf, is_dir| {
            let name = (entry.parent() == Some(path)).then(|| entry.file_name()?.to_str())??;
            Some(Entry {
                name: name.to_owned(),
                is_dir,
            })
        };
        let directories = names.directories.iter().filter_map(|entry| inside(entry, true));
        let files = names.files.keys().filter_map(|entry| inside(entry, false));
        let mut entries: Vec<Entry> = directories.chain(files).collect();
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl StorageFile for Handle {
    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let begin = usize::try_from(offset).map_err(io::Error::other)?;
        let cached = &mut self.0.lock().cached;
        let end = begin + bytes.len();
        if cached.len() < end {
            cached.resize(end, 0);
        }
        cached[begin..end].copy_from_slice(&bytes);
        Ok(())
    }

    fn read_at(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let content = self.0.lock();
        let size = content.cached.len();
        let begin = usize::try_from(offset).map_err(io::Error::other)?.min(size);
        Ok(content.cached[begin..size.min(begin.saturating_add(length))].to_vec())
    }

    fn size(&self) -> io::Result<u64> {
        u64::try_from(self.0.lock().cached.len()).map_err(io::Error::other)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).map_err(io::Error::other)?;
        self.0.lock().cached.resize(size, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut content = self.0.lock();
        content.on_medium = Some(content.cached.clone());
        Ok(())
    }
}
