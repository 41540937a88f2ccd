//! The offset index and the time index of a segment: sparse, sorted, appended to. New entries stay in memory and go to
//! the file in batches; a crash may lose them, and recovery makes them anew from the log.

use std::{
    io::{self, IoSlice},
    path::PathBuf,
};

use crate::storage::Storage;

/// New entries kept in memory at most.
const PENDING_MAX: usize = 1024;

/// Entries read from the file at once in the last step of a search.
const CHUNK: usize = 256;

/// An entry of an index: fixed size, big endian.
pub(crate) trait IndexEntry: Copy {
    const BYTES: usize;
    fn put(&self, out: &mut Vec<u8>);
    fn get(bytes: &[u8]) -> Self;
}

/// Where a batch starts, by the offset of its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    /// Less the segment's base offset.
    pub(crate) relative_offset: u32,
    /// In the segment's file.
    pub(crate) position: u32,
}

/// The largest timestamp up to an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    /// Of the last record of the batch with that timestamp, less the segment's base offset.
    pub(crate) relative_offset: u32,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("an entry has all of its bytes")
}

impl IndexEntry for OffsetEntry {
    const BYTES: usize = 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            relative_offset: u32::from_be_bytes(field(bytes, 0)),
            position: u32::from_be_bytes(field(bytes, 4)),
        }
    }
}

impl IndexEntry for TimeEntry {
    const BYTES: usize = 12;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
    }

    fn get(bytes: &[u8]) -> Self {
        Self {
            timestamp: i64::from_be_bytes(field(bytes, 0)),
            relative_offset: u32::from_be_bytes(field(bytes, 8)),
        }
    }
}

/// One index file.
#[derive(Debug)]
pub(crate) struct SparseIndex<E> {
    path: PathBuf,
    /// Entries in the file.
    stored: usize,
    /// Entries that follow those in the file.
    pending: Vec<E>,
    last: Option<E>,
}

impl<E: IndexEntry> SparseIndex<E> {
    /// An index without entries; there may be a file with others, see [`SparseIndex::clear`].
    pub(crate) fn empty(path: PathBuf) -> Self {
        Self {
            path,
            stored: 0,
            pending: Vec::new(),
            last: None,
        }
    }

    /// The index in the file; `None` when there is no file, or its size cannot be that of an index. Zeros at its end are
    /// room that Kafka has reserved, or what a crash left: they end the index.
    pub(crate) fn load(storage: &dyn Storage, path: PathBuf) -> io::Result<Option<Self>> {
        let file = match storage.open(&path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = usize::try_from(file.size()?).unwrap_or(usize::MAX);
        if size % E::BYTES != 0 {
            return Ok(None);
        }
        let mut index = Self {
            path,
            stored: size / E::BYTES,
            pending: Vec::new(),
            last: None,
        };
        if index.stored > 0 {
            let bytes = file.read_at(E::BYTES, as_u64((index.stored - 1) * E::BYTES))?;
            if bytes.len() < E::BYTES || bytes.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            index.last = Some(E::get(&bytes));
        }
        Ok(Some(index))
    }

    pub(crate) fn last(&self) -> Option<E> {
        self.last
    }

    pub(crate) fn size_in_bytes(&self) -> u64 {
        as_u64((self.stored + self.pending.len()) * E::BYTES)
    }

    pub(crate) fn push(&mut self, storage: &dyn Storage, entry: E) -> io::Result<()> {
        if self.pending.len() >= PENDING_MAX {
            self.store(storage, false)?;
        }
        self.pending.push(entry);
        self.last = Some(entry);
        Ok(())
    }

    /// Writes new entries to the file; to the medium as well when `sync`. Makes the file.
    pub(crate) fn store(&mut self, storage: &dyn Storage, sync: bool) -> io::Result<()> {
        let file = storage.open(&self.path, true)?;
        if !self.pending.is_empty() {
            let mut bytes = Vec::with_capacity(self.pending.len() * E::BYTES);
            for entry in &self.pending {
                entry.put(&mut bytes);
            }
            file.write_at(&mut [IoSlice::new(&bytes)], as_u64(self.stored * E::BYTES))?;
            self.stored += self.pending.len();
            self.pending = Vec::new();
        }
        if sync { file.sync() } else { Ok(()) }
    }

    /// The last entry for which `wanted` holds; it holds for a beginning of the index.
    pub(crate) fn last_where(&self, storage: &dyn Storage, wanted: impl Fn(&E) -> bool) -> io::Result<Option<E>> {
        let in_pending = self.pending.partition_point(&wanted);
        if in_pending > 0 {
            return Ok(Some(self.pending[in_pending - 1]));
        }
        let found = self.stored_where(storage, wanted)?;
        Ok(found.1)
    }

    /// Among the entries of the file: how many there are for which `wanted` holds, and the last of them.
    fn stored_where(&self, storage: &dyn Storage, wanted: impl Fn(&E) -> bool) -> io::Result<(usize, Option<E>)> {
        if self.stored == 0 {
            return Ok((0, None));
        }
        let file = storage.open(&self.path, false)?;
        let read = |first: usize, count: usize| -> io::Result<Vec<E>> {
            let bytes = file.read_at(count * E::BYTES, as_u64(first * E::BYTES))?;
            Ok(bytes.chunks_exact(E::BYTES).map(E::get).collect())
        };
        let (mut low, mut high) = (0, self.stored);
        while high - low > CHUNK {
            let middle = low + (high - low) / 2;
            if read(middle, 1)?.first().is_some_and(&wanted) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let chunk = read(low, high - low)?;
        let count = chunk.partition_point(&wanted);
        let last = count.checked_sub(1).map(|index| chunk[index]);
        Ok((low + count, last))
    }

    /// Drops all entries from the first on for which `kept` does not hold. On the medium too: what follows them in the file
    /// may be lost in a power failure, but what was cut off must not come back and point into other batches.
    pub(crate) fn truncate(&mut self, storage: &dyn Storage, kept: impl Fn(&E) -> bool) -> io::Result<()> {
        let in_pending = self.pending.partition_point(&kept);
        self.pending.truncate(in_pending);
        if in_pending > 0 {
            self.last = self.pending.last().copied();
            return Ok(());
        }
        let (count, last) = self.stored_where(storage, kept)?;
        if count < self.stored {
            let file = storage.open(&self.path, false)?;
            file.truncate(as_u64(count * E::BYTES))?;
            file.sync()?;
            self.stored = count;
        }
        self.last = last;
        Ok(())
    }

    /// Drops all entries, in the file and on the medium too.
    pub(crate) fn clear(&mut self, storage: &dyn Storage) -> io::Result<()> {
        self.pending = Vec::new();
        self.stored = 0;
        self.last = None;
        match storage.open(&self.path, false) {
            Ok(file) if file.size()? == 0 => Ok(()),
            Ok(file) => {
                file.truncate(0)?;
                file.sync()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("usize has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Disk;

    fn filled(path: PathBuf, count: u32, store_every: u32) -> SparseIndex<OffsetEntry> {
        let mut index = SparseIndex::empty(path);
        for number in 0..count {
            index
                .push(
                    &Disk,
                    OffsetEntry {
                        relative_offset: number * 10 + 9,
                        position: number * 4096,
                    },
                )
                .unwrap();
            if number % store_every == store_every - 1 {
                index.store(&Disk, false).unwrap();
            }
        }
        index
    }

    fn find(index: &SparseIndex<OffsetEntry>, offset: u32) -> Option<u32> {
        let found = index
            .last_where(&Disk, |entry| entry.relative_offset <= offset)
            .unwrap();
        found.map(|entry| entry.relative_offset)
    }

    #[test]
    fn search_finds_the_last_entry_in_file_and_memory() {
        let dir = tempfile::tempdir().unwrap();
        for (number, (count, every)) in [(1, 2), (3, 2), (700, 600), (5000, 3000)].into_iter().enumerate() {
            let index = filled(dir.path().join(format!("{number}.index")), count, every);
            for wanted in 0..count {
                assert_eq!(find(&index, wanted * 10 + 9), Some(wanted * 10 + 9));
                assert_eq!(find(&index, wanted * 10 + 18), Some(wanted * 10 + 9));
            }
            assert_eq!(find(&index, 8), None);
        }
    }

    #[test]
    fn truncation_drops_entries_in_file_and_memory() {
        let dir = tempfile::tempdir().unwrap();
        for keep in [0, 1, 299, 300, 301, 305] {
            let path = dir.path().join(format!("{keep}.index"));
            let mut index = filled(path.clone(), 305, 300);
            index
                .truncate(&Disk, |entry| entry.relative_offset < keep * 10)
                .unwrap();
            let last = (keep > 0).then(|| keep * 10 - 1);
            assert_eq!(index.last().map(|entry| entry.relative_offset), last);
            assert_eq!(index.size_in_bytes(), u64::from(keep) * 8);
            index.store(&Disk, true).unwrap();
            let index: SparseIndex<OffsetEntry> = SparseIndex::load(&Disk, path).unwrap().unwrap();
            assert_eq!(index.last().map(|entry| entry.relative_offset), last);
        }
    }

    #[test]
    fn torn_files_are_not_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.timeindex");
        let load = || SparseIndex::<TimeEntry>::load(&Disk, path.clone()).unwrap();
        assert!(load().is_none());
        std::fs::write(&path, [1; 13]).unwrap();
        assert!(load().is_none());
        std::fs::write(&path, [0; 24]).unwrap();
        assert!(load().is_none());
        std::fs::write(&path, [1; 24]).unwrap();
        assert_eq!(load().unwrap().size_in_bytes(), 24);
    }
}
