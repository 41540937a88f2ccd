//! Merging: closed segments that compaction has left small become one, as those of Kafka's `LogCleaner` do; otherwise a topic that keeps
//! few keys for years would have a file for each segment it ever had.
//!
//! A crash at any point leaves the old segments or the new one, whole. The new file is written beside the old ones and gets the
//! suffix `.swap`, as Kafka's has: from then on it counts, and the old ones go. Who finds it after a restart goes on from there.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use kafka_codec::record_batch::BatchHeader;

use super::{
    compact::{visit, write_out},
    load::{LoadLog, offset_of},
    log::Log,
};
use crate::{
    LogConfig, LogError,
    segment::{Segment, SegmentPaths},
    storage::{Entry, Storage},
};

/// So many segments are merged also when that copies one that is large already.
const MANY: usize = 10;

/// Segments that stand one behind the other, and would be one within the bounds of the configuration.
#[derive(Default)]
struct Group {
    segments: Vec<Arc<Segment>>,
    bytes: u64,
    index_bytes: u64,
}

impl Group {
    fn takes(&self, segment: &Segment, end_offset: i64, config: &LogConfig) -> bool {
        let Some(first) = self.segments.first() else {
            return true;
        };
        segment.size() > 0
            && self.bytes + segment.size() <= config.segment_bytes
            && self.index_bytes + segment.index_bytes() <= config.segment_index_bytes
            && end_offset - first.base_offset() <= i64::from(i32::MAX)
    }

    fn push(&mut self, segment: &Arc<Segment>) {
        self.bytes += segment.size();
        self.index_bytes += segment.index_bytes();
        self.segments.push(Arc::clone(segment));
    }

    fn of(segments: &[Arc<Segment>]) -> Self {
        let mut group = Self::default();
        segments.iter().for_each(|segment| group.push(segment));
        group
    }

    /// Itself where so much is small that it is worth copying what is not, else what is beside its largest one: each byte is copied a
    /// few times in its life only.
    fn worth_it(self) -> Vec<Self> {
        let sizes = self.segments.iter().map(|segment| segment.size());
        let Some((largest, at)) = sizes.zip(0..).max().filter(|_| self.segments.len() > 1) else {
            return Vec::new();
        };
        if self.segments.len() >= MANY || largest / 4 <= self.bytes - largest {
            return vec![self];
        }
        let (before, behind) = (&self.segments[..at], &self.segments[at + 1..]);
        [before, behind]
            .into_iter()
            .flat_map(|part| Self::of(part).worth_it())
            .collect()
    }
}

/// The groups among the closed segments below `end_offset` that are worth it.
fn groups(segments: &[Arc<Segment>], end_offset: i64, config: &LogConfig) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    for (segment, next) in segments.iter().zip(segments.iter().skip(1)) {
        if next.base_offset() > end_offset {
            break;
        }
        match groups.last_mut() {
            Some(group) if group.takes(segment, next.base_offset(), config) => group.push(segment),
            _ => groups.push(Group::of(std::slice::from_ref(segment))),
        }
    }
    groups.into_iter().flat_map(Group::worth_it).collect()
}

impl Log {
    /// Merges what is small below `end_offset`, unless the log is cut after so many cuts, and answers how many bytes that has copied; to
    /// be called by who compacts. A full disk leaves the log as it was.
    pub(super) fn merge(&self, end_offset: i64, config: &LogConfig, cuts: u64) -> Result<u64, LogError> {
        let mut copied = 0;
        for group in groups(&self.segments(), end_offset, config) {
            let merged = self
                .write_merged(&group.segments, config)
                .map_err(|source| LogError::storage(&self.directory, source))?;
            if !self.replace_group(&group.segments, &merged, cuts)? {
                // Retention or a cut was faster; what is left is looked at the next time.
                break;
            }
            copied += group.bytes;
        }
        Ok(copied)
    }

    /// Writes all batches of the segments to files beside them, on the medium when this returns.
    fn write_merged(&self, group: &[Arc<Segment>], config: &LogConfig) -> io::Result<Segment> {
        let base_offset = group.first().map_or(0, |first| first.base_offset());
        let merged = self.create_cleaned(base_offset)?;
        let written = copy(group, &merged, config);
        if written.is_err() {
            // It is a left-over otherwise, and the disk may be full.
            let _ = merged.delete();
        }
        written.map(|()| merged)
    }

    /// Puts the merged one in the place of the segments; false when they are not there any more as they were.
    fn replace_group(&self, group: &[Arc<Segment>], merged: &Segment, cuts: u64) -> Result<bool, LogError> {
        let _flushing = self.flushing.lock();
        self.expect_online()?;
        let segments = self.segments();
        let first = segments
            .iter()
            .position(|segment| segment.base_offset() == merged.base_offset());
        let are_there = |first: &usize| {
            let there = segments.get(*first..first + group.len()).unwrap_or_default();
            first + group.len() < segments.len() && there.iter().zip(group).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let is_cut = self.cuts.load(Ordering::Acquire) != cuts;
        let Some(first) = first.filter(|first| are_there(first) && !is_cut) else {
            merged.delete().map_err(|error| self.failed(error))?;
            return Ok(false);
        };
        let new = Segment::new(Arc::clone(&self.storage), &self.directory, merged.base_offset());
        self.swap(group, merged, &new).map_err(|source| {
            // Some of the old files may be gone and the new one not be loaded: what is known of the log is not true any more.
            self.take_offline();
            LogError::Storage {
                path: self.directory.clone(),
                source,
            }
        })?;
        // As they are now: whoever appends may have begun the next one meanwhile. None is taken away while this has the flushing lock,
        // so the group is where it was.
        let mut segments = self.segments.write();
        let mut others = Vec::clone(&segments);
        others.splice(first..first + group.len(), [Arc::new(new)]);
        *segments = Arc::new(others);
        Ok(true)
    }

    fn swap(&self, group: &[Arc<Segment>], merged: &Segment, new: &Segment) -> io::Result<()> {
        let storage = &*self.storage;
        for old in group {
            old.supersede()?;
        }
        let (from, to) = (merged.paths(), new.paths());
        storage.rename(&from.log(), &to.swap())?;
        storage.sync_dir(&self.directory)?;
        for old in group.iter().skip(1) {
            remove(storage, old.paths())?;
        }
        take_place(storage, to)?;
        storage.rename(&from.offset_index(), &to.offset_index())?;
        storage.rename(&from.time_index(), &to.time_index())?;
        if !merged.aborted(|_| false) {
            storage.rename(&from.transaction_index(), &to.transaction_index())?;
        }
        storage.sync_dir(&self.directory)?;
        new.load(false).map(drop)
    }
}

fn copy(group: &[Arc<Segment>], merged: &Segment, config: &LogConfig) -> io::Result<()> {
    let mut waiting: Vec<(BatchHeader, Bytes)> = Vec::new();
    let mut bytes = 0;
    merged.create_file()?;
    for segment in group {
        visit(segment, config, |batch| {
            bytes += batch.bytes().len();
            waiting.push((*batch.header(), Bytes::copy_from_slice(batch.bytes())));
            if bytes >= config.cleaner.io_bytes {
                write_out(merged, &mut waiting, config)?;
                bytes = 0;
            }
            Ok(true)
        })?;
        segment.aborted(|aborted| {
            merged.note_aborted(*aborted);
            true
        });
    }
    write_out(merged, &mut waiting, config)?;
    merged.seal()?;
    merged.sync()?;
    merged.sync_indexes()
}

/// Removes a segment's files without closing them: whoever reads goes on.
fn remove(storage: &dyn Storage, paths: &SegmentPaths) -> io::Result<()> {
    storage.remove_file(&paths.log())?;
    storage.remove_file(&paths.snapshot())?;
    remove_indexes(storage, paths)
}

fn remove_indexes(storage: &dyn Storage, paths: &SegmentPaths) -> io::Result<()> {
    storage.remove_file(&paths.offset_index())?;
    storage.remove_file(&paths.time_index())?;
    storage.remove_file(&paths.transaction_index())
}

/// The merged file takes the place of the first one of those that it is made of; the others are gone.
fn take_place(storage: &dyn Storage, paths: &SegmentPaths) -> io::Result<()> {
    // An index of the old file would point into the middle of batches of the new one.
    remove_indexes(storage, paths)?;
    storage.sync_dir(paths.directory())?;
    storage.rename(&paths.swap(), &paths.log())
}

impl LoadLog {
    /// Ends what a crash has interrupted: the segments that a merged one is made of go, and it takes their place. Its indexes are
    /// made anew. True when there was something to do.
    pub(super) fn finish_swaps(&self, entries: &[Entry]) -> io::Result<bool> {
        let bases: Vec<i64> = entries
            .iter()
            .filter_map(|entry| offset_of(&entry.name, ".log"))
            .collect();
        let mut any = false;
        for base_offset in entries.iter().filter_map(|entry| offset_of(&entry.name, ".log.swap")) {
            let swap = Segment::swapped(Arc::clone(&self.storage), &self.directory, base_offset);
            let found = swap.recover(self.config.index_interval_bytes, |_| {})?;
            if let Some(reason) = found.error {
                tracing::warn!(path = %self.directory.display(), base_offset, %reason, "merged segment is damaged");
            }
            let is_part = |other: &&i64| **other > base_offset && **other < found.end_offset;
            for part in bases.iter().filter(is_part) {
                remove(&*self.storage, &SegmentPaths::new(&self.directory, *part))?;
            }
            take_place(&*self.storage, &SegmentPaths::new(&self.directory, base_offset))?;
            self.storage.sync_dir(&self.directory)?;
            tracing::info!(path = %self.directory.display(), base_offset, "merged segment took its place");
            any = true;
        }
        Ok(any)
    }
}
