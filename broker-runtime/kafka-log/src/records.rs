//! What a reader gets: batches in memory, or where they lie in a file.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use kafka_codec::record_batch::batches;

use crate::segment::Location;

/// Whole batches that a reader has found.
#[derive(Clone, Debug)]
pub enum Records {
    /// They have been read.
    InMemory(Bytes),
    /// They have not: they are where they were written, and stay there for as long as somebody holds this.
    InFile(FileRecords),
}

impl Records {
    /// Bytes of all batches.
    pub fn len(&self) -> usize {
        match self {
            Self::InMemory(bytes) => bytes.len(),
            Self::InFile(records) => records.len(),
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them in memory.
    pub fn into_bytes(self) -> io::Result<Bytes> {
        match self {
            Self::InMemory(bytes) => Ok(bytes),
            Self::InFile(mut records) => records.read(records.len()),
        }
    }

    /// No record has an offset at or above it; `None` where there are none.
    pub fn end_offset(&self) -> Option<i64> {
        match self {
            Self::InMemory(bytes) => {
                let last = batches(bytes).filter_map(Result::ok).last()?;
                Some(last.header().next_offset())
            }
            Self::InFile(records) => (!records.is_empty()).then_some(records.place.end_offset),
        }
    }
}

impl Default for Records {
    fn default() -> Self {
        Self::InMemory(Bytes::new())
    }
}

/// Batches in the file of a segment. Retention and compaction do not touch them, since the file stays open. Who cuts the log off may:
/// so this is for records that are committed.
#[derive(Clone, Debug)]
pub struct FileRecords {
    place: Location,
    /// That of the log.
    offline: Arc<AtomicBool>,
}

impl FileRecords {
    pub(crate) fn new(place: Location, offline: Arc<AtomicBool>) -> Self {
        Self { place, offline }
    }

    /// Bytes that are left.
    pub fn len(&self) -> usize {
        self.place.length
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.place.length == 0
    }

    /// The file of this system, and where in it the records begin; `None` where they have to be read by [`FileRecords::read`].
    pub fn file(&self) -> Option<(&File, u64)> {
        self.place.file.as_file().map(|file| (file, self.place.position))
    }

    /// The first `bytes` are done with.
    pub fn advance(&mut self, bytes: usize) {
        let bytes = bytes.min(self.place.length);
        self.place.position += u64::try_from(bytes).unwrap_or_default();
        self.place.length -= bytes;
    }

    /// Takes at most `bytes` from the front. `UnexpectedEof` when the file has become shorter.
    pub fn read(&mut self, bytes: usize) -> io::Result<Bytes> {
        let wanted = bytes.min(self.place.length);
        let read = self.place.file.read_at(wanted, self.place.position);
        let read = read.inspect_err(|error| self.failed(error))?;
        if read.len() < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.advance(wanted);
        Ok(Bytes::from(read))
    }

    /// Takes the log offline if `error` is one of the disk, as every other failed read does.
    pub fn failed(&self, error: &io::Error) {
        if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) {
            self.offline.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        Log, LogConfig,
        storage::Disk,
        testing::{Opened, as_leader, batch, bytes, open},
    };

    /// Batches of these sizes, on a disk, in segments of at most 300 kB.
    fn written(path: &std::path::Path, sizes: &[usize]) -> Opened {
        let config = LogConfig {
            segment_bytes: 300_000,
            index_interval_bytes: 400,
            ..LogConfig::default()
        };
        let opened = open(Arc::new(Disk), path, config);
        for (number, size) in sizes.iter().enumerate() {
            let value = "x".repeat(*size);
            let records = iter::repeat_n(value.as_str(), 1 + number % 3);
            opened
                .log
                .append_as_leader(bytes(batch(records)), as_leader(0))
                .unwrap();
        }
        opened
    }

    fn in_file(log: &Log, offset: i64, max_bytes: usize) -> FileRecords {
        match log.find(offset, max_bytes, i64::MAX, true).unwrap() {
            Records::InFile(records) => records,
            Records::InMemory(bytes) => panic!("{} bytes in memory", bytes.len()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn what_is_found_is_what_is_read(
            sizes in prop::collection::vec(prop_oneof![8 => 1_usize..2_000, 1 => 30_000_usize..90_000], 40..200),
            reads in prop::collection::vec(
                (0.0..1.0_f64, 0_usize..200_000, prop_oneof![Just(1.0), 0.0..1.0_f64], any::<bool>()),
                40,
            ),
        ) {
            let folder = TempDir::new().unwrap();
            let log = written(folder.path(), &sizes).log;
            let end = log.log_end_offset();
            let part = |of: f64| (of * end as f64) as i64;
            for (offset, max_bytes, end_offset, at_least_one) in reads {
                let (offset, end_offset) = (part(offset), part(end_offset));
                let read = log.read(offset, max_bytes, end_offset, at_least_one).unwrap();
                // Twice: positions are remembered.
                for _ in 0..2 {
                    let found = log.find(offset, max_bytes, end_offset, at_least_one).unwrap();
                    prop_assert_eq!(found.len(), read.len());
                    let last = Records::InMemory(read.clone()).end_offset();
                    prop_assert_eq!(found.end_offset(), last);
                    prop_assert_eq!(&found.into_bytes().unwrap(), &read);
                }
            }
        }
    }

    #[test]
    fn records_can_be_read_after_their_segment_is_gone() {
        let folder = TempDir::new().unwrap();
        let opened = written(folder.path(), &[1_000; 100]);
        let expected = opened.log.read(10, 80_000, i64::MAX, true).unwrap();
        let mut records = in_file(&opened.log, 10, 80_000);
        opened.dir.delete_log(&opened.log).unwrap();
        let first = records.read(1_000).unwrap();
        assert_eq!(first.len(), 1_000);
        let rest = records.read(usize::MAX).unwrap();
        assert_eq!([first, rest].concat(), expected);
        assert!(records.is_empty());
    }

    #[test]
    fn a_file_that_was_cut_off_ends_the_reading() {
        let folder = TempDir::new().unwrap();
        let opened = written(folder.path(), &[1_000; 100]);
        let mut records = in_file(&opened.log, 0, 80_000);
        opened.log.truncate_to(5).unwrap();
        let error = records.read(usize::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(!opened.log.is_offline());
        records.failed(&io::Error::from(rustix::io::Errno::IO));
        assert!(opened.log.is_offline());
    }
}
