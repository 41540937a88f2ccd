//! An encrypted file.
//!
//! ```text
//! header   32 bytes, not encrypted: magic, version, id of the file
//! data     blocks of 16 bytes; the last is filled up with zeros
//! trailer  one block: magic and the length of the data in bytes
//! ```
//!
//! The trailer is written with the data before it, in one write, over the trailer before. When a crash tears that write,
//! what was there before it can be read as before: a block that is written again begins with the same bytes, and a file
//! without a trailer ends with its last block. What is behind those bytes is then noise, which the checksums of batches
//! tell from records.

use std::{
    io::{self, IoSlice},
    ops::Range,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use uuid::Uuid;

use super::xts::{BLOCK, Xts};
use crate::storage::StorageFile;

const BLOCK_BYTES: u64 = BLOCK as u64;

/// Neither an offset nor a time nor a text begins like this: files from before encryption are told apart by it.
const MAGIC: [u8; 8] = *b"\xffopenmsk";
const VERSION: [u8; 8] = 1u64.to_be_bytes();
const HEADER: usize = 32;
const HEADER_BYTES: u64 = HEADER as u64;
const TRAILER_MAGIC: [u8; 8] = *b"\xffend  of";

/// What a file with something in it is, for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// It is not encrypted: it was written before the directory was. It stays so until it is deleted.
    Plain,
    /// It is encrypted; its id is the tweak of its first data unit.
    Encrypted(u128),
}

pub(super) struct EncryptedFile {
    inner: Arc<dyn StorageFile>,
    xts: Arc<Xts>,
    /// Not set as long as the file is empty.
    form: OnceLock<Form>,
    /// Bytes of data; `None` until it has been looked at, and after a failure. It is locked while blocks are written that
    /// others may read.
    length: RwLock<Option<u64>>,
    /// Data before this position is not written again, unless the file is cut off.
    stable: AtomicU64,
}

impl EncryptedFile {
    pub(super) fn new(inner: Arc<dyn StorageFile>, xts: Arc<Xts>) -> Self {
        Self {
            inner,
            xts,
            form: OnceLock::new(),
            length: RwLock::new(None),
            stable: AtomicU64::new(0),
        }
    }

    /// What the file is; `None` when it is empty.
    fn form(&self) -> io::Result<Option<Form>> {
        if let Some(form) = self.form.get() {
            return Ok(Some(*form));
        }
        let header = self.inner.read_at(HEADER, 0)?;
        // A crash may leave the beginning of a header, or room without content.
        let torn = header.len() < HEADER && MAGIC.starts_with(&header[..header.len().min(MAGIC.len())]);
        if torn || header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let form = if header.starts_with(&MAGIC) && header.len() == HEADER {
            if header[8..16] != VERSION {
                let message = "it was encrypted by a newer version of this program";
                return Err(io::Error::new(io::ErrorKind::Unsupported, message));
            }
            Form::Encrypted(u128::from_be_bytes(
                header[16..].try_into().expect("a header has 32 bytes"),
            ))
        } else {
            Form::Plain
        };
        Ok(Some(*self.form.get_or_init(|| form)))
    }

    /// Bytes of data in the encrypted file, looked at where that has not been done yet.
    fn length(&self, id: u128) -> io::Result<u64> {
        if let Some(length) = *self.length.read() {
            return Ok(length);
        }
        let mut length = self.length.write();
        let found = self.stored_length(id)?;
        *length = Some(found);
        Ok(found)
    }

    /// Bytes of data as the medium says.
    fn stored_length(&self, id: u128) -> io::Result<u64> {
        let blocks = self.inner.size()?.saturating_sub(HEADER_BYTES) / BLOCK_BYTES;
        let Some(last) = blocks.checked_sub(1) else {
            return Ok(0);
        };
        let block = self.blocks(id, last..blocks)?;
        Ok(trailer_length(&block, last).unwrap_or(blocks * BLOCK_BYTES))
    }

    /// Reads and decrypts blocks, fewer at the end of the file.
    fn blocks(&self, id: u128, blocks: Range<u64>) -> io::Result<Vec<u8>> {
        let length = usize::try_from((blocks.end - blocks.start) * BLOCK_BYTES).map_err(io::Error::other)?;
        let mut bytes = self.inner.read_at(length, HEADER_BYTES + blocks.start * BLOCK_BYTES)?;
        bytes.truncate(bytes.len() / BLOCK * BLOCK);
        self.xts.decrypt(id, blocks.start, &mut bytes);
        Ok(bytes)
    }

    /// Reads data; the caller sees to it that nobody writes to where it is.
    fn read_data(&self, id: u128, wanted: usize, offset: u64) -> io::Result<Vec<u8>> {
        let first = offset / BLOCK_BYTES;
        let end = offset + u64::try_from(wanted).map_err(io::Error::other)?;
        // Two blocks more, so that the end of the file is seen where the last wanted block is the last of the data.
        let blocks = first..end.div_ceil(BLOCK_BYTES) + 2;
        let asked = usize::try_from((blocks.end - blocks.start) * BLOCK_BYTES).map_err(io::Error::other)?;
        let mut bytes = self.blocks(id, blocks)?;
        if bytes.len() < asked
            && let Some(before) = bytes.len().checked_sub(BLOCK)
        {
            let number = first + to_u64(before / BLOCK);
            if let Some(length) = trailer_length(&bytes[before..], number) {
                let start = first * BLOCK_BYTES;
                bytes.truncate(usize::try_from(length.saturating_sub(start)).map_err(io::Error::other)?);
            }
        }
        let skipped = usize::try_from(offset % BLOCK_BYTES).expect("less than a block");
        bytes.drain(..skipped.min(bytes.len()));
        bytes.truncate(wanted);
        Ok(bytes)
    }

    /// Writes data and the trailer behind it to an encrypted file, with the header when it is `new`.
    fn write_data(&self, id: u128, length: u64, new: bool, slices: &[IoSlice<'_>], offset: u64) -> io::Result<u64> {
        if offset > length {
            let message = format!("a write at {offset} leaves a gap: the file has {length} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let end = offset + to_u64(wanted);
        let (first, last) = (offset / BLOCK_BYTES, end.div_ceil(BLOCK_BYTES));
        let header = if new { HEADER } else { 0 };
        let mut bytes = Vec::with_capacity(header + wanted + 3 * BLOCK);
        if new {
            bytes.extend(MAGIC);
            bytes.extend(VERSION);
            bytes.extend(id.to_be_bytes());
        }
        let before = usize::try_from(offset % BLOCK_BYTES).expect("less than a block");
        if before > 0 {
            bytes.extend(self.blocks(id, first..first + 1)?.iter().take(before));
        }
        for slice in slices {
            bytes.extend_from_slice(slice);
        }
        let behind = usize::try_from(last * BLOCK_BYTES - end).expect("less than a block");
        if end >= length {
            bytes.extend([0; BLOCK].iter().take(behind));
            bytes.extend(trailer(end));
        } else if behind > 0 {
            let block = self.blocks(id, last - 1..last)?;
            bytes.extend_from_slice(&block[block.len().saturating_sub(behind)..]);
        }
        self.xts.encrypt(id, first, &mut bytes[header..]);
        let position = if new { 0 } else { HEADER_BYTES + first * BLOCK_BYTES };
        self.inner.write_at(&mut [IoSlice::new(&bytes)], position)?;
        Ok(end.max(length))
    }
}

impl std::fmt::Debug for EncryptedFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EncryptedFile")
            .field("inner", &self.inner)
            .field("form", &self.form)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl StorageFile for EncryptedFile {
    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let form = self.form()?;
        if form == Some(Form::Plain) {
            return self.inner.write_at(slices, offset);
        }
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        if wanted == 0 {
            return Ok(());
        }
        let mut known = self.length.write();
        let (id, length) = match form {
            Some(Form::Encrypted(id)) => (id, known.map_or_else(|| self.stored_length(id), Ok)?),
            _ => {
                // What a crash has left of a header or of room without content.
                self.inner.truncate(0)?;
                (Uuid::new_v4().as_u128(), 0)
            }
        };
        // A failure leaves what nobody knows.
        *known = None;
        let length = self.write_data(id, length, form.is_none(), slices, offset)?;
        *known = Some(length);
        self.form.get_or_init(|| Form::Encrypted(id));
        let written = offset + to_u64(wanted);
        self.stable
            .fetch_max(written / BLOCK_BYTES * BLOCK_BYTES, Ordering::AcqRel);
        Ok(())
    }

    fn read_at(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        match self.form()? {
            None => Ok(Vec::new()),
            Some(Form::Plain) => self.inner.read_at(length, offset),
            Some(Form::Encrypted(id)) => {
                let end = offset.saturating_add(to_u64(length));
                // The last block may be written again while it is read.
                let guard = (end > self.stable.load(Ordering::Acquire)).then(|| self.length.read());
                let bytes = self.read_data(id, length, offset);
                drop(guard);
                bytes
            }
        }
    }

    fn size(&self) -> io::Result<u64> {
        match self.form()? {
            None => Ok(0),
            Some(Form::Plain) => self.inner.size(),
            Some(Form::Encrypted(id)) => self.length(id),
        }
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let id = match self.form()? {
            None => return self.inner.truncate(0),
            Some(Form::Plain) => return self.inner.truncate(size),
            Some(Form::Encrypted(id)) => id,
        };
        let length = self.length(id)?;
        if size >= length {
            return Ok(());
        }
        let mut known = self.length.write();
        *known = None;
        self.stable
            .fetch_min(size / BLOCK_BYTES * BLOCK_BYTES, Ordering::AcqRel);
        let blocks = size.div_ceil(BLOCK_BYTES);
        let mut bytes = trailer(size);
        self.xts.encrypt(id, blocks, &mut bytes);
        let position = HEADER_BYTES + blocks * BLOCK_BYTES;
        match self.inner.write_at(&mut [IoSlice::new(&bytes)], position) {
            Ok(()) => self.inner.truncate(position + BLOCK_BYTES)?,
            // A full disk: the file has no trailer until the next write.
            Err(error) if is_full(&error) => self.inner.truncate(position)?,
            Err(error) => return Err(error),
        }
        *known = Some(size);
        Ok(())
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        let framing = HEADER_BYTES + 2 * BLOCK_BYTES;
        self.inner.allocate(size.saturating_add(framing))
    }

    fn give_back(&self) -> io::Result<()> {
        self.inner.give_back()
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The block behind data of `length` bytes.
fn trailer(length: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(&TRAILER_MAGIC);
    block[8..].copy_from_slice(&length.to_be_bytes());
    block
}

/// Length of the data, if block `number` is the trailer behind it.
fn trailer_length(block: &[u8], number: u64) -> Option<u64> {
    let length = block.strip_prefix(&TRAILER_MAGIC)?;
    let length = u64::from_be_bytes(length.try_into().ok()?);
    (length.div_ceil(BLOCK_BYTES) == number).then_some(length)
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("usize has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        storage::{Disk, Storage},
        testing::data_key,
    };

    fn open(path: &Path) -> EncryptedFile {
        let xts = Arc::new(Xts::new(&data_key()));
        EncryptedFile::new(Disk.open(path, true).unwrap(), xts)
    }

    fn write(file: &EncryptedFile, bytes: &[u8], offset: u64) {
        // In two slices, as header and records come.
        let (first, second) = bytes.split_at(bytes.len() / 3);
        file.write_at(&mut [IoSlice::new(first), IoSlice::new(second)], offset)
            .unwrap();
    }

    #[derive(Clone, Debug)]
    enum Act {
        Append(Vec<u8>),
        Overwrite(u16, Vec<u8>),
        Truncate(u16),
        Reopen,
    }

    fn act() -> impl Strategy<Value = Act> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..100);
        prop_oneof![
            5 => bytes().prop_map(Act::Append),
            1 => prop::collection::vec(any::<u8>(), 4000..9000).prop_map(Act::Append),
            2 => (any::<u16>(), bytes()).prop_map(|(at, bytes)| Act::Overwrite(at, bytes)),
            2 => any::<u16>().prop_map(Act::Truncate),
            1 => Just(Act::Reopen),
        ]
    }

    fn position(at: u16, length: usize) -> usize {
        usize::from(at) % (length + 1)
    }

    proptest! {
        #[test]
        fn it_is_a_file_like_any_other(acts in prop::collection::vec(act(), 1..40), reads in prop::collection::vec((any::<u16>(), 0..6000usize), 8)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            let (mut file, mut model) = (open(&path), Vec::new());
            for act in acts {
                match act {
                    Act::Append(bytes) => {
                        write(&file, &bytes, to_u64(model.len()));
                        model.extend(bytes);
                    }
                    Act::Overwrite(at, bytes) => {
                        let at = position(at, model.len());
                        write(&file, &bytes, to_u64(at));
                        model.resize(model.len().max(at + bytes.len()), 0);
                        model[at..at + bytes.len()].copy_from_slice(&bytes);
                    }
                    Act::Truncate(size) => {
                        let size = position(size, model.len());
                        file.truncate(to_u64(size)).unwrap();
                        model.truncate(size);
                    }
                    Act::Reopen => file = open(&path),
                }
                prop_assert_eq!(file.size().unwrap(), to_u64(model.len()));
                for (at, length) in &reads {
                    let at = position(*at, model.len());
                    let expected = &model[at..(at + length).min(model.len())];
                    prop_assert_eq!(&file.read_at(*length, to_u64(at)).unwrap(), expected);
                }
            }
        }

        /// A crash leaves some of the sectors of the last write, up to any length.
        #[test]
        fn a_torn_append_leaves_what_was_there(before in 1..3000usize, more in 1..3000usize, size in any::<u16>(), sectors in any::<u16>()) {
            const SECTOR: usize = 512;
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            let data: Vec<u8> = (0..before).map(|at| u8::try_from(at % 251).unwrap()).collect();
            write(&open(&path), &data, 0);
            let old = std::fs::read(&path).unwrap();
            write(&open(&path), &vec![3; more], to_u64(before));
            let new = std::fs::read(&path).unwrap();
            let size = old.len() + usize::from(size) % (new.len() - old.len() + 1);
            let mut torn = old;
            torn.resize(size, 0);
            for (number, sector) in torn.chunks_mut(SECTOR).enumerate() {
                if sectors >> (number % 16) & 1 == 1 {
                    sector.copy_from_slice(&new[number * SECTOR..][..sector.len()]);
                }
            }
            std::fs::write(&path, &torn).unwrap();
            let file = open(&path);
            prop_assert!(file.size().unwrap() >= to_u64(before));
            prop_assert_eq!(&file.read_at(before, 0).unwrap(), &data);
            file.truncate(to_u64(before)).unwrap();
            write(&file, b"goes on", to_u64(before));
            prop_assert_eq!(file.read_at(100, to_u64(before)).unwrap(), b"goes on");
        }
    }

    #[test]
    fn nothing_of_the_data_is_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let data = b"the marker of this test ".repeat(100);
        write(&open(&path), &data, 0);
        let stored = std::fs::read(&path).unwrap();
        assert!(!stored.windows(6).any(|window| window == b"marker"));
        // The same data in another file, and twice in one file, are other bytes.
        let other = dir.path().join("other");
        write(&open(&other), &data, 0);
        assert_ne!(stored[HEADER..], std::fs::read(&other).unwrap()[HEADER..]);
        write(&open(&path), &[5; 8192], 0);
        let stored = std::fs::read(&path).unwrap();
        let blocks: std::collections::BTreeSet<&[u8]> = stored[HEADER..].chunks(BLOCK).collect();
        assert_eq!(blocks.len(), 8192 / BLOCK + 1);
    }

    #[test]
    fn a_file_from_before_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"\0\0\0\0\0\0\0\x05 a batch").unwrap();
        let file = open(&path);
        assert_eq!(file.size().unwrap(), 16);
        write(&file, b" and more", 16);
        assert_eq!(file.read_at(100, 8).unwrap(), b" a batch and more");
        assert_eq!(std::fs::read(&path).unwrap(), b"\0\0\0\0\0\0\0\x05 a batch and more");
    }

    #[test]
    fn what_a_crash_leaves_of_a_new_file_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&open(&path), b"data", 0);
        let whole = std::fs::read(&path).unwrap();
        for left in [&whole[..0], &whole[..5], &whole[..31], &whole[..32], &[0; 100][..]] {
            std::fs::write(&path, left).unwrap();
            let file = open(&path);
            assert_eq!(file.size().unwrap(), 0, "{left:?}");
            assert!(file.read_at(10, 0).unwrap().is_empty(), "{left:?}");
            write(&file, b"data again", 0);
            assert_eq!(open(&path).read_at(100, 0).unwrap(), b"data again", "{left:?}");
        }
    }

    #[test]
    fn a_later_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&open(&path), b"data", 0);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[15] = 2;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(open(&path).size().unwrap_err().kind(), io::ErrorKind::Unsupported);
    }

    #[test]
    fn readers_see_whole_data_while_it_grows() {
        let dir = tempfile::tempdir().unwrap();
        let file = open(&dir.path().join("file"));
        let written = AtomicU64::new(0);
        let value = |at: u64| u8::try_from(at % 253).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let at = written.load(Ordering::Acquire);
                    let bytes: Vec<u8> = (at..at + 1 + at % 23).map(value).collect();
                    write(&file, &bytes, at);
                    written.store(at + to_u64(bytes.len()), Ordering::Release);
                }
            });
            for _ in 0..20_000 {
                let end = written.load(Ordering::Acquire);
                let start = end.saturating_sub(40);
                let read = file.read_at(usize::try_from(end - start).unwrap(), start).unwrap();
                assert_eq!(read, (start..end).map(value).collect::<Vec<u8>>());
            }
        });
    }
}
