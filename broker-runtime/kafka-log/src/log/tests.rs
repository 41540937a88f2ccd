//! What a log does on a disk that works.

use std::{fs, sync::Arc};

use bytes::Bytes;
use kafka_codec::record_batch::{Compression, RecordBatchBuilder, batches};
use tempfile::TempDir;

use crate::{
    AppendOrigin, CleanupPolicy, LeaderAppend, LogConfig, LogError, RecordRefusal, RefusalReason, TimestampType,
    TimestampedOffset,
    storage::Disk,
    testing::{
        NOW_MS, Opened, QUIET_MS, append, as_leader, batch, bytes, maybe_encrypted, open, read_all, read_from, small,
    },
};

struct Fixture {
    path: TempDir,
    opened: Option<Opened>,
    config: LogConfig,
}

impl Fixture {
    fn new(config: LogConfig) -> Self {
        let path = tempfile::tempdir().unwrap();
        let opened = Some(open(Arc::new(Disk), path.path(), config.clone()));
        Self { path, opened, config }
    }

    fn log(&self) -> &crate::Log {
        &self.opened.as_ref().unwrap().log
    }

    /// A broker that ends in good order and starts again.
    fn restart(&mut self) {
        self.restart_at(NOW_MS);
    }

    /// A broker that ends at that time.
    fn restart_at(&mut self, now_ms: i64) {
        self.opened.take().unwrap().dir.clean_shutdown(now_ms).unwrap();
        self.open();
        assert!(self.opened.as_ref().unwrap().dir.was_clean());
    }

    /// A broker that is killed and starts again.
    fn crash(&mut self) {
        self.opened.take().unwrap();
        self.open();
        assert!(!self.opened.as_ref().unwrap().dir.was_clean());
    }

    fn open(&mut self) {
        self.opened = Some(open(Arc::new(Disk), self.path.path(), self.config.clone()));
    }

    fn files(&self, suffix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.log().path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(suffix))
            .collect();
        names.sort();
        names
    }
}

fn numbered(range: std::ops::Range<i64>) -> Vec<(i64, String)> {
    range.map(|offset| (offset, format!("value-{offset}"))).collect()
}

fn append_numbered(log: &crate::Log, count: i64) {
    for _ in 0..count {
        let offset = log.log_end_offset();
        let info = append(log, &format!("value-{offset}")).unwrap();
        assert_eq!((info.base_offset, info.last_offset), (offset, offset));
    }
}

#[test]
fn records_are_read_back_across_segments_and_restarts() {
    let mut fixture = Fixture::new(small());
    append_numbered(fixture.log(), 50);
    assert!(fixture.log().segment_count() > 3, "{}", fixture.log().segment_count());
    assert_eq!(read_all(fixture.log()), numbered(0..50));
    fixture.restart();
    assert_eq!(read_all(fixture.log()), numbered(0..50));
    fixture.crash();
    assert_eq!(read_all(fixture.log()), numbered(0..50));
    append_numbered(fixture.log(), 50);
    for offset in [0, 1, 49, 50, 77, 99] {
        assert_eq!(read_from(fixture.log(), offset), numbered(offset..100));
    }
}

#[test]
fn segment_files_have_kafkas_names() {
    let fixture = Fixture::new(small());
    append_numbered(fixture.log(), 14);
    assert_eq!(
        fixture.files(".log"),
        ["00000000000000000000.log", "00000000000000000008.log"]
    );
    assert_eq!(fixture.files(".index").first().unwrap(), "00000000000000000000.index");
    assert_eq!(
        fixture.files(".timeindex").first().unwrap(),
        "00000000000000000000.timeindex"
    );
    assert_eq!(fixture.files(".snapshot"), ["00000000000000000008.snapshot"]);
}

#[test]
fn reading_stops_below_the_end_that_is_allowed() {
    let fixture = Fixture::new(LogConfig::default());
    append_numbered(fixture.log(), 10);
    let read = |offset, max_bytes, end, at_least_one| fixture.log().read(offset, max_bytes, end, at_least_one).unwrap();
    let last_of = |chunk: &Bytes| batches(chunk).last().map(|batch| batch.unwrap().header().last_offset());
    assert_eq!(last_of(&read(0, usize::MAX, 4, true)), Some(3));
    assert_eq!(last_of(&read(0, usize::MAX, 10, true)), Some(9));
    assert!(read(4, usize::MAX, 4, true).is_empty());
    assert!(read(10, usize::MAX, 10, true).is_empty());
    assert!(read(0, 10, 10, false).is_empty());
    assert_eq!(last_of(&read(0, 10, 10, true)), Some(0));
    for offset in 1..10 {
        // Where the batch begins is known since the read before.
        assert_eq!(last_of(&read(offset, 0, 10, true)), Some(offset));
    }
    for offset in [-1, 11] {
        assert!(matches!(
            fixture.log().read(offset, 100, 10, true),
            Err(LogError::OffsetOutOfRange { log_end_offset: 10, .. })
        ));
    }
}

#[test]
fn what_a_producer_must_not_send_is_refused_and_nothing_is_appended() {
    let config = LogConfig {
        max_message_bytes: 500,
        ..LogConfig::default()
    };
    let fixture = Fixture::new(config);
    let refuse = |records: Bytes| {
        let error = fixture.log().append_as_leader(records, as_leader(0)).unwrap_err();
        assert_eq!(fixture.log().log_end_offset(), 0, "{error}");
        error
    };
    let good = bytes(batch(["a"]));
    assert!(matches!(
        refuse(bytes(batch([&*"x".repeat(1000)]))),
        LogError::MessageTooLarge { limit: 500, .. }
    ));
    let mut flipped = good.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(refuse(flipped.into()), LogError::Corrupt(_)));
    assert!(matches!(refuse(good.slice(..good.len() - 1)), LogError::NotOneBatch(_)));
    assert!(matches!(refuse(Bytes::new()), LogError::NotOneBatch(_)));
    assert!(matches!(
        refuse([&good[..], &good[..]].concat().into()),
        LogError::NotOneBatch(_)
    ));
    assert!(matches!(
        refuse([&good[..], &good[..20]].concat().into()),
        LogError::Corrupt(_)
    ));
    let mut placed = good.to_vec();
    placed[7] = 3;
    assert!(
        matches!(refuse(placed.into()), LogError::InvalidRecord(_)),
        "its offset is not for the client to say"
    );
    let mut early = RecordBatchBuilder::new();
    early.append(NOW_MS + 2 * 60 * 60 * 1000, None, Some(b"tomorrow"), &[]);
    let LogError::RefusedRecords(refused) = refuse(bytes(early)) else {
        panic!("a record of tomorrow");
    };
    assert_eq!(refused.len(), 1);
    assert!(refused[0].reason.is_timestamp(), "{refused:?}");
}

#[test]
fn a_compacted_topic_needs_keys() {
    let fixture = Fixture::new(LogConfig {
        cleanup_policy: CleanupPolicy {
            delete: false,
            compact: true,
        },
        ..LogConfig::default()
    });
    let mut partly = RecordBatchBuilder::new();
    for key in [None, Some(&b"key"[..]), None] {
        partly.append(NOW_MS, key, Some(b"value"), &[]);
    }
    let Err(LogError::RefusedRecords(refused)) = fixture.log().append_as_leader(bytes(partly), as_leader(0)) else {
        panic!("records without a key");
    };
    let expected = [0, 2].map(|batch_index| RecordRefusal {
        batch_index,
        reason: RefusalReason::NoKey,
    });
    assert_eq!(refused, expected);
    let mut keyed = RecordBatchBuilder::new();
    keyed.append(NOW_MS, Some(b"key"), Some(b"value"), &[]);
    fixture.log().append_as_leader(bytes(keyed), as_leader(0)).unwrap();
}

#[test]
fn who_has_no_time_is_not_too_early() {
    let fixture = Fixture::new(LogConfig {
        message_timestamp_before_max_ms: 1000,
        ..LogConfig::default()
    });
    let mut early = RecordBatchBuilder::new();
    for timestamp in [NOW_MS - 2000, -1, NOW_MS] {
        early.append(timestamp, None, Some(b"value"), &[]);
    }
    let Err(LogError::RefusedRecords(refused)) = fixture.log().append_as_leader(bytes(early), as_leader(0)) else {
        panic!("a record of before");
    };
    let which: Vec<i32> = refused.iter().map(|it| it.batch_index).collect();
    assert_eq!(which, [0]);
}

#[test]
fn compression_and_append_time_of_the_topic_are_applied() {
    let fixture = Fixture::new(LogConfig {
        compression: Some(Compression::Zstd),
        message_timestamp_type: TimestampType::LogAppendTime,
        ..LogConfig::default()
    });
    let later = LeaderAppend {
        now_ms: NOW_MS + 5,
        ..as_leader(3)
    };
    let info = fixture.log().append_as_leader(bytes(batch(["a", "b"])), later).unwrap();
    assert_eq!(info.log_append_time_ms, Some(NOW_MS + 5));
    let stored = fixture.log().read(0, usize::MAX, 2, true).unwrap();
    let stored = batches(&stored).next().unwrap().unwrap();
    stored.verify_crc().unwrap();
    let header = stored.header();
    assert_eq!(header.compression(), Compression::Zstd);
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!((header.max_timestamp, header.partition_leader_epoch), (NOW_MS + 5, 3));
    assert_eq!(read_all(fixture.log()).len(), 2);
}

#[test]
fn a_batch_sent_twice_is_stored_once_even_after_a_crash() {
    let mut fixture = Fixture::new(small());
    let send =
        |log: &crate::Log, sequence| log.append_as_leader(bytes(batch(["v"]).producer(9, 0, sequence)), as_leader(0));
    for sequence in 0..20 {
        assert!(!send(fixture.log(), sequence).unwrap().duplicate);
    }
    for restart in [Fixture::crash, Fixture::restart, Fixture::crash] {
        restart(&mut fixture);
        // A snapshot keeps the last batch of a producer, as Kafka's does.
        let info = send(fixture.log(), 19).unwrap();
        assert_eq!((info.duplicate, info.base_offset), (true, 19));
        assert!(matches!(
            send(fixture.log(), 30),
            Err(LogError::OutOfOrderSequence { last: 19, .. })
        ));
        assert_eq!(fixture.log().log_end_offset(), 20);
    }
}

/// The last five batches of a producer may be in flight when a broker ends; a snapshot, which is Kafka's, has the last one only. Where they
/// were stored without an answer (all brokers of a cluster end), the client sends all of them again.
#[test]
fn batches_in_flight_are_known_after_an_orderly_end() {
    for (in_segments, in_quiet) in [(LogConfig::default(), false), (small(), false), (small(), true)] {
        let mut fixture = Fixture::new(in_segments);
        let send = |log: &crate::Log, sequence| {
            log.append_as_leader(bytes(batch(["v"]).producer(9, 0, sequence)), as_leader(0))
        };
        for sequence in 0..20 {
            send(fixture.log(), sequence).unwrap();
        }
        if in_quiet {
            // Not committed, however long ago.
            fixture.log().set_high_watermark(18);
            fixture.restart_at(QUIET_MS);
        } else {
            // Committed, but perhaps by too few for an answer.
            fixture.log().set_high_watermark(20);
            fixture.restart();
        }
        assert!(!fixture.files(".snapshot").is_empty(), "Kafka would read nothing");
        for sequence in 15..20 {
            let info = send(fixture.log(), sequence).unwrap();
            assert_eq!((info.duplicate, info.base_offset), (true, i64::from(sequence)));
        }
        assert!(!send(fixture.log(), 20).unwrap().duplicate);
    }
}

/// Nobody sends an old batch again, so a start has not to read for it.
#[test]
fn the_end_of_a_quiet_log_is_in_a_snapshot() {
    let mut fixture = Fixture::new(LogConfig::default());
    for sequence in 0..3 {
        let record = bytes(batch(["v"]).producer(9, 0, sequence));
        fixture.log().append_as_leader(record, as_leader(0)).unwrap();
    }
    fixture.log().set_high_watermark(3);
    fixture.restart_at(QUIET_MS);
    assert_eq!(fixture.files(".snapshot"), ["00000000000000000003.snapshot"]);
}

#[test]
fn a_follower_takes_what_continues_its_log() {
    let fixture = Fixture::new(LogConfig::default());
    let log = fixture.log();
    let fetched = |base, epoch| bytes(batch(["v"]).base_offset(base).leader_epoch(epoch));
    log.append_as_follower(fetched(0, 1)).unwrap();
    // Compaction on the leader has left offsets out.
    log.append_as_follower([&fetched(5, 1)[..], &fetched(6, 2)[..]].concat().into())
        .unwrap();
    assert_eq!(log.log_end_offset(), 7);
    for old in [0, 6] {
        assert!(matches!(
            log.append_as_follower(fetched(old, 2)),
            Err(LogError::UnexpectedOffset { log_end_offset: 7, .. })
        ));
    }
    // The batch that was cut by the size of the answer is left for the next fetch.
    let whole = fetched(7, 2);
    let cut = [&whole[..], &fetched(8, 2)[..30]].concat();
    assert_eq!(log.append_as_follower(cut.into()).unwrap().last_offset, 7);
    assert_eq!(log.latest_epoch(), Some(2));
    assert_eq!(log.end_offset_for_epoch(1), Some((1, 6)));
    assert_eq!(log.epoch_for_offset(5), Some(1));
}

/// A leader that is replaced before it has written anything must be able to follow the next one.
#[test]
fn truncation_at_the_end_forgets_an_epoch_without_records() {
    let fixture = Fixture::new(small());
    append(fixture.log(), "a").unwrap();
    let end = fixture.log().log_end_offset();
    let before = fixture.log().latest_epoch();
    fixture.log().begin_leader_epoch(7, end).unwrap();
    assert_eq!(fixture.log().latest_epoch(), Some(7));
    fixture.log().truncate_to(end).unwrap();
    assert_eq!(fixture.log().latest_epoch(), before);
    assert_eq!(fixture.log().log_end_offset(), end);
}

#[test]
fn truncation_cuts_records_epochs_and_producers() {
    let mut fixture = Fixture::new(small());
    for epoch in 0..4 {
        for number in 0..10 {
            let sequence = epoch * 10 + number;
            let record = bytes(batch(["v"]).producer(9, 0, sequence));
            fixture.log().append_as_leader(record, as_leader(epoch)).unwrap();
        }
    }
    fixture.log().set_high_watermark(40);
    fixture.log().truncate_to(15).unwrap();
    for restart in [None, Some(Fixture::crash as fn(&mut Fixture)), Some(Fixture::restart)] {
        if let Some(restart) = restart {
            restart(&mut fixture);
        }
        let log = fixture.log();
        assert_eq!((log.log_end_offset(), log.latest_epoch()), (15, Some(1)));
        assert!(log.high_watermark() <= 15 && log.flushed_offset() <= 15);
        assert_eq!(log.producers()[0].last_sequence, 14);
        assert_eq!(read_all(log).len(), 15);
    }
    // What was cut may be sent again.
    let record = bytes(batch(["v"]).producer(9, 0, 15));
    let info = fixture.log().append_as_leader(record, as_leader(4)).unwrap();
    assert_eq!((info.base_offset, info.duplicate), (15, false));
    fixture.log().truncate_fully_and_start_at(100).unwrap();
    assert_eq!(
        (fixture.log().log_start_offset(), fixture.log().log_end_offset()),
        (100, 100)
    );
    append_numbered(fixture.log(), 3);
    fixture.crash();
    assert_eq!(read_all(fixture.log()), numbered(100..103));
}

#[test]
fn retention_deletes_old_segments_but_nothing_uncommitted() {
    const HOUR_MS: i64 = 60 * 60 * 1000;
    let mut fixture = Fixture::new(LogConfig {
        retention_ms: Some(HOUR_MS),
        ..small()
    });
    append_numbered(fixture.log(), 21);
    assert_eq!(fixture.log().segment_count(), 3);
    let later = NOW_MS + HOUR_MS + 1;
    assert_eq!(fixture.log().apply_retention(NOW_MS + HOUR_MS).unwrap(), 0);
    fixture.log().set_high_watermark(13);
    assert_eq!(fixture.log().apply_retention(later).unwrap(), 1);
    assert_eq!(fixture.log().log_start_offset(), 8);
    assert_eq!(read_all(fixture.log()), numbered(8..21));
    assert_eq!(
        fixture.files(".log"),
        ["00000000000000000008.log", "00000000000000000015.log"]
    );
    // Everything is old and committed: the active segment goes as well, and the log keeps its end.
    fixture.log().set_high_watermark(21);
    assert_eq!(fixture.log().apply_retention(later).unwrap(), 2);
    for _ in 0..2 {
        assert_eq!(
            (fixture.log().log_start_offset(), fixture.log().log_end_offset()),
            (21, 21)
        );
        fixture.crash();
    }
    append_numbered(fixture.log(), 1);
    assert_eq!(read_all(fixture.log()), numbered(21..22));
}

#[test]
fn retention_by_size_keeps_at_least_what_is_allowed() {
    let fixture = Fixture::new(LogConfig {
        retention_bytes: Some(1000),
        ..small()
    });
    append_numbered(fixture.log(), 40);
    fixture.log().set_high_watermark(40);
    let before = fixture.log().size_in_bytes();
    let deleted = fixture.log().apply_retention(NOW_MS).unwrap();
    let after = fixture.log().size_in_bytes();
    assert!(
        deleted > 0 && after < before && after >= 1000,
        "{deleted}: {before}, {after}"
    );
    assert_eq!(fixture.log().apply_retention(NOW_MS).unwrap(), 0);
}

#[test]
fn deleted_records_stay_deleted() {
    let mut fixture = Fixture::new(small());
    append_numbered(fixture.log(), 20);
    fixture.log().set_high_watermark(20);
    assert!(fixture.log().advance_log_start_offset(9).unwrap());
    assert!(!fixture.log().advance_log_start_offset(9).unwrap());
    assert!(matches!(
        fixture.log().advance_log_start_offset(21),
        Err(LogError::OffsetOutOfRange { .. })
    ));
    assert!(matches!(
        fixture.log().read(8, 100, 20, true),
        Err(LogError::OffsetOutOfRange {
            log_start_offset: 9,
            ..
        })
    ));
    assert_eq!(fixture.log().apply_retention(NOW_MS).unwrap(), 1);
    fixture.opened.as_ref().unwrap().dir.checkpoint().unwrap();
    fixture.crash();
    assert_eq!(read_all(fixture.log()), numbered(9..20));
}

#[test]
fn offsets_are_found_by_timestamp() {
    let mut fixture = Fixture::new(small());
    assert_eq!(fixture.log().offset_of_max_timestamp().unwrap(), None);
    // Not in order: each looks for the first record that is new enough.
    let timestamps = [10, 50, 30, 20, 60, 60, 40, 10, 70, 5, 80, 75];
    for timestamp in timestamps {
        let mut record = RecordBatchBuilder::new();
        record.append(NOW_MS + timestamp, None, Some(&[0; 40]), &[]);
        fixture.log().append_as_leader(bytes(record), as_leader(2)).unwrap();
    }
    assert!(fixture.log().segment_count() > 1);
    for restart in [None, Some(Fixture::crash as fn(&mut Fixture)), Some(Fixture::restart)] {
        if let Some(restart) = restart {
            restart(&mut fixture);
        }
        for wanted in 0..=81 {
            let expected = timestamps.iter().position(|timestamp| *timestamp >= wanted);
            let found = fixture.log().offset_for_timestamp(NOW_MS + wanted).unwrap();
            assert_eq!(
                found.map(|found| usize::try_from(found.offset).unwrap()),
                expected,
                "{wanted}"
            );
        }
        let latest = TimestampedOffset {
            offset: 10,
            timestamp: NOW_MS + 80,
            leader_epoch: 2,
        };
        assert_eq!(fixture.log().offset_of_max_timestamp().unwrap(), Some(latest));
    }
}

#[test]
fn a_coordinator_may_append_several_batches_at_once() {
    let fixture = Fixture::new(LogConfig::default());
    let coordinator = LeaderAppend {
        origin: AppendOrigin::Coordinator,
        ..as_leader(1)
    };
    let records = [bytes(batch(["value-0"])), bytes(batch(["value-1", "value-2"]))].concat();
    let info = fixture.log().append_as_leader(records.into(), coordinator).unwrap();
    assert_eq!((info.base_offset, info.last_offset), (0, 2));
    assert_eq!(read_all(fixture.log()), numbered(0..3));
}

#[test]
fn a_closed_log_takes_nothing_more() {
    let fixture = Fixture::new(LogConfig::default());
    append_numbered(fixture.log(), 2);
    fixture.log().close(NOW_MS).unwrap();
    fixture.log().close(NOW_MS).unwrap();
    assert!(matches!(append(fixture.log(), "late"), Err(LogError::Offline(_))));
    assert_eq!(fixture.log().flushed_offset(), 2);
}

#[test]
fn segments_are_closed_earlier_by_a_jitter_of_their_own() {
    let segments = |segment_jitter_ms| {
        let fixture = Fixture::new(LogConfig {
            segment_ms: 1_000,
            segment_jitter_ms,
            ..LogConfig::default()
        });
        for step in 0..50 {
            let mut one = RecordBatchBuilder::new();
            one.append(NOW_MS + step * 250, None, Some(b"x"), &[]);
            fixture.log().append_as_leader(bytes(one), as_leader(0)).unwrap();
        }
        (fixture.log().segment_count(), fixture.files(".log"))
    };
    let (plain, _) = segments(0);
    assert_eq!(plain, 10, "a segment has what came within its first second");
    let (spread, names) = segments(900);
    assert!((11..50).contains(&spread), "{names:?}");
}

#[test]
fn records_are_compressed_at_the_level_of_the_topic() {
    let stored = |compression_level| {
        let fixture = Fixture::new(LogConfig {
            compression: Some(Compression::Zstd),
            compression_level,
            ..LogConfig::default()
        });
        let values: Vec<String> = (0..2_000_u32)
            .map(|number| format!("{} {}", number % 97, number.wrapping_mul(2_654_435_761) % 401))
            .collect();
        let records = bytes(batch(values.iter().map(String::as_str)));
        fixture.log().append_as_leader(records, as_leader(0)).unwrap();
        fixture.log().read(0, usize::MAX, 2_000, true).unwrap().len()
    };
    assert!(stored(Some(19)) < stored(Some(1)));
}

/// Segments that retention has deleted, and a directory that was, stay for `file.delete.delay.ms`.
#[test]
fn files_of_what_was_deleted_stay_for_a_while() {
    let delayed = |delay_ms| {
        Fixture::new(LogConfig {
            retention_bytes: Some(600),
            file_delete_delay_ms: delay_ms,
            ..small()
        })
    };
    let mut fixture = delayed(5_000);
    append_numbered(fixture.log(), 40);
    fixture.log().set_high_watermark(40);
    let deleted = fixture.log().apply_retention(NOW_MS).unwrap();
    let first = "00000000000000000000.log";
    assert!(!fixture.files("").contains(&first.to_owned()));
    assert_eq!(fixture.files(".log.deleted").len(), deleted);
    assert_eq!(fixture.files(".index.deleted").len(), deleted);
    let kept = read_all(fixture.log());
    assert_eq!(
        kept.len(),
        usize::try_from(40 - fixture.log().log_start_offset()).unwrap()
    );
    let dir = &fixture.opened.as_ref().unwrap().dir;
    assert_eq!(dir.remove_deleted(NOW_MS + 4_999), 0);
    assert_eq!(fixture.files(".log.deleted").len(), deleted);
    assert!(dir.remove_deleted(NOW_MS + 5_000) >= deleted);
    assert!(fixture.files(".deleted").is_empty());
    assert_eq!(read_all(fixture.log()), kept);
    append_numbered(fixture.log(), 40);
    fixture.log().set_high_watermark(80);
    fixture.log().apply_retention(NOW_MS).unwrap();
    let kept = read_all(fixture.log());
    assert!(!fixture.files(".deleted").is_empty());
    fixture.crash();
    assert!(fixture.files(".deleted").is_empty(), "the next start does not wait");
    assert_eq!(read_all(fixture.log()), kept);
    let fixture = delayed(0);
    append_numbered(fixture.log(), 40);
    fixture.log().set_high_watermark(40);
    fixture.log().apply_retention(NOW_MS).unwrap();
    let dir = &fixture.opened.as_ref().unwrap().dir;
    assert!(dir.remove_deleted(NOW_MS) > 0 && fixture.files(".deleted").is_empty());
}

/// The size of the file says what is in it all the same, and what was set aside goes back when the segment is closed.
#[test]
fn room_for_a_segment_is_set_aside_with_its_first_batch() {
    use std::os::unix::fs::MetadataExt;
    const SEGMENT_BYTES: u64 = 1 << 20;
    for encrypted in [false, true] {
        let path = tempfile::tempdir().unwrap();
        let config = LogConfig {
            segment_bytes: SEGMENT_BYTES,
            preallocate: true,
            ..LogConfig::default()
        };
        let open = || open(maybe_encrypted(Arc::new(Disk), encrypted), path.path(), config.clone());
        let opened = open();
        let file = |base_offset: i64| {
            let file = opened.log.path().join(format!("{base_offset:020}.log"));
            fs::metadata(file).unwrap()
        };
        let allocated = |base_offset: i64| file(base_offset).blocks() * 512;
        append(&opened.log, "first").unwrap();
        assert!(allocated(0) >= SEGMENT_BYTES, "{} of {SEGMENT_BYTES}", allocated(0));
        assert!(file(0).len() < 300, "{}", file(0).len());
        let large = "x".repeat(300_000);
        let mut last = 0;
        while opened.log.segment_count() == 1 {
            last = append(&opened.log, &large).unwrap().base_offset;
        }
        let size = file(0).len();
        assert!(
            size < SEGMENT_BYTES && allocated(0) < size + 65_536,
            "{size}, {}",
            allocated(0)
        );
        assert!(allocated(last) >= SEGMENT_BYTES);
        let stored = read_all(&opened.log);
        opened.log.flush().unwrap();
        opened.dir.clean_shutdown(NOW_MS).unwrap();
        assert!(allocated(last) < file(last).len() + 65_536, "{}", allocated(last));
        drop(opened);
        let opened = open();
        assert_eq!(read_all(&opened.log), stored);
        append(&opened.log, "after").unwrap();
        assert_eq!(opened.log.log_end_offset(), last + 2);
    }
}
