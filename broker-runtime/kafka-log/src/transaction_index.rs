//! The index of aborted transactions of a segment (`.txnindex`; Kafka's `AbortedTxn`): who reads committed records only is told
//! of them. In memory as a whole, for there are few; a crash may lose entries of the file, and recovery makes them anew.

use std::{
    io::{self, IoSlice},
    path::PathBuf,
};

use crate::{producers::EndedTransaction, storage::Storage};

/// Version of an entry.
const VERSION: i16 = 0;

/// Version, and four numbers of 8 bytes.
const ENTRY_BYTES: usize = 34;

/// A transaction whose records do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Its producer.
    pub producer_id: i64,
    /// Of its first record.
    pub first_offset: i64,
    /// Of its marker.
    pub last_offset: i64,
    /// Everything below was decided when the marker was written.
    pub last_stable_offset: i64,
}

impl From<EndedTransaction> for AbortedTransaction {
    fn from(ended: EndedTransaction) -> Self {
        Self {
            producer_id: ended.producer_id,
            first_offset: ended.first_offset,
            last_offset: ended.last_offset,
            last_stable_offset: ended.last_stable_offset,
        }
    }
}

impl AbortedTransaction {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&VERSION.to_be_bytes());
        for number in [
            self.producer_id,
            self.first_offset,
            self.last_offset,
            self.last_stable_offset,
        ] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let version = i16::from_be_bytes(bytes.get(..2)?.try_into().ok()?);
        (version == VERSION).then_some(())?;
        Some(Self {
            producer_id: number(2)?,
            first_offset: number(10)?,
            last_offset: number(18)?,
            last_stable_offset: number(26)?,
        })
    }
}

/// The index of one segment, in the order of the markers.
#[derive(Debug)]
pub(crate) struct TransactionIndex {
    path: PathBuf,
    entries: Vec<AbortedTransaction>,
    /// Entries in the file.
    stored: usize,
}

impl TransactionIndex {
    /// An index without entries; there may be a file with others, see [`TransactionIndex::clear`].
    pub(crate) fn empty(path: PathBuf) -> Self {
        Self {
            path,
            entries: Vec::new(),
            stored: 0,
        }
    }

    /// The index in the file, empty when there is none; `None` when the file cannot be an index.
    pub(crate) fn load(storage: &dyn Storage, path: PathBuf) -> io::Result<Option<Self>> {
        let bytes = match storage.open(&path, false) {
            Ok(file) => file.read_at(usize::try_from(file.size()?).unwrap_or(usize::MAX), 0)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let entries: Option<Vec<_>> = bytes.chunks(ENTRY_BYTES).map(AbortedTransaction::get).collect();
        Ok(entries.map(|entries| Self {
            path,
            stored: entries.len(),
            entries,
        }))
    }

    pub(crate) fn entries(&self) -> &[AbortedTransaction] {
        &self.entries
    }

    /// Adds an entry. One that is there already, because recovery finds its marker, is not added again.
    pub(crate) fn push(&mut self, entry: AbortedTransaction) {
        if self
            .entries
            .last()
            .is_none_or(|last| last.last_offset < entry.last_offset)
        {
            self.entries.push(entry);
        }
    }

    /// Writes new entries to the file; to the medium as well when `sync`. Without entries there is no file.
    pub(crate) fn store(&mut self, storage: &dyn Storage, sync: bool) -> io::Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let file = storage.open(&self.path, true)?;
        if self.stored < self.entries.len() {
            let mut bytes = Vec::new();
            self.entries[self.stored..]
                .iter()
                .for_each(|entry| entry.put(&mut bytes));
            file.write_at(&mut [IoSlice::new(&bytes)], position(self.stored))?;
            self.stored = self.entries.len();
        }
        if sync { file.sync() } else { Ok(()) }
    }

    /// Forgets the markers from `offset` on.
    pub(crate) fn truncate(&mut self, storage: &dyn Storage, offset: i64) -> io::Result<()> {
        let kept = self.entries.partition_point(|entry| entry.last_offset < offset);
        self.entries.truncate(kept);
        if kept < self.stored {
            storage.open(&self.path, true)?.truncate(position(kept))?;
            self.stored = kept;
        }
        Ok(())
    }

    /// Forgets everything, and removes the file.
    pub(crate) fn clear(&mut self, storage: &dyn Storage) -> io::Result<()> {
        self.entries.clear();
        self.stored = 0;
        storage.remove_file(&self.path)
    }
}

fn position(entries: usize) -> u64 {
    u64::try_from(entries * ENTRY_BYTES).expect("usize has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Disk;

    fn aborted(first_offset: i64, last_offset: i64) -> AbortedTransaction {
        AbortedTransaction {
            producer_id: 7,
            first_offset,
            last_offset,
            last_stable_offset: last_offset + 1,
        }
    }

    #[test]
    fn entries_survive_and_are_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.txnindex");
        let mut index = TransactionIndex::empty(path.clone());
        index.store(&Disk, true).unwrap();
        assert!(!path.exists());
        for entry in [aborted(0, 5), aborted(6, 9), aborted(6, 9)] {
            index.push(entry);
            index.store(&Disk, false).unwrap();
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 68);
        let mut index = TransactionIndex::load(&Disk, path.clone()).unwrap().unwrap();
        assert_eq!(index.entries(), [aborted(0, 5), aborted(6, 9)]);
        index.truncate(&Disk, 9).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 34);
        std::fs::write(&path, [0; 35]).unwrap();
        assert!(TransactionIndex::load(&Disk, path).unwrap().is_none());
    }
}
