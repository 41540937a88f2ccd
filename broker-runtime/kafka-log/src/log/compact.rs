//! Compaction (`cleanup.policy=compact`; Kafka's `LogCleaner`): of all records of a key only the last one stays, at its offset. Closed
//! segments below the high watermark are rewritten one by one, each in place of the one that was there; appending, flushing and
//! reading go on meanwhile. What an aborted transaction wrote goes; its marker, and that of any other transaction, goes when none
//! of its records has been left for `delete.retention.ms`.
//!
//! A pass has three steps: learn the last offset of each key in what has not been compacted (as many keys as a bounded map takes; the
//! next pass goes on there), find segments in which something is to go, rewrite them. A segment is replaced in such an order
//! that a crash at any point leaves the old one or the new one, whole: its indexes go first, then the new file takes the name
//! of the old one, then the new indexes follow. Loading makes missing indexes anew.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, IoSlice},
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use kafka_codec::record_batch::{BatchHeader, Record, RecordBatch, Retained};

use super::{log::Log, validate::DECOMPRESSED_BYTES_MAX};
use crate::{LogConfig, LogError, segment::Segment};

/// What a key that is learned costs besides its own bytes.
const KEY_OVERHEAD_BYTES: usize = 64;

/// What a pass has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Segments that were rewritten or removed.
    pub segments: usize,
    /// Bytes of them before, and of what is left.
    pub bytes_before: u64,
    /// See `bytes_before`.
    pub bytes_after: u64,
    /// Bytes that were copied to merge small segments.
    pub bytes_merged: u64,
}

/// Last offset of each key that was learned.
#[derive(Debug, Default)]
struct Keys {
    last: HashMap<Box<[u8]>, i64>,
    bytes: usize,
    /// What lies below has been learned.
    end_offset: i64,
}

impl Keys {
    fn learn(&mut self, batch: &RecordBatch<'_>) -> io::Result<()> {
        let records = batch.records(DECOMPRESSED_BYTES_MAX).map_err(damaged)?;
        for record in &records {
            let record = record.map_err(damaged)?;
            let Some(key) = record.key else { continue };
            if let Some(last) = self.last.get_mut(key) {
                *last = record.offset;
            } else {
                self.bytes += key.len() + KEY_OVERHEAD_BYTES;
                self.last.insert(key.into(), record.offset);
            }
        }
        Ok(())
    }

    /// There is a newer record of the key.
    fn supersede(&self, record: &Record<'_>) -> bool {
        let last = record.key.and_then(|key| self.last.get(key));
        last.is_some_and(|last| *last > record.offset)
    }
}

/// A closed segment that may be compacted.
struct Closed {
    segment: Arc<Segment>,
    /// Where the next one begins.
    end_offset: i64,
}

/// What a pass knows while it decides on batches.
struct Pass {
    keys: Keys,
    now_ms: i64,
    delete_horizon_ms: i64,
    /// Epoch and last sequence of the last committed batch of each producer: its header stays, because recovery learns of the producer
    /// from it, and what comes after may be cut off.
    producers: BTreeMap<i64, (i16, i32)>,
    transactions: Transactions,
}

/// What has become of the transactions in the segments that are looked at.
#[derive(Debug, Default)]
struct Transactions {
    /// First and last offsets of aborted ones, by producer.
    aborted: HashMap<i64, Vec<(i64, i64)>>,
    /// Markers of which no record is left.
    emptied: HashSet<i64>,
}

impl Transactions {
    fn is_aborted(&self, header: &BatchHeader) -> bool {
        let aborted = self.aborted.get(&header.producer_id).into_iter().flatten();
        let offset = header.base_offset;
        header.is_transactional()
            && aborted
                .into_iter()
                .any(|(first, last)| (*first..=*last).contains(&offset))
    }
}

impl Pass {
    fn retain(&self, batch: &RecordBatch<'_>) -> io::Result<Retained> {
        let header = batch.header();
        if header.is_control() {
            return self.retain_marker(batch);
        }
        if self.transactions.is_aborted(header) {
            return Ok(self.without_records(batch));
        }
        // A horizon says that the records before the tombstone are gone, so the tombstone has to be among what was learned.
        let horizon = (header.next_offset() <= self.keys.end_offset).then_some(self.delete_horizon_ms);
        let over = header.has_delete_horizon() && header.base_timestamp <= self.now_ms;
        let keep = |record: &Record<'_>| {
            record.key.is_some() && !self.keys.supersede(record) && !(over && record.value.is_none())
        };
        Ok(
            match batch.retain(DECOMPRESSED_BYTES_MAX, horizon, keep).map_err(damaged)? {
                Retained::None => self.without_records(batch),
                left => left,
            },
        )
    }

    /// Of the last batch of a producer its header stays, until the producer has written more or is forgotten; so does the marker of its
    /// transaction.
    fn without_records(&self, batch: &RecordBatch<'_>) -> Retained {
        match batch.header() {
            header if !self.is_last_of_producer(header) => Retained::None,
            header if header.records_count == 0 => Retained::All,
            _ => Retained::Some(batch.without_records()),
        }
    }

    /// A marker of a transaction without records gets a horizon, and goes when that has passed: whoever reads the records that
    /// were there has come by it then.
    fn retain_marker(&self, batch: &RecordBatch<'_>) -> io::Result<Retained> {
        let header = batch.header();
        if !self.transactions.emptied.contains(&header.base_offset) {
            return Ok(Retained::All);
        }
        if !header.has_delete_horizon() {
            let marked = batch.with_delete_horizon(DECOMPRESSED_BYTES_MAX, self.delete_horizon_ms);
            return marked.map(Retained::Some).map_err(damaged);
        }
        Ok(if header.base_timestamp <= self.now_ms {
            Retained::None
        } else {
            Retained::All
        })
    }

    fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        header.has_producer_id()
            && self.producers.get(&header.producer_id) == Some(&(header.producer_epoch, header.last_sequence()))
    }

    /// Something is to go, or a tombstone needs its horizon.
    fn changes(&self, segment: &Segment, config: &LogConfig) -> io::Result<bool> {
        let mut changes = false;
        visit(segment, config, |batch| {
            changes = self.retain(batch)? != Retained::All;
            Ok(!changes)
        })?;
        Ok(changes)
    }
}

impl Log {
    /// Compacts what is due; `None` when nothing is. To be called every few seconds (`log.cleaner.backoff.ms`). One call at
    /// a time does something. A full disk leaves the log as it was.
    pub fn compact(&self, now_ms: i64) -> Result<Option<Compaction>, LogError> {
        let config = self.config();
        let Some(_compacting) = self.compacting.try_lock().filter(|_| config.cleanup_policy.compact) else {
            return Ok(None);
        };
        self.expect_online()?;
        let cuts = self.cuts.load(Ordering::Acquire);
        let closed = self.closed_segments(&config, now_ms);
        let failed = |source| LogError::storage(&self.directory, source);
        if !self.is_due(&closed, &config, now_ms).map_err(failed)? {
            return Ok(None);
        }
        let transactions = self.look_at_transactions(&closed).map_err(failed)?;
        let keys = self.learn(&closed, &transactions, &config).map_err(failed)?;
        let producers = self.writer.lock().last_committed(self.high_watermark());
        let pass = Pass {
            now_ms,
            delete_horizon_ms: now_ms.saturating_add(config.delete_retention_ms),
            producers,
            keys,
            transactions,
        };
        let mut done = Compaction::default();
        for Closed { segment, .. } in &closed {
            if segment.base_offset() >= pass.keys.end_offset {
                break;
            }
            if !pass.changes(segment, &config).map_err(failed)? {
                continue;
            }
            let left = self.rewrite(segment, &pass, &config).map_err(failed)?;
            let (before, after) = (segment.size(), left.size());
            if !self.replace(segment, &left, cuts)? {
                // Retention or a cut was faster; what is left is looked at the next time.
                return Ok(Some(done));
            }
            done.segments += 1;
            done.bytes_before += before;
            done.bytes_after += after;
        }
        done.bytes_merged = self.merge(pass.keys.end_offset, &config, cuts)?;
        let _flushing = self.flushing.lock();
        if self.cuts.load(Ordering::Acquire) == cuts {
            self.cleaned_offset.fetch_max(pass.keys.end_offset, Ordering::AcqRel);
        }
        Ok(Some(done))
    }

    /// The segments that may be looked at, from the first on: closed ones, of which everything is committed and on the medium,
    /// and belongs to no open transaction.
    fn closed_segments(&self, config: &LogConfig, now_ms: i64) -> Vec<Closed> {
        let limit = self
            .last_stable_offset(self.high_watermark())
            .min(self.flushed_offset());
        let youngest = now_ms.saturating_sub(config.min_compaction_lag_ms);
        let segments = self.segments();
        if segments.last().is_none_or(|active| active.size() == 0) {
            // The last record may be in a closed one, and whoever reads up to the end has to come by something there.
            return Vec::new();
        }
        let closed = segments
            .iter()
            .zip(segments.iter().skip(1))
            .map(|(segment, next)| Closed {
                segment: Arc::clone(segment),
                end_offset: next.base_offset(),
            });
        closed
            .take_while(|it| {
                let old_enough = config.min_compaction_lag_ms == 0 || it.segment.max_timestamp().0 <= youngest;
                it.end_offset <= limit && old_enough
            })
            .collect()
    }

    /// Enough of it is new, or something new is too old, or the last pass could not learn all there was.
    fn is_due(&self, closed: &[Closed], config: &LogConfig, now_ms: i64) -> io::Result<bool> {
        let cleaned = self.cleaned_offset.load(Ordering::Acquire);
        let dirty = closed
            .iter()
            .filter(|it| it.end_offset > cleaned && it.segment.size() > 0);
        let dirty: Vec<&Segment> = dirty.map(|it| &*it.segment).collect();
        let Some(first) = dirty.first() else { return Ok(false) };
        let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.sum::<u64>();
        let total = sum(&mut closed.iter().map(|it| it.segment.size()));
        let new = sum(&mut dirty.iter().map(|segment| segment.size()));
        let enough = new.saturating_mul(1000) >= total.saturating_mul(config.min_cleanable_dirty_permille);
        if enough || first.base_offset() < cleaned {
            return Ok(true);
        }
        let oldest = now_ms.saturating_sub(config.max_compaction_lag_ms);
        for segment in dirty {
            if segment
                .first_timestamp()?
                .is_some_and(|first| first >= 0 && first < oldest)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Finds out which transactions were aborted, and of which nothing is left.
    fn look_at_transactions(&self, closed: &[Closed]) -> io::Result<Transactions> {
        let mut found = Transactions::default();
        // The marker of what is in a closed segment may be in a later one.
        for segment in self.segments().iter() {
            segment.aborted(|it| {
                let of_producer = found.aborted.entry(it.producer_id).or_default();
                of_producer.push((it.first_offset, it.last_offset));
                true
            });
        }
        let mut with_records = HashSet::new();
        for Closed { segment, .. } in closed {
            for item in segment.headers(0) {
                let (header, _) = item?;
                if header.is_control() {
                    if !with_records.remove(&header.producer_id) {
                        found.emptied.insert(header.base_offset);
                    }
                } else if header.is_transactional() {
                    with_records.insert(header.producer_id);
                }
            }
        }
        Ok(found)
    }

    /// Learns the keys of what has not been compacted, whole batches, until there is no room for more.
    fn learn(&self, closed: &[Closed], transactions: &Transactions, config: &LogConfig) -> io::Result<Keys> {
        let cleaned = self.cleaned_offset.load(Ordering::Acquire);
        let mut keys = Keys::default();
        for Closed { segment, end_offset } in closed.iter().filter(|it| it.end_offset > cleaned) {
            let whole = visit(segment, config, |batch| {
                let header = batch.header();
                if header.next_offset() <= cleaned {
                    return Ok(true);
                }
                if keys.bytes >= config.cleaner.keys_bytes {
                    return Ok(false);
                }
                if !header.is_control() && !transactions.is_aborted(header) {
                    keys.learn(batch)?;
                }
                keys.end_offset = header.next_offset();
                Ok(true)
            })?;
            if !whole {
                break;
            }
            keys.end_offset = *end_offset;
        }
        Ok(keys)
    }

    /// Writes what is left of a segment to files beside it, on the medium when this returns.
    fn rewrite(&self, segment: &Segment, pass: &Pass, config: &LogConfig) -> io::Result<Segment> {
        let left = self.create_cleaned(segment.base_offset())?;
        let written = self.write_left(segment, &left, pass, config);
        if written.is_err() {
            // It is a left-over otherwise, and the disk may be full.
            let _ = left.delete();
        }
        written.map(|()| left)
    }

    fn write_left(&self, segment: &Segment, left: &Segment, pass: &Pass, config: &LogConfig) -> io::Result<()> {
        let mut waiting: Vec<(BatchHeader, Bytes)> = Vec::new();
        let mut bytes = 0;
        let mut gone: HashSet<i64> = HashSet::new();
        left.create_file()?;
        visit(segment, config, |batch| {
            let kept = match pass.retain(batch)? {
                Retained::None => {
                    gone.insert(batch.header().base_offset);
                    return Ok(true);
                }
                Retained::All => Bytes::copy_from_slice(batch.bytes()),
                Retained::Some(kept) => kept.freeze(),
            };
            bytes += kept.len();
            let header = BatchHeader::parse(&kept).map_err(damaged)?;
            waiting.push((header, kept));
            if bytes >= config.cleaner.io_bytes {
                write_out(left, &mut waiting, config)?;
                bytes = 0;
            }
            Ok(true)
        })?;
        write_out(left, &mut waiting, config)?;
        // A reader that is told of an aborted transaction waits for its marker: both go together.
        segment.aborted(|aborted| {
            if !gone.contains(&aborted.last_offset) {
                left.note_aborted(*aborted);
            }
            true
        });
        left.seal()?;
        left.sync()?;
        left.sync_indexes()
    }

    /// Puts what is left in the place of a segment; false when the segment is not there any more as it was, after so many cuts.
    fn replace(&self, old: &Arc<Segment>, left: &Segment, cuts: u64) -> Result<bool, LogError> {
        let _flushing = self.flushing.lock();
        self.expect_online()?;
        let segments = self.segments();
        let there = segments.iter().position(|segment| Arc::ptr_eq(segment, old));
        let is_cut = self.cuts.load(Ordering::Acquire) != cuts;
        let Some(index) = there.filter(|index| index + 1 < segments.len() && !is_cut) else {
            left.delete().map_err(|error| self.failed(error))?;
            return Ok(false);
        };
        // The first one stays, also empty: the log begins there.
        let new = if left.size() == 0 && index > 0 {
            None
        } else {
            Some(Arc::new(Segment::new(
                Arc::clone(&self.storage),
                &self.directory,
                old.base_offset(),
            )))
        };
        let moved = self.move_files(old, left, new.as_deref());
        moved.map_err(|source| {
            // The old file may be gone and the new one not be loaded: what is known of the log is not true any more.
            self.take_offline();
            LogError::Storage {
                path: self.directory.clone(),
                source,
            }
        })?;
        let mut segments = self.segments.write();
        let others = segments.iter().filter_map(|segment| {
            if Arc::ptr_eq(segment, old) {
                new.clone()
            } else {
                Some(Arc::clone(segment))
            }
        });
        *segments = Arc::new(others.collect());
        Ok(true)
    }

    fn move_files(&self, old: &Segment, left: &Segment, new: Option<&Segment>) -> io::Result<()> {
        let storage = &*self.storage;
        old.supersede()?;
        let paths = old.paths();
        let Some(new) = new else {
            storage.remove_file(&paths.log())?;
            storage.remove_file(&paths.offset_index())?;
            storage.remove_file(&paths.time_index())?;
            storage.remove_file(&paths.transaction_index())?;
            storage.remove_file(&paths.snapshot())?;
            left.delete()?;
            return storage.sync_dir(&self.directory);
        };
        // An index of the old file would point into the middle of batches of the new one.
        storage.remove_file(&paths.offset_index())?;
        storage.remove_file(&paths.time_index())?;
        storage.remove_file(&paths.transaction_index())?;
        storage.sync_dir(&self.directory)?;
        storage.rename(&left.paths().log(), &paths.log())?;
        storage.rename(&left.paths().offset_index(), &paths.offset_index())?;
        storage.rename(&left.paths().time_index(), &paths.time_index())?;
        if !left.aborted(|_| false) {
            storage.rename(&left.paths().transaction_index(), &paths.transaction_index())?;
        }
        storage.sync_dir(&self.directory)?;
        new.load(false).map(drop)
    }
}

/// Visits the batches of a segment until `each` says that it is enough; true when it has seen all.
pub(super) fn visit(
    segment: &Segment,
    config: &LogConfig,
    mut each: impl FnMut(&RecordBatch<'_>) -> io::Result<bool>,
) -> io::Result<bool> {
    let (mut whole, end) = (true, segment.size());
    let scanned = segment.scan(end, config.cleaner.io_bytes, |batch, _| {
        batch.verify_crc().map_err(damaged)?;
        whole = each(batch)?;
        if whole {
            Ok(Ok(()))
        } else {
            // Ends the walk, and means nothing.
            Err(io::ErrorKind::Interrupted.into())
        }
    });
    if !whole {
        return Ok(false);
    }
    let scanned = scanned?;
    match scanned.error {
        Some(error) => Err(damaged(error)),
        None if scanned.position < end => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Ok(true),
    }
}

pub(super) fn write_out(left: &Segment, waiting: &mut Vec<(BatchHeader, Bytes)>, config: &LogConfig) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = waiting.iter().map(|(_, bytes)| IoSlice::new(bytes)).collect();
    let headers: Vec<BatchHeader> = waiting.iter().map(|(header, _)| *header).collect();
    if !headers.is_empty() {
        left.append(&mut slices, &headers, config.index_interval_bytes)?;
    }
    waiting.clear();
    Ok(())
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
