//! Opening a log: a new one, or one that is found after a restart (`LogLoader`). After a clean shutdown the files are
//! taken as they are. Otherwise everything from the recovery point on is read and checked, a torn or damaged tail is cut
//! off, indexes are made anew, and the state of the producers is built from the newest snapshot and what follows it.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};

use super::{
    flush_together::SyncTogether,
    log::{Log, LogIdentity, RecoveryPoints},
};
use crate::{
    LogConfig, LogError,
    deleted::{DELETED, Deleted},
    leader_epochs::{self, LeaderEpochs},
    producers::{EndedTransaction, ProducerStates},
    segment::{Segment, SegmentPaths},
    storage::{Entry, Storage},
};

/// What opening a log needs to know.
#[derive(Debug)]
pub(crate) struct LoadLog {
    pub(crate) identity: LogIdentity,
    pub(crate) directory: PathBuf,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) recovery_points: Arc<dyn RecoveryPoints>,
    pub(crate) together: Arc<SyncTogether>,
    pub(crate) deleted: Arc<Deleted>,
    pub(crate) config: LogConfig,
    /// The log was closed in good order.
    pub(crate) clean: bool,
    /// From the checkpoints; 0 when they say nothing.
    pub(crate) recovery_point: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) high_watermark: i64,
}

/// The segments of a log, and where it ends.
struct LoadedSegments {
    segments: Vec<Arc<Segment>>,
    end_offset: i64,
    /// Base offset of the first segment that was recovered.
    recovered: Option<i64>,
}

impl LoadLog {
    /// Opens an empty log in a directory that was just made. Nothing is written.
    pub(crate) fn create(self) -> Log {
        let segment = Segment::new(Arc::clone(&self.storage), &self.directory, 0);
        let loaded = LoadedSegments {
            segments: vec![Arc::new(segment)],
            end_offset: 0,
            recovered: None,
        };
        self.assemble(loaded, LeaderEpochs::default(), false)
    }

    /// Opens a log that was found.
    pub(crate) fn load(self) -> Result<Log, LogError> {
        let directory = self.directory.clone();
        self.load_files().map_err(|error| LogError::storage(directory, error))?
    }

    fn load_files(self) -> io::Result<Result<Log, LogError>> {
        let mut entries = self.storage.list(&self.directory)?;
        if self.finish_swaps(&entries)? {
            entries = self.storage.list(&self.directory)?;
        }
        self.remove_leftovers(&entries)?;
        let mut epochs = self.load_epochs()?;
        let mut loaded = self.load_segments(&entries, &mut epochs)?;
        if self.log_start_offset > loaded.end_offset {
            // The records in front of the log start are all that is left: they must not be seen again.
            for segment in loaded.segments.iter().rev() {
                segment.delete()?;
            }
            let segment = Segment::new(Arc::clone(&self.storage), &self.directory, self.log_start_offset);
            segment.create_file()?;
            loaded.segments = vec![Arc::new(segment)];
            loaded.end_offset = self.log_start_offset;
            epochs.clear();
        }
        epochs.truncate_from_end(loaded.end_offset);
        let recovered = loaded.recovered;
        let (end_offset, recovery_point) = (loaded.end_offset, self.recovery_point);
        let log = self.assemble(loaded, epochs, true);
        log.epochs.lock().truncate_from_start(log.log_start_offset());
        let producers = log.load_producers(end_offset, recovered)?;
        *log.writer.lock() = producers;
        if recovered.is_some()
            && let Err(error) = log.flush()
        {
            return Ok(Err(error));
        }
        if recovery_point > end_offset {
            // Records are gone that were safe. What takes their offsets is not safe for that.
            log.recovery_points.lower(&log.identity, end_offset)?;
        }
        Ok(Ok(log))
    }

    fn assemble(self, loaded: LoadedSegments, epochs: LeaderEpochs, found: bool) -> Log {
        let first = loaded.segments.first().map_or(0, |segment| segment.base_offset());
        let start = self.log_start_offset.max(first);
        let end = loaded.end_offset;
        // What recovery read is flushed by the caller; until then only the checkpoint is believed.
        let flushed = if loaded.recovered.is_some() {
            self.recovery_point.min(end).max(start)
        } else {
            end
        };
        Log {
            identity: self.identity,
            directory: self.directory,
            storage: self.storage,
            recovery_points: self.recovery_points,
            together: self.together,
            is_new: !found,
            deleted: self.deleted,
            config: RwLock::new(Arc::new(self.config)),
            writer: Mutex::new(ProducerStates::default()),
            flushing: Mutex::new(()),
            segments: RwLock::new(Arc::new(loaded.segments)),
            epochs: Mutex::new(epochs),
            log_start_offset: AtomicI64::new(start),
            log_end_offset: AtomicI64::new(end),
            flushed_offset: AtomicI64::new(flushed),
            unsettled_cut: AtomicI64::new(i64::MAX),
            high_watermark: AtomicI64::new(self.high_watermark.clamp(start, end)),
            first_unstable_offset: AtomicI64::new(i64::MAX),
            first_uncommitted_marker: AtomicI64::new(i64::MAX),
            snapshot_offset: AtomicI64::new(-1),
            // One that was closed without records has never been flushed, and neither has what says whose it is.
            directory_settled: AtomicBool::new(found && self.clean && end > start),
            cleaned_offset: AtomicI64::new(start),
            cuts: AtomicU64::new(0),
            compacting: Mutex::new(()),
            offline: Arc::new(AtomicBool::new(false)),
            closed: AtomicBool::new(false),
        }
    }

    /// Removes what an interrupted deletion left, and indexes without a log.
    fn remove_leftovers(&self, entries: &[Entry]) -> io::Result<()> {
        let logs: BTreeSet<&str> = entries
            .iter()
            .filter_map(|entry| entry.name.strip_suffix(".log"))
            .collect();
        for entry in entries.iter().filter(|entry| !entry.is_dir) {
            let stale = [DELETED, ".cleaned", ".swap", ".tmp"]
                .iter()
                .any(|suffix| entry.name.ends_with(suffix));
            let orphan = [".index", ".timeindex", ".txnindex"]
                .iter()
                .filter_map(|suffix| entry.name.strip_suffix(suffix))
                .any(|stem| !logs.contains(stem));
            if stale || orphan {
                self.storage.remove_file(&self.directory.join(&entry.name))?;
            }
        }
        Ok(())
    }

    fn load_epochs(&self) -> io::Result<LeaderEpochs> {
        match self.storage.read(&self.directory.join(leader_epochs::FILE_NAME)) {
            Ok(bytes) => {
                let parsed = String::from_utf8(bytes).map_err(|error| error.to_string());
                // A torn file is made anew from the batches.
                let mut epochs = parsed.and_then(|text| LeaderEpochs::parse(&text)).unwrap_or_default();
                if !self.clean {
                    epochs.mark_unsynced();
                }
                Ok(epochs)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LeaderEpochs::default()),
            Err(error) => Err(error),
        }
    }

    fn load_segments(&self, entries: &[Entry], epochs: &mut LeaderEpochs) -> io::Result<LoadedSegments> {
        let mut bases: Vec<i64> = entries
            .iter()
            .filter_map(|entry| offset_of(&entry.name, ".log"))
            .collect();
        bases.sort_unstable();
        let mut segments: Vec<Arc<Segment>> = Vec::with_capacity(bases.len().max(1));
        let mut end_offset = 0;
        let mut recovered = None;
        let mut damaged = false;
        for (index, base_offset) in bases.iter().enumerate() {
            let segment = Segment::new(Arc::clone(&self.storage), &self.directory, *base_offset);
            if damaged || (index > 0 && *base_offset < end_offset) {
                tracing::warn!(
                    path = %self.directory.display(), base_offset, "segment behind a damaged one removed"
                );
                segment.delete()?;
                continue;
            }
            let next = bases.get(index + 1).copied();
            let trusted = self.clean || next.is_some_and(|next| next <= self.recovery_point);
            let loaded = if trusted {
                self.try_load(&segment, next.is_none())?
            } else {
                None
            };
            match loaded {
                Some(loaded_end) => end_offset = loaded_end.or(next).unwrap_or(*base_offset),
                None => {
                    recovered = recovered.or(Some(*base_offset));
                    (end_offset, damaged) = self.recover(&segment, epochs)?;
                }
            }
            segments.push(Arc::new(segment));
        }
        if segments.is_empty() {
            let base_offset = self.log_start_offset;
            segments.push(Arc::new(Segment::new(
                Arc::clone(&self.storage),
                &self.directory,
                base_offset,
            )));
            end_offset = base_offset;
        }
        Ok(LoadedSegments {
            segments,
            end_offset,
            recovered,
        })
    }

    /// `None` asks for recovery.
    fn try_load(&self, segment: &Segment, is_last: bool) -> io::Result<Option<Option<i64>>> {
        match segment.load(is_last) {
            Ok(end_offset) => Ok(Some(end_offset)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn recover(&self, segment: &Segment, epochs: &mut LeaderEpochs) -> io::Result<(i64, bool)> {
        let recovered = segment.recover(self.config.index_interval_bytes, |header| {
            epochs.recover(header.partition_leader_epoch, header.base_offset..=header.last_offset());
        })?;
        let damaged = recovered.truncated_bytes > 0;
        if damaged {
            let reason = recovered.error.as_ref().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(
                path = %self.directory.display(),
                base_offset = segment.base_offset(),
                truncated_bytes = recovered.truncated_bytes,
                end_offset = recovered.end_offset,
                reason,
                "log cut off behind its last whole batch"
            );
        }
        Ok((recovered.end_offset, damaged))
    }
}

/// The offset in a file name such as `00000000000000000000.log`.
pub(super) fn offset_of(name: &str, suffix: &str) -> Option<i64> {
    let digits = name.strip_suffix(suffix)?;
    if digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

impl Log {
    /// The state of the producers at `end_offset`: the newest good snapshot, and the batches after it. Snapshots that are newer
    /// are removed. From `recovered` on, the indexes of aborted transactions are made anew.
    pub(super) fn load_producers(&self, end_offset: i64, recovered: Option<i64>) -> io::Result<ProducerStates> {
        // A snapshot does not say which markers it has seen, and has only the last batch of a producer. Those above the high
        // watermark have to be known, so they are looked at once more.
        let early = recovered.unwrap_or(end_offset).min(self.high_watermark());
        let (mut producers, from) = self.load_snapshot(end_offset, early)?;
        self.replay(&mut producers, from, end_offset, |segment, ended| {
            if !ended.committed && recovered.is_some_and(|base| ended.last_offset >= base) {
                segment.note_aborted(ended.into());
            }
        })?;
        let (mut newest, newest_from) = self.load_snapshot(end_offset, end_offset)?;
        if newest_from > from {
            // Compaction may have taken batches away that the older one would have to see.
            self.replay(&mut newest, newest_from, end_offset, |_, _| {})?;
            newest.transactions.take_ended(&producers.transactions);
            newest.recall(&producers);
            producers = newest;
        }
        self.snapshot_offset.store(newest_from.unwrap_or(-1), Ordering::Release);
        producers.transactions.committed(self.high_watermark());
        self.publish_unstable(&producers);
        Ok(producers)
    }

    /// Takes the batches from `from` on into account, also those that are below the log start: a snapshot that has not seen them would
    /// contradict what comes after.
    fn replay(
        &self,
        producers: &mut ProducerStates,
        from: Option<i64>,
        end_offset: i64,
        mut each: impl FnMut(&Segment, EndedTransaction),
    ) -> io::Result<()> {
        let mut from = from.unwrap_or(-1).max(self.first_base_offset());
        for segment in self.segments().iter() {
            if from >= end_offset {
                break;
            }
            let Some((_, position)) = segment.find(from)? else {
                continue;
            };
            for item in segment.headers(position) {
                let (header, position) = item?;
                let marker = if header.is_control() {
                    segment.marker(&header, position)?
                } else {
                    None
                };
                if let Some(ended) = producers.apply(&header, marker) {
                    each(segment, ended);
                }
                from = header.next_offset();
            }
        }
        Ok(())
    }

    /// Where the oldest segment begins: not above the log start.
    pub(super) fn first_base_offset(&self) -> i64 {
        self.segments().first().map_or(0, |segment| segment.base_offset())
    }

    /// Offsets of all snapshots of the producers, ascending.
    pub(super) fn snapshot_offsets(&self) -> io::Result<Vec<i64>> {
        let entries = self.storage.list(&self.directory)?;
        let mut offsets: Vec<i64> = entries
            .iter()
            .filter_map(|entry| offset_of(&entry.name, ".snapshot"))
            .collect();
        offsets.sort_unstable();
        Ok(offsets)
    }

    /// The newest good snapshot not above `newest`, and its offset.
    fn load_snapshot(&self, end_offset: i64, newest: i64) -> io::Result<(ProducerStates, Option<i64>)> {
        for offset in self.snapshot_offsets()?.into_iter().rev() {
            let path = SegmentPaths::new(Path::new(&self.directory), offset).snapshot();
            let snapshot = if offset > end_offset || offset < self.first_base_offset() {
                // Of a log that was longer, or of batches that are gone, and with them what came after.
                None
            } else if offset > newest {
                continue;
            } else {
                read_snapshot(&*self.storage, &path)?
            };
            match snapshot {
                Some(snapshot) => return Ok((snapshot, Some(offset))),
                None => self.storage.remove_file(&path)?,
            }
        }
        Ok((ProducerStates::default(), None))
    }
}

fn read_snapshot(storage: &dyn Storage, path: &Path) -> io::Result<Option<ProducerStates>> {
    storage.read(path).map(|bytes| ProducerStates::from_snapshot(&bytes))
}
