//! A disk that fails when a test says so: it runs full in the middle of a write, refuses to flush, breaks, or forgets
//! what was not flushed, as at a power failure. It flushes nothing itself, so it is also the disk of tests that write much.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{Disk, Entry, FileSystem, Storage, StorageFile};

/// Before what somebody else does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// A file gets a name with the ending.
    Rename,
    /// A file whose name has the ending is flushed.
    Sync,
}

/// What is done just before a file with this ending is dealt with.
struct Meanwhile {
    before: Before,
    ending: &'static str,
    work: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Meanwhile").field(&self.ending).finish()
    }
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that files may still grow by before the disk is full.
    room: Option<u64>,
    sync_fails: bool,
    /// Only flushes of the whole file system fail.
    whole_sync_fails: bool,
    io_fails: bool,
    /// Calls that still succeed before the disk breaks.
    calls_left: Option<usize>,
    /// Content of every file when it was last synced; `None` when it never was.
    synced: BTreeMap<PathBuf, Option<Vec<u8>>>,
    syncs: usize,
    meanwhile: Option<Meanwhile>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct FaultyFile {
    inner: Arc<dyn StorageFile>,
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

impl FaultyDisk {
    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.state.lock().room = room;
    }

    pub(crate) fn fail_syncs(&self) {
        self.state.lock().sync_fails = true;
    }

    pub(crate) fn fail_whole_syncs(&self) {
        self.state.lock().whole_sync_fails = true;
    }

    pub(crate) fn fail_io(&self) {
        self.state.lock().io_fails = true;
    }

    /// The disk breaks after so many more calls: as if the process had ended there.
    pub(crate) fn stop_after(&self, calls: usize) {
        self.state.lock().calls_left = Some(calls);
    }

    /// Somebody else does `work` just before a file gets a name with this ending for the first time.
    pub(crate) fn before_rename_to(&self, ending: &'static str, work: impl FnOnce() + Send + 'static) {
        self.before(Before::Rename, ending, work);
    }

    /// Somebody else does `work` just before a file whose name has this ending is flushed for the first time.
    pub(crate) fn before_sync_of(&self, ending: &'static str, work: impl FnOnce() + Send + 'static) {
        self.before(Before::Sync, ending, work);
    }

    fn before(&self, before: Before, ending: &'static str, work: impl FnOnce() + Send + 'static) {
        let work = Box::new(work);
        self.state.lock().meanwhile = Some(Meanwhile { before, ending, work });
    }

    pub(crate) fn syncs(&self) -> usize {
        self.state.lock().syncs
    }

    /// The power fails: every file is what it was at its last sync, files never synced are gone.
    pub(crate) fn lose_unsynced(&self) {
        let state = self.state.lock();
        for (path, content) in &state.synced {
            match content {
                Some(content) if path.exists() => fs::write(path, content).unwrap(),
                Some(_) => {}
                None => drop(fs::remove_file(path)),
            }
        }
    }

    fn check(&self) -> io::Result<()> {
        self.state.lock().count_call()
    }
}

impl State {
    fn count_call(&mut self) -> io::Result<()> {
        match &mut self.calls_left {
            Some(0) => self.io_fails = true,
            Some(left) => *left -= 1,
            None => {}
        }
        if self.io_fails {
            Err(io::Error::other("the disk is broken"))
        } else {
            Ok(())
        }
    }

    fn take_meanwhile(&mut self, before: Before, path: &Path) -> Option<Box<dyn FnOnce() + Send>> {
        let name = path.to_string_lossy();
        let is_awaited = |it: &mut Meanwhile| it.before == before && name.ends_with(it.ending);
        self.meanwhile.take_if(is_awaited).map(|it| it.work)
    }

    fn note_synced(&mut self, path: &Path) {
        self.syncs += 1;
        if let Ok(content) = fs::read(path) {
            self.synced.insert(path.to_owned(), Some(content));
        }
    }

    fn note_created(&mut self, path: &Path) {
        // What was there before this test began counts as synced.
        self.synced
            .entry(path.to_owned())
            .or_insert_with(|| fs::read(path).ok());
    }
}

impl Storage for FaultyDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn StorageFile>> {
        self.check()?;
        if create || path.exists() {
            self.state.lock().note_created(path);
        }
        let inner = Disk.open(path, create)?;
        Ok(Arc::new(FaultyFile {
            inner,
            path: path.to_owned(),
            state: Arc::clone(&self.state),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.check()?;
        Disk.read(path)
    }

    fn write(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        self.check()?;
        self.state.lock().note_created(path);
        let file = self.open(path, true)?;
        file.truncate(0)?;
        file.write_at(&mut [IoSlice::new(bytes)], 0)?;
        if sync { file.sync() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check()?;
        let meanwhile = self.state.lock().take_meanwhile(Before::Rename, to);
        if let Some(work) = meanwhile {
            work();
        }
        let mut state = self.state.lock();
        if let Some(content) = state.synced.remove(from) {
            state.synced.insert(to.to_owned(), content);
        }
        Disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        self.state.lock().synced.remove(path);
        Disk.remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        Disk.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        self.state.lock().synced.retain(|file, _| !file.starts_with(path));
        Disk.remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.check()?;
        Disk.list(path)
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        self.check()?;
        self.state.lock().syncs += 1;
        Ok(())
    }

    fn file_system(&self, _path: &Path) -> io::Result<Option<Arc<dyn FileSystem>>> {
        Ok(Some(Arc::new(self.clone())))
    }
}

impl FileSystem for FaultyDisk {
    fn dirty_bytes(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn sync(&self) -> io::Result<()> {
        self.check()?;
        let mut state = self.state.lock();
        if state.sync_fails || state.whole_sync_fails {
            return Err(io::Error::other("the disk does not flush"));
        }
        let syncs = state.syncs + 1;
        for path in state.synced.keys().cloned().collect::<Vec<_>>() {
            state.note_synced(&path);
        }
        state.syncs = syncs;
        Ok(())
    }
}

impl FaultyFile {
    fn check(&self) -> io::Result<()> {
        self.state.lock().count_call()
    }
}

impl StorageFile for FaultyFile {
    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.check()?;
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let room = self.state.lock().room;
        let Some(room) = room else {
            return self.inner.write_at(slices, offset);
        };
        let inside = self.inner.size()?.saturating_sub(offset);
        let fits = usize::try_from(room + inside).unwrap().min(wanted);
        let bytes: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .take(fits)
            .collect();
        if fits > 0 {
            self.inner.write_at(&mut [IoSlice::new(&bytes)], offset)?;
        }
        self.state.lock().room = Some(room - u64::try_from(fits).unwrap().saturating_sub(inside));
        if fits < wanted {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn read_at(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        self.check()?;
        self.inner.read_at(length, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.check()?;
        self.inner.size()
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.check()?;
        self.inner.truncate(size)
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        self.check()?;
        let more = size.saturating_sub(self.inner.size()?);
        if self.state.lock().room.is_some_and(|room| room < more) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.allocate(size)
    }

    fn give_back(&self) -> io::Result<()> {
        self.check()?;
        self.inner.give_back()
    }

    fn sync(&self) -> io::Result<()> {
        self.check()?;
        if self.state.lock().sync_fails {
            return Err(io::Error::other("the disk does not flush"));
        }
        let meanwhile = self.state.lock().take_meanwhile(Before::Sync, &self.path);
        if let Some(work) = meanwhile {
            work();
        }
        // What is on the medium is what this remembers: the real disk is not asked, which would take most of the time of the tests.
        self.state.lock().note_synced(&self.path);
        Ok(())
    }
}
