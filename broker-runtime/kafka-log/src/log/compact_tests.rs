//! Compaction against a model: what it may remove, what it must not, and what a restart finds at any moment.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::record_batch::{Compression, RecordBatchBuilder, batches};
use proptest::prelude::*;

use crate::{
    CleanerBuffers, CleanupPolicy, Log, LogConfig, LogError,
    storage::{Disk, FaultyDisk},
    testing::{NOW_MS, Opened, as_leader, bytes, maybe_encrypted, open},
};

const DELETE_RETENTION_MS: i64 = 1000;

pub(super) fn compacted() -> LogConfig {
    LogConfig {
        segment_bytes: 400,
        index_interval_bytes: 60,
        cleanup_policy: CleanupPolicy {
            delete: false,
            compact: true,
        },
        min_cleanable_dirty_permille: 0,
        delete_retention_ms: DELETE_RETENTION_MS,
        ..LogConfig::default()
    }
}

/// A record: its key, and its value; a tombstone without.
pub(super) type Entry = (u8, Option<u16>);

pub(super) fn appended(log: &Log, entries: &[Entry], compression: Compression, producer: Option<(i64, i32)>) {
    let mut batch = RecordBatchBuilder::new().compression(compression);
    if let Some((id, sequence)) = producer {
        batch = batch.producer(id, 0, sequence);
    }
    for (key, value) in entries {
        let value = value.map(|value| format!("{value}-{}", "x".repeat(20)));
        batch.append(NOW_MS, Some(&[*key]), value.as_deref().map(str::as_bytes), &[]);
    }
    log.append_as_leader(bytes(batch), as_leader(0)).unwrap();
}

/// Everything is on the medium and committed.
pub(super) fn commit(log: &Log) {
    log.flush().unwrap();
    log.set_high_watermark(log.log_end_offset());
}

/// All records from `offset` on: their keys and values by offset.
pub(super) fn read(log: &Log, offset: i64) -> BTreeMap<i64, (u8, Option<u16>)> {
    let mut found = BTreeMap::new();
    let mut next = offset;
    while next < log.log_end_offset() {
        let chunk = log.read(next, 150, log.log_end_offset(), true).unwrap();
        if chunk.is_empty() {
            break;
        }
        for batch in batches(&chunk) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            assert!(batch.header().next_offset() > next, "the log goes on");
            for record in &batch.records(usize::MAX).unwrap() {
                let record = record.unwrap();
                assert_eq!(record.timestamp, NOW_MS);
                let number = |value: &[u8]| {
                    std::str::from_utf8(value)
                        .unwrap()
                        .split('-')
                        .next()
                        .unwrap()
                        .parse()
                        .unwrap()
                };
                if record.offset >= offset {
                    let before = found.insert(record.offset, (record.key.unwrap()[0], record.value.map(number)));
                    assert!(before.is_none(), "a record is there twice");
                }
            }
            next = batch.header().next_offset();
        }
    }
    found
}

/// What has been appended, and what of it has to be there.
#[derive(Default)]
pub(super) struct Model {
    pub(super) all: Vec<Entry>,
}

impl Model {
    /// Nothing is there that was not written, and of each key the last record is, unless it is a tombstone.
    pub(super) fn check(&self, log: &Log) {
        assert_eq!(log.log_start_offset(), 0);
        assert_eq!(log.log_end_offset(), i64::try_from(self.all.len()).unwrap());
        let found = read(log, 0);
        for (offset, entry) in &found {
            assert_eq!(self.all[usize::try_from(*offset).unwrap()], *entry);
        }
        let mut last: BTreeMap<u8, i64> = BTreeMap::new();
        for (offset, (key, _)) in (0..).zip(&self.all) {
            last.insert(*key, offset);
        }
        for (key, offset) in last {
            let is_tombstone = self.all[usize::try_from(offset).unwrap()].1.is_none();
            assert!(
                is_tombstone || found.contains_key(&offset),
                "key {key} has lost its value at {offset}"
            );
            // A tombstone goes after all that it deletes.
            let older = found.iter().any(|(other, (it, _))| *it == key && *other < offset);
            assert!(found.contains_key(&offset) || !older, "key {key} is back from the dead");
        }
        for offset in [1, 7, 20] {
            assert_eq!(
                read(log, offset),
                found.range(offset..).map(|(at, it)| (*at, *it)).collect()
            );
        }
    }
}

#[test]
fn only_the_last_record_of_each_key_stays() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(Arc::new(Disk), folder.path(), compacted());
    let (log, mut model) = (&opened.log, Model::default());
    for round in 0..40 {
        let entries = [(1, Some(round)), (2, Some(round)), (round as u8 % 5 + 10, Some(round))];
        appended(log, &entries, Compression::None, None);
        model.all.extend(entries);
    }
    assert_eq!(log.compact(NOW_MS).unwrap(), None, "nothing is committed yet");
    commit(log);
    let before = log.size_in_bytes();
    let done = log.compact(NOW_MS).unwrap().unwrap();
    assert!(
        done.segments > 5 && done.bytes_after * 3 < done.bytes_before,
        "{done:?}"
    );
    assert!(log.size_in_bytes() < before / 2);
    model.check(log);
    assert_eq!(log.compact(NOW_MS).unwrap(), None, "nothing is new");
    let closed: Vec<u8> = {
        let active = log.active().base_offset();
        read(log, 0).range(..active).map(|(_, (key, _))| *key).collect()
    };
    let mut once = closed.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), closed.len(), "{closed:?}");
}

/// With room for a few keys and a few bytes a pass gets less far, and all of them together as far as one with much.
#[test]
fn small_buffers_take_more_passes_and_leave_the_same() {
    let found = [
        CleanerBuffers::default(),
        CleanerBuffers {
            keys_bytes: 150,
            io_bytes: 10,
        },
    ]
    .map(|cleaner| {
        let dir = tempfile::tempdir().unwrap();
        let opened = open(Arc::new(Disk), dir.path(), LogConfig { cleaner, ..compacted() });
        let mut model = Model::default();
        for number in 0..60_u16 {
            let entries = [(u8::try_from(number % 11).unwrap(), Some(number)), (200, Some(number))];
            appended(&opened.log, &entries, Compression::None, None);
            model.all.extend(entries);
        }
        commit(&opened.log);
        let mut passes = 0;
        while opened.log.compact(NOW_MS).unwrap().is_some() {
            passes += 1;
            model.check(&opened.log);
        }
        (passes, read(&opened.log, 0))
    });
    assert!(found[0].0 < found[1].0, "{} and {} passes", found[0].0, found[1].0);
    assert_eq!(found[0].1, found[1].1);
}

#[test]
fn tombstones_outlive_what_they_delete() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(Arc::new(Disk), folder.path(), compacted());
    let log = &opened.log;
    appended(log, &[(1, Some(1)), (2, Some(2))], Compression::Lz4, None);
    appended(log, &[(1, None)], Compression::Lz4, None);
    let fill = || {
        for _ in 0..10 {
            appended(log, &[(9, Some(9)), (8, Some(8))], Compression::None, None);
        }
        commit(log);
    };
    fill();
    assert!(log.compact(NOW_MS).unwrap().is_some());
    let found = read(log, 0);
    assert_eq!(found.get(&0), None, "the value is gone");
    assert_eq!(found.get(&2), Some(&(1, None)), "its tombstone is not");
    fill();
    assert!(log.compact(NOW_MS + DELETE_RETENTION_MS - 1).unwrap().is_some());
    assert!(read(log, 0).contains_key(&2));
    fill();
    assert!(log.compact(NOW_MS + DELETE_RETENTION_MS).unwrap().is_some());
    assert!(!read(log, 0).contains_key(&2));
    assert_eq!(read(log, 0).get(&1), Some(&(2, Some(2))));
}

#[test]
fn a_reader_goes_on_in_the_file_it_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(Arc::new(Disk), folder.path(), compacted());
    let log = &opened.log;
    for round in 0..60 {
        appended(log, &[(1, Some(round)), (2, Some(round))], Compression::None, None);
    }
    commit(log);
    let old = log.segments();
    // Its file is open, and then it is not there any more.
    let start = old[1].start(old[1].base_offset()).unwrap().unwrap();
    old[1].read(&start, 1, i64::MAX, true).unwrap();
    log.compact(NOW_MS).unwrap().unwrap();
    for segment in old.iter().take(old.len() - 1) {
        let first = segment.base_offset();
        let (header, _) = segment.find(first + 1).unwrap().unwrap();
        assert!(header.base_offset <= first + 1 && header.last_offset() > first);
        assert_eq!(
            segment.find_timestamp(NOW_MS, first).unwrap().map(|it| it.0),
            Some(first)
        );
    }
}

#[test]
fn young_records_and_the_ratio_are_respected() {
    let folder = tempfile::tempdir().unwrap();
    let patient = LogConfig {
        min_compaction_lag_ms: 500,
        min_cleanable_dirty_permille: 900,
        ..compacted()
    };
    let opened = open(Arc::new(Disk), folder.path(), patient);
    let log = &opened.log;
    let fill = || {
        for round in 0..20 {
            appended(
                log,
                &[(1, Some(round)), (round as u8 + 10, Some(round))],
                Compression::None,
                None,
            );
        }
        commit(log);
    };
    fill();
    assert_eq!(log.compact(NOW_MS + 499).unwrap(), None);
    assert!(log.compact(NOW_MS + 500).unwrap().is_some());
    fill();
    assert_eq!(log.compact(NOW_MS + 500).unwrap(), None, "less than 90 % are new");
    log.configure(LogConfig {
        max_compaction_lag_ms: 100,
        ..LogConfig::clone(&log.config())
    });
    assert!(
        log.compact(NOW_MS + 500).unwrap().is_some(),
        "but it has waited for too long"
    );
}

#[test]
fn the_last_batch_of_a_producer_is_known_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(Arc::new(Disk), folder.path(), compacted());
    appended(&opened.log, &[(1, Some(1))], Compression::None, Some((77, 0)));
    appended(&opened.log, &[(1, Some(2))], Compression::None, Some((77, 1)));
    for round in 0..30 {
        appended(&opened.log, &[(1, Some(round))], Compression::None, None);
    }
    commit(&opened.log);
    opened.log.compact(NOW_MS).unwrap().unwrap();
    assert!(!read(&opened.log, 0).contains_key(&0));
    let directory = opened.log.path().to_owned();
    drop(opened);
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snapshot") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let Opened { log, .. } = open(Arc::new(Disk), folder.path(), compacted());
    let producer = log.producers().into_iter().find(|producer| producer.producer_id == 77);
    assert_eq!(producer.map(|producer| producer.last_sequence), Some(1));
}

#[test]
fn retention_goes_on_behind_an_emptied_segment() {
    let folder = tempfile::tempdir().unwrap();
    let both = LogConfig {
        retention_ms: Some(1000),
        cleanup_policy: CleanupPolicy {
            delete: true,
            compact: true,
        },
        ..compacted()
    };
    let opened = open(Arc::new(Disk), folder.path(), both);
    let log = &opened.log;
    for round in 0..40 {
        appended(log, &[(1, Some(round)), (2, Some(round))], Compression::None, None);
    }
    commit(log);
    log.compact(NOW_MS).unwrap().unwrap();
    assert_eq!(log.segments()[0].size(), 0, "the first one is empty and there");
    assert!(log.apply_retention(NOW_MS + 1001).unwrap() > 0);
    assert!(log.log_start_offset() > 0);
    assert_eq!(log.log_end_offset(), 80);
}

/// A log in which much is to go, all of it committed.
fn dirty(disk: &FaultyDisk, path: &std::path::Path) -> (Opened, Model) {
    let opened = open(Arc::new(disk.clone()), path, compacted());
    let mut model = Model::default();
    for round in 0..15 {
        let entries = [
            (1, Some(round)),
            (2, Some(round).filter(|round| round % 3 > 0)),
            (round as u8 + 10, Some(round)),
        ];
        appended(&opened.log, &entries, Compression::None, None);
        model.all.extend(entries);
    }
    commit(&opened.log);
    opened.dir.checkpoint().unwrap();
    (opened, model)
}

#[test]
fn a_stop_at_any_moment_loses_nothing() {
    for power_fails in [false, true] {
        for calls in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let disk = FaultyDisk::default();
            let (opened, model) = dirty(&disk, folder.path());
            disk.stop_after(calls);
            let before = opened.log.segment_count();
            let finished = opened.log.compact(NOW_MS).is_ok();
            drop(opened);
            if power_fails {
                disk.lose_unsynced();
            }
            let opened = open(Arc::new(FaultyDisk::default()), folder.path(), compacted());
            model.check(&opened.log);
            commit(&opened.log);
            opened.log.compact(NOW_MS + 2 * DELETE_RETENTION_MS).unwrap();
            model.check(&opened.log);
            let names = std::fs::read_dir(opened.log.path()).unwrap();
            let left = names.filter(|name| name.as_ref().unwrap().path().to_string_lossy().ends_with(".cleaned"));
            assert_eq!(left.count(), 0);
            assert!(opened.log.segment_count() < before, "small segments are merged");
            if finished {
                assert!(calls > 50, "{calls} calls were enough");
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    for room in (0..2000).step_by(97) {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let (opened, mut model) = dirty(&disk, folder.path());
        disk.set_room(Some(room));
        match opened.log.compact(NOW_MS) {
            Ok(_) => {}
            Err(LogError::NoSpace { .. }) => assert!(!opened.log.is_offline()),
            Err(error) => panic!("{room}: {error:?}"),
        }
        model.check(&opened.log);
        disk.set_room(None);
        appended(&opened.log, &[(1, Some(7))], Compression::None, None);
        model.all.push((1, Some(7)));
        commit(&opened.log);
        opened.log.compact(NOW_MS).unwrap();
        model.check(&opened.log);
    }
}

/// One step of a life.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Entry>, Compression),
    Commit,
    /// So many milliseconds later.
    Compact(i64),
    Restart {
        clean: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let entry = (0_u8..6, proptest::option::weighted(0.8, 0_u16..1000));
    let compression = prop_oneof![Just(Compression::None), Just(Compression::Zstd)];
    prop_oneof![
        6 => (proptest::collection::vec(entry, 1..5), compression).prop_map(|(entries, how)| Step::Append(entries, how)),
        2 => Just(Step::Commit),
        2 => (0..DELETE_RETENTION_MS).prop_map(Step::Compact),
        1 => any::<bool>().prop_map(|clean| Step::Restart { clean }),
    ]
}

/// Of the last batch of a producer the header is enough: a record in it would be there again once the tombstone after it is gone.
#[test]
fn a_deleted_record_does_not_come_back_with_the_last_batch_of_its_producer() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(Arc::new(Disk), folder.path(), compacted());
    appended(&opened.log, &[(1, Some(7))], Compression::None, Some((9, 0)));
    appended(&opened.log, &[(1, None)], Compression::None, None);
    let mut now_ms = NOW_MS;
    for _ in 0..4 {
        (0..20).for_each(|value| appended(&opened.log, &[(2, Some(value))], Compression::None, None));
        commit(&opened.log);
        let _ = opened.log.compact(now_ms).unwrap();
        now_ms += 2 * DELETE_RETENTION_MS;
    }
    drop(opened);
    let opened = open(Arc::new(Disk), folder.path(), compacted());
    assert!(read(&opened.log, 0).values().all(|(key, _)| *key != 1));
    // It is known, and has sent this already.
    let mut again = RecordBatchBuilder::new().producer(9, 0, 0);
    again.append(NOW_MS, Some(&[1]), Some(b"7"), &[]);
    let info = opened.log.append_as_leader(bytes(again), as_leader(0)).unwrap();
    assert_eq!((info.duplicate, info.base_offset), (true, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_that_counts_is_ever_lost(steps in proptest::collection::vec(step(), 10..120), encrypted in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open(maybe_encrypted(Arc::new(FaultyDisk::default()), encrypted), folder.path(), compacted());
        let (mut model, mut now_ms) = (Model::default(), NOW_MS);
        for step in steps {
            match step {
                Step::Append(entries, compression) => {
                    appended(&opened.log, &entries, compression, None);
                    model.all.extend(entries);
                }
                Step::Commit => commit(&opened.log),
                Step::Compact(later) => {
                    now_ms += later;
                    opened.log.compact(now_ms).unwrap();
                    model.check(&opened.log);
                }
                Step::Restart { clean } => {
                    if clean {
                        opened.dir.clean_shutdown(now_ms).unwrap();
                    }
                    drop(opened);
                    opened = open(maybe_encrypted(Arc::new(FaultyDisk::default()), encrypted), folder.path(), compacted());
                    model.check(&opened.log);
                }
            }
        }
        commit(&opened.log);
        opened.log.compact(now_ms).unwrap();
        model.check(&opened.log);
    }
}
