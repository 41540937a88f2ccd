//! The metadata log on disk.
//!
//! One file, `<offset>.metadata`: its first frame is a snapshot, each one after it a group of consecutive records. A group
//! is written by one write and flushed before anybody hears of it, so a damaged frame at the very end was never told to
//! anyone and is cut off at open; a damaged frame with a whole one behind it is damage to the disk, and refused. When the
//! groups outweigh the snapshot, a new file with a new snapshot takes the place of the old one: written under another
//! name, flushed, renamed, directory flushed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use kafka_metadata::{MetadataImage, MetadataOffset, MetadataRecord};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::frame;

const EXTENSION: &str = "metadata";
const TEMPORARY: &str = "new";
const LOCK: &str = "lock";

/// Bytes of groups from which on a new snapshot is written, unless the snapshot itself is larger.
const GROUP_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why the metadata log cannot be used.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file system refused.
    #[error("metadata log {path:?} cannot be used")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// Another process has it open.
    #[error("metadata log {0:?} is in use by another process")]
    InUse(PathBuf),
    /// The disk has changed what was written.
    #[error("metadata log {path:?} is damaged at byte {position}, and not at its end")]
    Damaged {
        /// File.
        path: PathBuf,
        /// Where the damaged frame begins.
        position: usize,
    },
    /// A frame is whole, but says something else than expected.
    #[error("metadata log {path:?} holds something unexpected at byte {position}: {reason}")]
    Unexpected {
        /// File.
        path: PathBuf,
        /// Where the frame begins.
        position: usize,
        /// What is unexpected.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    applied: Option<MetadataOffset>,
    records: Vec<MetadataRecord>,
}

#[derive(Deserialize)]
struct Group {
    first_offset: MetadataOffset,
    records: Vec<MetadataRecord>,
}

#[derive(Serialize)]
struct GroupRef<'a> {
    first_offset: MetadataOffset,
    records: &'a [MetadataRecord],
}

/// The open log. Holds a lock on its directory.
#[derive(Debug)]
pub(super) struct MetadataLog {
    directory: PathBuf,
    path: PathBuf,
    file: File,
    snapshot_bytes: u64,
    group_bytes: u64,
    _lock: File,
}

impl MetadataLog {
    /// Opens the log in `directory`, or begins one, and answers with the image it adds up to.
    pub(super) fn open(directory: &Path) -> Result<(Self, MetadataImage), LogError> {
        let failed = |source| LogError::Io {
            path: directory.to_owned(),
            source,
        };
        fs::create_dir_all(directory).map_err(failed)?;
        let lock = lock_directory(directory)?;
        let newest = tidy(directory).map_err(failed)?;
        let Some(path) = newest else {
            let image = MetadataImage::default();
            let (path, file, snapshot_bytes) = begin_file(directory, &image)?;
            let log = Self {
                directory: directory.to_owned(),
                path,
                file,
                snapshot_bytes,
                group_bytes: 0,
                _lock: lock,
            };
            return Ok((log, image));
        };
        let (image, snapshot_bytes, whole_bytes) = read(&path)?;
        let failed = |source| LogError::Io {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new().append(true).open(&path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > whole_bytes {
            tracing::warn!(path = %path.display(), position = whole_bytes, "cutting off an unfinished write");
            file.set_len(whole_bytes).map_err(failed)?;
            file.sync_all().map_err(failed)?;
        }
        let group_bytes = whole_bytes - snapshot_bytes;
        let log = Self {
            directory: directory.to_owned(),
            path,
            file,
            snapshot_bytes,
            group_bytes,
            _lock: lock,
        };
        Ok((log, image))
    }

    /// Writes consecutive records and flushes them. After an error nothing is known about the file, and
    /// [`MetadataLog::begin_anew`] has to succeed first.
    pub(super) fn append(&mut self, first_offset: MetadataOffset, records: &[MetadataRecord]) -> Result<(), LogError> {
        let failed = |source| LogError::Io {
            path: self.path.clone(),
            source,
        };
        let mut bytes = Vec::new();
        encode(&mut bytes, &GroupRef { first_offset, records }).map_err(failed)?;
        self.file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data())
            .map_err(failed)?;
        self.group_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// True when a new snapshot would be shorter than what has to be read now.
    pub(super) fn is_long(&self) -> bool {
        self.group_bytes > GROUP_BYTES_MAX.max(self.snapshot_bytes)
    }

    /// Replaces the file by one that begins with `image`.
    pub(super) fn begin_anew(&mut self, image: &MetadataImage) -> Result<(), LogError> {
        let old = self.path.clone();
        let (path, file, snapshot_bytes) = begin_file(&self.directory, image)?;
        self.path = path;
        self.file = file;
        self.snapshot_bytes = snapshot_bytes;
        self.group_bytes = 0;
        if old != self.path
            && let Err(error) = fs::remove_file(&old)
        {
            tracing::warn!(path = %old.display(), %error, "an outdated metadata log stays behind");
        }
        Ok(())
    }
}

fn lock_directory(directory: &Path) -> Result<File, LogError> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| LogError::Io {
        path: path.clone(),
        source,
    })?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LogError::InUse(directory.to_owned())),
        Err(error) => Err(LogError::Io {
            path,
            source: error.into(),
        }),
    }
}

/// Removes what an interrupted change left behind; answers with the newest log.
fn tidy(directory: &Path) -> io::Result<Option<PathBuf>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(TEMPORARY) => fs::remove_file(&path)?,
            Some(EXTENSION) => logs.push(path),
            _ => {}
        }
    }
    logs.sort_unstable();
    let newest = logs.pop();
    for outdated in logs {
        fs::remove_file(outdated)?;
    }
    Ok(newest)
}

/// The image that the log in `directory` adds up to, as it is at this moment; the log is not touched.
pub fn read_image(directory: &Path) -> Result<MetadataImage, LogError> {
    let failed = |source| LogError::Io {
        path: directory.to_owned(),
        source,
    };
    let entries = fs::read_dir(directory).map_err(failed)?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let logs = paths.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    let newest = logs.max();
    newest.map_or_else(|| Ok(MetadataImage::default()), |path| Ok(read(&path)?.0))
}

/// Writes a file that holds a snapshot of `image` only, so that it is either not there or whole.
fn begin_file(directory: &Path, image: &MetadataImage) -> Result<(PathBuf, File, u64), LogError> {
    let path = directory.join(format!("{:020}.{EXTENSION}", image.next_offset().0));
    let temporary = path.with_extension(TEMPORARY);
    let write = || {
        let records = if image.applied.is_none() {
            Vec::new()
        } else {
            image.to_records()
        };
        let mut bytes = Vec::new();
        encode(
            &mut bytes,
            &Snapshot {
                applied: image.applied,
                records,
            },
        )?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(directory)?.sync_all()?;
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok((file, u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    };
    let (file, bytes) = write().map_err(|source| LogError::Io {
        path: temporary.clone(),
        source,
    })?;
    Ok((path, file, bytes))
}

fn encode(bytes: &mut Vec<u8>, content: &impl Serialize) -> io::Result<()> {
    let content = serde_json::to_vec(content)?;
    frame::append(bytes, &content).ok_or_else(|| io::Error::other("the frame is too long"))
}

/// Reads a whole file: the image, bytes of the snapshot, bytes of all whole frames.
fn read(path: &Path) -> Result<(MetadataImage, u64, u64), LogError> {
    let bytes = fs::read(path).map_err(|source| LogError::Io {
        path: path.to_owned(),
        source,
    })?;
    let unexpected = |position: usize, reason: String| LogError::Unexpected {
        path: path.to_owned(),
        position,
        reason,
    };
    let damaged = |position| LogError::Damaged {
        path: path.to_owned(),
        position,
    };
    let content = frame::first(&bytes).ok_or_else(|| damaged(0))?;
    let snapshot: Snapshot = serde_json::from_slice(content).map_err(|error| unexpected(0, error.to_string()))?;
    let mut image = MetadataImage::from_snapshot(snapshot.applied, &snapshot.records);
    let snapshot_bytes = frame::HEADER_BYTES + content.len();
    let mut position = snapshot_bytes;
    while let Some(content) = frame::first(&bytes[position..]) {
        let group: Group = serde_json::from_slice(content).map_err(|error| unexpected(position, error.to_string()))?;
        if group.first_offset != image.next_offset() {
            let reason = format!(
                "offset {} where {} is expected",
                group.first_offset,
                image.next_offset()
            );
            return Err(unexpected(position, reason));
        }
        for record in &group.records {
            image.apply(image.next_offset(), record);
        }
        position += frame::HEADER_BYTES + content.len();
    }
    if frame::is_anywhere(&bytes[position..]) {
        return Err(damaged(position));
    }
    let length = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    Ok((image, length(snapshot_bytes), length(position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(next_producer_id: i64) -> MetadataRecord {
        MetadataRecord::ProducerIds { next_producer_id }
    }

    fn append(log: &mut MetadataLog, image: &mut MetadataImage, records: &[MetadataRecord]) {
        log.append(image.next_offset(), records).expect("append");
        for record in records {
            image.apply(image.next_offset(), record);
        }
    }

    fn only_log(directory: &Path) -> PathBuf {
        tidy(directory).expect("list").expect("a log")
    }

    #[test]
    fn records_survive_reopening_and_a_new_snapshot() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (mut log, mut image) = MetadataLog::open(directory.path()).expect("open");
        assert_eq!(image, MetadataImage::default());
        append(
            &mut log,
            &mut image,
            &[
                MetadataRecord::ClusterCreated {
                    cluster_id: "c".to_owned(),
                },
                ids(1),
            ],
        );
        append(&mut log, &mut image, &[ids(2)]);
        drop(log);
        let (mut log, found) = MetadataLog::open(directory.path()).expect("open again");
        assert_eq!(found, image);
        log.begin_anew(&image).expect("snapshot");
        append(&mut log, &mut image, &[ids(3)]);
        drop(log);
        let (_log, found) = MetadataLog::open(directory.path()).expect("open after the snapshot");
        assert_eq!(found, image);
        assert_eq!(
            fs::read_dir(directory.path()).expect("list").count(),
            2,
            "the log and the lock"
        );
    }

    #[test]
    fn any_cut_of_the_last_group_leaves_all_groups_before_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (mut log, mut image) = MetadataLog::open(directory.path()).expect("open");
        append(&mut log, &mut image, &[ids(1)]);
        let kept = image.clone();
        let path = only_log(directory.path());
        let before = fs::metadata(&path).expect("size").len();
        append(&mut log, &mut image, &[ids(2), ids(3)]);
        drop(log);
        let whole = fs::read(&path).expect("read");
        for length in usize::try_from(before).expect("small")..whole.len() {
            fs::write(&path, &whole[..length]).expect("cut");
            let (mut log, mut found) = MetadataLog::open(directory.path()).expect("open");
            assert_eq!(found, kept);
            append(&mut log, &mut found, &[ids(9)]);
            drop(log);
            assert_eq!(MetadataLog::open(directory.path()).expect("open").1, found);
        }
        for at in usize::try_from(before).expect("small")..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            fs::write(&path, &bytes).expect("damage");
            assert_eq!(MetadataLog::open(directory.path()).expect("open").1, kept);
        }
    }

    #[test]
    fn damage_in_front_of_a_whole_group_is_refused() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (mut log, mut image) = MetadataLog::open(directory.path()).expect("open");
        append(&mut log, &mut image, &[ids(1)]);
        let path = only_log(directory.path());
        let at = usize::try_from(fs::metadata(&path).expect("size").len()).expect("small") - 1;
        append(&mut log, &mut image, &[ids(2)]);
        drop(log);
        let mut bytes = fs::read(&path).expect("read");
        bytes[at] ^= 1;
        fs::write(&path, &bytes).expect("damage");
        assert!(matches!(
            MetadataLog::open(directory.path()),
            Err(LogError::Damaged { .. })
        ));
    }

    #[test]
    fn one_process_at_a_time_has_it_open() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let _first = MetadataLog::open(directory.path()).expect("open");
        assert!(matches!(MetadataLog::open(directory.path()), Err(LogError::InUse(_))));
    }

    #[test]
    fn an_interrupted_snapshot_is_forgotten() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (mut log, mut image) = MetadataLog::open(directory.path()).expect("open");
        append(&mut log, &mut image, &[ids(1)]);
        drop(log);
        fs::write(directory.path().join("00000000000000000009.new"), b"half").expect("write");
        assert_eq!(MetadataLog::open(directory.path()).expect("open").1, image);
        assert!(!directory.path().join("00000000000000000009.new").exists());
    }
}
