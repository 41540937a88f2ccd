//! A segment's state, and appending to it. One thread appends at a time (the log's writer lock); reading goes on
//! meanwhile and sees what is below `size`.

use std::{
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use kafka_codec::record_batch::{BatchHeader, NO_TIMESTAMP};
use parking_lot::Mutex;

use crate::{
    deleted::Deleted,
    index::{OffsetEntry, SparseIndex, TimeEntry},
    storage::{Storage, StorageFile},
    transaction_index::{AbortedTransaction, TransactionIndex},
};

/// Positions of recent reads that are remembered, so that the next one need not search.
const HINTS: usize = 4;

/// Suffix of files that compaction writes.
const CLEANED: &str = ".cleaned";
/// Suffix of a file that is whole, and of others that it is made of some may be left.
const SWAP: &str = ".swap";

/// The names of a segment's files.
#[derive(Clone, Debug)]
pub(crate) struct SegmentPaths {
    directory: PathBuf,
    base_offset: i64,
    /// What compaction writes has a suffix until it takes the place of what was there; empty otherwise.
    suffix: &'static str,
}

impl SegmentPaths {
    pub(crate) fn new(directory: &Path, base_offset: i64) -> Self {
        Self {
            directory: directory.to_owned(),
            base_offset,
            suffix: "",
        }
    }

    fn with(&self, suffix: &str) -> PathBuf {
        let of_compaction = self.suffix;
        self.directory
            .join(format!("{:020}.{suffix}{of_compaction}", self.base_offset))
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.with("log")
    }

    pub(crate) fn offset_index(&self) -> PathBuf {
        self.with("index")
    }

    pub(crate) fn time_index(&self) -> PathBuf {
        self.with("timeindex")
    }

    pub(crate) fn transaction_index(&self) -> PathBuf {
        self.with("txnindex")
    }

    pub(crate) fn snapshot(&self) -> PathBuf {
        self.with("snapshot")
    }

    /// A log file that is to take the place of this one and of others.
    pub(crate) fn swap(&self) -> PathBuf {
        self.with(&format!("log{SWAP}"))
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// What changes with every append.
#[derive(Debug)]
pub(super) struct SegmentState {
    pub(super) offsets: SparseIndex<OffsetEntry>,
    pub(super) times: SparseIndex<TimeEntry>,
    pub(super) aborted: TransactionIndex,
    /// Largest timestamp, [`NO_TIMESTAMP`] when there is none.
    pub(super) max_timestamp: i64,
    /// Last offset of the first batch with that timestamp.
    pub(super) offset_of_max_timestamp: i64,
    /// Bytes appended since the last index entry.
    pub(super) bytes_since_entry: u64,
    /// Largest timestamp of the first batch, once it is known.
    pub(super) first_timestamp: Option<i64>,
}

impl SegmentState {
    pub(super) fn new(paths: &SegmentPaths) -> Self {
        Self {
            offsets: SparseIndex::empty(paths.offset_index()),
            times: SparseIndex::empty(paths.time_index()),
            aborted: TransactionIndex::empty(paths.transaction_index()),
            max_timestamp: NO_TIMESTAMP,
            offset_of_max_timestamp: paths.base_offset,
            bytes_since_entry: 0,
            first_timestamp: None,
        }
    }

    /// Takes a batch into account that starts at `position`.
    pub(super) fn note_batch(
        &mut self,
        storage: &dyn Storage,
        header: &BatchHeader,
        position: u64,
        context: IndexContext,
    ) -> io::Result<()> {
        let relative_offset = context.relative(header.last_offset())?;
        if header.max_timestamp > self.max_timestamp {
            self.max_timestamp = header.max_timestamp;
            self.offset_of_max_timestamp = header.last_offset();
        }
        if position == 0 {
            self.first_timestamp = Some(header.max_timestamp);
        }
        if self.bytes_since_entry > context.interval_bytes {
            let position = u32::try_from(position).map_err(io::Error::other)?;
            self.offsets.push(
                storage,
                OffsetEntry {
                    relative_offset,
                    position,
                },
            )?;
            self.note_time(storage, context)?;
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += size_of_batch(header);
        Ok(())
    }

    /// Writes the indexes to their files; to the medium as well when `sync`.
    pub(super) fn store_indexes(&mut self, storage: &dyn Storage, sync: bool) -> io::Result<()> {
        self.offsets.store(storage, sync)?;
        self.times.store(storage, sync)?;
        self.aborted.store(storage, sync)
    }

    /// Appends to the time index what it does not say yet.
    pub(super) fn note_time(&mut self, storage: &dyn Storage, context: IndexContext) -> io::Result<()> {
        let timestamp = self.max_timestamp;
        if self.times.last().map_or(NO_TIMESTAMP, |last| last.timestamp) >= timestamp {
            return Ok(());
        }
        let relative_offset = context.relative(self.offset_of_max_timestamp)?;
        self.times.push(
            storage,
            TimeEntry {
                timestamp,
                relative_offset,
            },
        )
    }
}

/// What index entries depend on besides the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexContext {
    pub(super) base_offset: i64,
    pub(super) interval_bytes: u64,
}

impl IndexContext {
    fn relative(self, offset: i64) -> io::Result<u32> {
        let relative = u32::try_from(offset - self.base_offset)
            .ok()
            .filter(|relative| i32::try_from(*relative).is_ok());
        relative.ok_or_else(|| io::Error::other(format!("offset {offset} is out of the segment's range")))
    }
}

/// A remembered position: the batch with this base offset starts there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hint {
    pub(super) offset: i64,
    pub(super) position: u64,
}

/// One segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(super) base_offset: i64,
    pub(super) paths: SegmentPaths,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) file: Mutex<Option<Arc<dyn StorageFile>>>,
    /// Bytes of whole batches; the file may have torn ones behind them.
    pub(super) size: AtomicU64,
    /// Has batches that are not on the medium.
    dirty: AtomicBool,
    /// The file's name, and its indexes if it is closed, are on the medium.
    pub(super) settled: AtomicBool,
    /// Room was set aside for what has not come yet.
    allocated: AtomicBool,
    pub(super) state: Mutex<SegmentState>,
    pub(super) hints: Mutex<([Hint; HINTS], usize)>,
}

impl Segment {
    /// An empty segment. Its file is made by the first append.
    pub(crate) fn new(storage: Arc<dyn Storage>, directory: &Path, base_offset: i64) -> Self {
        let paths = SegmentPaths::new(directory, base_offset);
        Self {
            base_offset,
            file: Mutex::new(None),
            size: AtomicU64::new(0),
            dirty: AtomicBool::new(false),
            settled: AtomicBool::new(false),
            allocated: AtomicBool::new(false),
            state: Mutex::new(SegmentState::new(&paths)),
            hints: Mutex::new(([Hint::default(); HINTS], 0)),
            paths,
            storage,
        }
    }

    /// An empty one whose files have the suffix of what compaction writes; such that an earlier one has left are emptied.
    pub(crate) fn cleaned(storage: Arc<dyn Storage>, directory: &Path, base_offset: i64) -> io::Result<Self> {
        let mut segment = Self::new(storage, directory, base_offset);
        segment.rename_files(CLEANED);
        segment.delete()?;
        Ok(segment)
    }

    /// One that is to take the place of others.
    pub(crate) fn swapped(storage: Arc<dyn Storage>, directory: &Path, base_offset: i64) -> Self {
        let mut segment = Self::new(storage, directory, base_offset);
        segment.rename_files(SWAP);
        segment
    }

    fn rename_files(&mut self, suffix: &'static str) {
        self.paths.suffix = suffix;
        *self.state.lock() = SegmentState::new(&self.paths);
    }

    /// Its files are about to be replaced. Whoever reads it goes on with the file that it has open, without the indexes.
    pub(crate) fn supersede(&self) -> io::Result<()> {
        self.open(false)?;
        let mut state = self.state.lock();
        state.offsets = SparseIndex::empty(self.paths.offset_index());
        state.times = SparseIndex::empty(self.paths.time_index());
        Ok(())
    }

    pub(crate) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    pub(crate) fn paths(&self) -> &SegmentPaths {
        &self.paths
    }

    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Largest timestamp in the segment and the last offset of the batch it is in.
    pub(crate) fn max_timestamp(&self) -> (i64, i64) {
        let state = self.state.lock();
        (state.max_timestamp, state.offset_of_max_timestamp)
    }

    /// Bytes of the larger index.
    pub(crate) fn index_bytes(&self) -> u64 {
        let state = self.state.lock();
        state.offsets.size_in_bytes().max(state.times.size_in_bytes())
    }

    /// Largest timestamp of the first batch; `None` for an empty segment.
    pub(crate) fn first_timestamp(&self) -> io::Result<Option<i64>> {
        if let Some(timestamp) = self.state.lock().first_timestamp {
            return Ok(Some(timestamp));
        }
        let first = self.headers(0).next().transpose()?;
        let timestamp = first.map(|(header, _)| header.max_timestamp);
        self.state.lock().first_timestamp = timestamp;
        Ok(timestamp)
    }

    pub(super) fn open(&self, create: bool) -> io::Result<Arc<dyn StorageFile>> {
        let mut file = self.file.lock();
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        let opened = self.storage.open(&self.paths.log(), create)?;
        *file = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Makes the file, so that an empty segment is found after a restart.
    pub(crate) fn create_file(&self) -> io::Result<()> {
        self.open(true).map(drop)
    }

    /// Appends whole batches. After an error the segment is as before, unless the error cannot be undone: then `Err`
    /// is about the undoing, and the segment must not be used any more.
    pub(crate) fn append(
        &self,
        slices: &mut [IoSlice<'_>],
        headers: &[BatchHeader],
        index_interval_bytes: u64,
    ) -> io::Result<()> {
        let position = self.size();
        let file = self.open(true)?;
        if let Err(error) = file.write_at(slices, position) {
            // What was written of it would be a torn tail.
            file.truncate(position)?;
            return Err(error);
        }
        self.dirty.store(true, Ordering::Release);
        let context = IndexContext {
            base_offset: self.base_offset,
            interval_bytes: index_interval_bytes,
        };
        let mut state = self.state.lock();
        let mut end = position;
        for header in headers {
            state.note_batch(&*self.storage, header, end, context)?;
            end += size_of_batch(header);
        }
        drop(state);
        self.size.store(end, Ordering::Release);
        Ok(())
    }

    /// True when there was something to flush, which the caller does now.
    pub(crate) fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    /// True when there is something to flush.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    pub(crate) fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    /// Writes the batches to the medium.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.open(true)?.sync()
    }

    /// True the first time: the file's name has to be written to the medium.
    pub(crate) fn take_unsettled(&self) -> bool {
        !self.settled.swap(true, Ordering::AcqRel)
    }

    /// Sets room aside for a file of so many bytes. Where the disk has no such room or no means for that, batches find their own.
    pub(crate) fn allocate(&self, bytes: u64) {
        let Ok(file) = self.open(false) else {
            return;
        };
        let allocated = file.allocate(bytes);
        if let Err(error) = &allocated {
            tracing::warn!(path = %self.paths.log().display(), %error, bytes, "room cannot be set aside for a segment");
        }
        // A part of it may have been.
        self.allocated.store(true, Ordering::Release);
        if allocated.is_err() {
            let _ = self.give_back(&*file);
        }
    }

    fn give_back(&self, file: &dyn StorageFile) -> io::Result<()> {
        if self.allocated.swap(false, Ordering::AcqRel) {
            file.give_back()?;
        }
        Ok(())
    }

    /// Nothing more is appended: completes the indexes and writes them to their files.
    pub(crate) fn seal(&self) -> io::Result<()> {
        if self.allocated.load(Ordering::Acquire) {
            self.give_back(&*self.open(false)?)?;
        }
        let context = IndexContext {
            base_offset: self.base_offset,
            interval_bytes: 0,
        };
        let mut state = self.state.lock();
        state.note_time(&*self.storage, context)?;
        state.store_indexes(&*self.storage, false)
    }

    /// Writes the index files to the medium.
    pub(crate) fn sync_indexes(&self) -> io::Result<()> {
        self.state.lock().store_indexes(&*self.storage, true)
    }

    /// Notes an aborted transaction whose marker is in this segment.
    pub(crate) fn note_aborted(&self, aborted: AbortedTransaction) {
        self.state.lock().aborted.push(aborted);
    }

    /// Hands the aborted transactions whose markers are in this segment to `each`, until it says that it is enough; true when
    /// it has seen all.
    pub(crate) fn aborted(&self, each: impl FnMut(&AbortedTransaction) -> bool) -> bool {
        self.state.lock().aborted.entries().iter().all(each)
    }

    /// Gives the files, and the snapshot of the producers at its begin, the names of deleted ones; they go when `due_ms` has come.
    /// The log goes first: without it the others are left-overs.
    pub(crate) fn retire(&self, deleted: &Deleted, due_ms: i64) -> io::Result<()> {
        *self.file.lock() = None;
        let paths = &self.paths;
        let files = [
            paths.log(),
            paths.offset_index(),
            paths.time_index(),
            paths.transaction_index(),
            paths.snapshot(),
        ];
        files.iter().try_for_each(|file| deleted.file(file, due_ms))
    }

    /// Removes the files. The log goes first: without it the others are left-overs.
    pub(crate) fn delete(&self) -> io::Result<()> {
        *self.file.lock() = None;
        self.storage.remove_file(&self.paths.log())?;
        self.storage.remove_file(&self.paths.offset_index())?;
        self.storage.remove_file(&self.paths.time_index())?;
        self.storage.remove_file(&self.paths.transaction_index())
    }
}

/// Bytes of a batch.
pub(super) fn size_of_batch(header: &BatchHeader) -> u64 {
    u64::try_from(header.size_in_bytes()).expect("usize has at most 64 bits")
}
