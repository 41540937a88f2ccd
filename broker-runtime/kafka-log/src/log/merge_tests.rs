//! Segments that compaction leaves small.

use std::sync::Arc;

use kafka_codec::record_batch::Compression;

use super::compact_tests::{Entry, Model, appended, commit, compacted, read};
use crate::{
    LogConfig,
    storage::{Disk, FaultyDisk},
    testing::{NOW_MS, open},
};

/// Two keys that change, and one that is new, in every round.
fn round(number: u16) -> [Entry; 3] {
    let new = u8::try_from(number).unwrap() + 10;
    [(1, Some(number)), (2, Some(number)), (new, Some(number))]
}

#[test]
fn what_is_left_of_many_segments_is_in_few() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig {
        segment_bytes: 4000,
        ..compacted()
    };
    let mut model = Model::default();
    {
        let opened = open(Arc::new(Disk), folder.path(), compacted());
        for number in 0..120 {
            appended(&opened.log, &round(number), Compression::None, None);
            model.all.extend(round(number));
        }
        commit(&opened.log);
        opened.log.configure(config.clone());
        let before = opened.log.segment_count();
        let done = opened.log.compact(NOW_MS).unwrap().unwrap();
        let segments = opened.log.segments();
        let closed = &segments[..segments.len() - 1];
        let left: u64 = closed.iter().map(|segment| segment.size()).sum();
        assert_eq!(done.bytes_merged, left, "each byte is copied once");
        assert!(
            before > 50 && closed.len() < 8,
            "{before} segments are {} now",
            closed.len()
        );
        assert!(closed.iter().all(|segment| segment.size() <= config.segment_bytes));
        for pair in closed.windows(2) {
            assert!(
                pair[0].size() + pair[1].size() > config.segment_bytes / 2,
                "neighbours are small"
            );
        }
        model.check(&opened.log);
        opened.dir.clean_shutdown(NOW_MS).unwrap();
    }
    let reopened = open(Arc::new(Disk), folder.path(), config);
    model.check(&reopened.log);
}

#[test]
fn what_is_large_is_not_copied_for_what_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig {
        segment_bytes: 3000,
        ..compacted()
    };
    let opened = open(Arc::new(Disk), folder.path(), config.clone());
    let log = &opened.log;
    // Nothing of it is ever superseded.
    for key in 0..20 {
        appended(log, &[(key, Some(1))], Compression::None, None);
    }
    log.configure(compacted());
    for number in 0..3 {
        appended(
            log,
            &[(100, Some(number)), (101, Some(number))],
            Compression::None,
            None,
        );
    }
    for number in 0..6 {
        appended(
            log,
            &[(102, Some(number)), (103, Some(number))],
            Compression::None,
            None,
        );
    }
    commit(log);
    log.configure(config);
    let first = log.segments()[0].clone();
    assert!(first.size() > 1500, "{}", first.size());
    let before = log.segment_count();
    log.compact(NOW_MS).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &log.segments()[0]), "it is as it was");
    let count = log.segment_count();
    assert!(count < before, "{before} segments are {count} now");
    assert_eq!(read(log, 0).range(..20).count(), 20);
}

#[test]
fn segment_that_begins_while_others_are_merged_stays() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let config = LogConfig {
        segment_bytes: 4000,
        ..compacted()
    };
    let mut model = Model::default();
    {
        let opened = open(Arc::new(disk.clone()), folder.path(), compacted());
        for number in 0..40 {
            appended(&opened.log, &round(number), Compression::None, None);
            model.all.extend(round(number));
        }
        commit(&opened.log);
        opened.log.configure(config.clone());
        let log = Arc::clone(&opened.log);
        let before = log.segment_count();
        disk.before_rename_to(".swap", move || {
            log.configure(compacted());
            let count = log.segment_count();
            appended(&log, &round(40), Compression::None, None);
            assert_eq!(log.segment_count(), count + 1, "it begins a segment");
        });
        opened.log.compact(NOW_MS).unwrap();
        model.all.extend(round(40));
        assert!(opened.log.segment_count() < before / 2, "some were merged");
        model.check(&opened.log);
        appended(&opened.log, &round(41), Compression::None, None);
        model.all.extend(round(41));
        model.check(&opened.log);
        commit(&opened.log);
        opened.dir.clean_shutdown(NOW_MS).unwrap();
    }
    let reopened = open(Arc::new(disk), folder.path(), config);
    model.check(&reopened.log);
}

/// An election of a replica that was not in sync cuts records off that were committed. What has come in their place stays.
#[test]
fn log_that_is_cut_while_it_is_compacted_or_merged_keeps_what_came_after() {
    // A segment in which something goes is rewritten; otherwise all of them are only merged.
    for superseded in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let opened = open(Arc::new(disk.clone()), folder.path(), compacted());
        let key = move |number: u8| if superseded { number % 5 } else { number };
        let mut model = Model::default();
        for number in 0..40 {
            let entry = (key(number), Some(u16::from(number)));
            appended(&opened.log, &[entry], Compression::None, None);
            model.all.push(entry);
        }
        commit(&opened.log);
        let large = LogConfig {
            segment_bytes: 4000,
            ..compacted()
        };
        opened.log.configure(large);
        let log = Arc::clone(&opened.log);
        disk.before_sync_of(".log.cleaned", move || {
            log.configure(compacted());
            log.truncate_to(2).unwrap();
            for number in 100..140 {
                appended(&log, &[(number, Some(1))], Compression::None, None);
            }
            commit(&log);
        });
        opened.log.compact(NOW_MS).unwrap();
        model.all.truncate(2);
        model.all.extend((100..140).map(|number| (number, Some(1))));
        assert_eq!(opened.log.log_end_offset(), 42, "it was cut");
        model.check(&opened.log);
        opened.log.compact(NOW_MS).unwrap();
        model.check(&opened.log);
    }
}
