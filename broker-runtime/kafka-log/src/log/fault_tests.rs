//! What a log does when the process is killed, the disk is broken, or the power fails.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use proptest::prelude::*;

use crate::{
    Log, LogDir, LogError,
    storage::{Disk, FaultyDisk},
    testing::{
        NOW_MS, Opened, QUIET_MS, TOPIC_ID, append, as_leader, batch, bytes, identity, maybe_encrypted, open, read_all,
        small,
    },
};

pub(super) fn open_on(disk: &FaultyDisk, path: &Path) -> Opened {
    open(Arc::new(disk.clone()), path, small())
}

pub(super) fn open_maybe_encrypted(disk: &FaultyDisk, encrypted: bool, path: &Path) -> Opened {
    open(maybe_encrypted(Arc::new(disk.clone()), encrypted), path, small())
}

/// The newest file with records.
fn last_segment(log: &Path) -> PathBuf {
    let files = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .max()
        .unwrap()
}

/// A directory that was closed in good order is trusted; but what was never flushed in it is not on the medium for all that.
#[test]
fn log_that_was_closed_without_records_keeps_its_topic_through_a_power_failure() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let opened = open_on(&disk, folder.path());
    opened.dir.clean_shutdown(NOW_MS).unwrap();
    drop(opened);
    let opened = open_on(&disk, folder.path());
    append(&opened.log, "a").unwrap();
    assert_eq!(opened.log.flush().unwrap(), 1);
    drop(opened);
    disk.lose_unsynced();
    let (_, found) = LogDir::open_on(Arc::new(disk), folder.path(), identity()).unwrap();
    assert_eq!(found[0].topic_id, Some(TOPIC_ID));
}

#[test]
fn a_torn_or_damaged_tail_is_cut_off_behind_the_last_whole_batch() {
    type Damage = fn(&Path);
    let damages: [(Damage, i64); 4] = [
        (
            |path| {
                let mut file = OpenOptions::new().append(true).open(path).unwrap();
                file.write_all(&[0xff; 70]).unwrap();
            },
            10,
        ),
        (
            |path| {
                let mut file = OpenOptions::new().append(true).open(path).unwrap();
                // Room the file system had reserved.
                file.write_all(&[0; 4096]).unwrap();
            },
            10,
        ),
        (
            |path| {
                let file = OpenOptions::new().write(true).open(path).unwrap();
                file.set_len(file.metadata().unwrap().len() - 1).unwrap();
            },
            9,
        ),
        (
            |path| {
                let mut content = fs::read(path).unwrap();
                *content.last_mut().unwrap() ^= 1;
                fs::write(path, content).unwrap();
            },
            9,
        ),
    ];
    for (number, (damage, end)) in damages.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let opened = open(Arc::new(Disk), dir.path(), small());
        for offset in 0..10 {
            append(&opened.log, &format!("value-{offset}")).unwrap();
        }
        let segment = last_segment(opened.log.path());
        drop(opened);
        damage(&segment);
        let opened = open(Arc::new(Disk), dir.path(), small());
        assert_eq!(opened.log.log_end_offset(), end, "damage {number}");
        assert_eq!(read_all(&opened.log).len(), usize::try_from(end).unwrap());
        append(&opened.log, "after").unwrap();
        assert_eq!(read_all(&opened.log).last().unwrap(), &(end, "after".to_owned()));
    }
}

#[test]
fn lost_indexes_are_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(Arc::new(Disk), dir.path(), small());
    for offset in 0..30 {
        append(&opened.log, &format!("value-{offset}")).unwrap();
    }
    let expected = read_all(&opened.log);
    let path = opened.log.path().to_owned();
    opened.dir.clean_shutdown(NOW_MS).unwrap();
    drop(opened);
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "index" || it == "timeindex") {
            fs::remove_file(path).unwrap();
        }
    }
    let opened = open(Arc::new(Disk), dir.path(), small());
    assert!(opened.dir.was_clean());
    assert_eq!(read_all(&opened.log), expected);
}

#[test]
fn a_failed_flush_is_never_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let opened = open_on(&disk, dir.path());
    append(&opened.log, "a").unwrap();
    opened.log.flush().unwrap();
    append(&opened.log, "b").unwrap();
    disk.fail_syncs();
    assert!(matches!(opened.log.flush(), Err(LogError::Storage { .. })));
    let syncs = disk.syncs();
    assert_eq!(opened.log.flushed_offset(), 1);
    assert!(opened.log.is_offline());
    assert!(matches!(opened.log.flush(), Err(LogError::Offline(_))));
    assert!(matches!(append(&opened.log, "c"), Err(LogError::Offline(_))));
    assert!(opened.dir.clean_shutdown(NOW_MS).is_err());
    assert_eq!(disk.syncs(), syncs);
}

#[test]
fn a_broken_disk_takes_the_log_offline() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let opened = open_on(&disk, dir.path());
    append(&opened.log, "a").unwrap();
    disk.fail_io();
    let error = append(&opened.log, "b").unwrap_err();
    assert!(error.is_fatal(), "{error}");
    assert!(opened.log.is_offline());
}

#[test]
fn flushing_what_is_flushed_does_not_ask_the_disk_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let opened = open_on(&disk, dir.path());
    append(&opened.log, "a").unwrap();
    opened.log.flush().unwrap();
    let syncs = disk.syncs();
    opened.log.flush().unwrap();
    assert_eq!(disk.syncs(), syncs);
    append(&opened.log, "b").unwrap();
    opened.log.flush().unwrap();
    assert_eq!(disk.syncs(), syncs + 1, "one fdatasync a flush");
}

/// Each batch says in which epoch it was written; who asks for epochs must hear the same. Nobody asks for what was deleted, which
/// may be there again.
fn check_epochs(log: &Log, deleted: i64) {
    let epochs = log.epochs.lock();
    for segment in log.segments().iter() {
        for header in segment.headers(0) {
            let (header, _) = header.unwrap();
            if header.last_offset() >= deleted {
                let offset = header.base_offset.max(deleted);
                assert_eq!(epochs.epoch_at(offset), Some(header.partition_leader_epoch), "{offset}");
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append { records: usize, epoch_is_new: bool },
    Flush,
    FlushTogether,
    Checkpoint,
    Truncate { back: i64 },
    DeleteRecords { share: i64 },
    Retention,
    Fill { room: u64 },
    MakeRoom,
    Kill,
    PowerFailure,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1_usize..5, prop::bool::weighted(0.1))
            .prop_map(|(records, epoch_is_new)| Step::Append { records, epoch_is_new }),
        4 => Just(Step::Flush),
        2 => Just(Step::FlushTogether),
        2 => Just(Step::Checkpoint),
        1 => (0_i64..12).prop_map(|back| Step::Truncate { back }),
        1 => (0_i64..4).prop_map(|share| Step::DeleteRecords { share }),
        1 => Just(Step::Retention),
        1 => (0_u64..400).prop_map(|room| Step::Fill { room }),
        2 => Just(Step::MakeRoom),
        1 => Just(Step::Kill),
        2 => Just(Step::PowerFailure),
        1 => Just(Step::Restart),
    ]
}

/// What a log has to remember.
#[derive(Default)]
struct Model {
    /// Every record ever appended and not cut off, by offset.
    values: Vec<String>,
    /// The same when the log was flushed for the last time, and whenever that was tried since: what was cut off later may come back
    /// in a power failure.
    on_medium: Vec<Vec<String>>,
    /// Below, nothing may be lost in a power failure.
    flushed: usize,
    /// Below, records may be gone: they were deleted.
    deleted: i64,
    epoch: i32,
    written: usize,
}

impl Model {
    fn check(&self, opened: &Opened, at_least: usize, power_failed: bool) {
        let (start, end) = (opened.log.log_start_offset(), opened.log.log_end_offset());
        assert!(
            usize::try_from(end).unwrap() >= at_least,
            "the log ends at {end}, {at_least} were safe"
        );
        assert!(
            start <= self.deleted,
            "the log starts at {start}, only {} were deleted",
            self.deleted
        );
        let records = read_all(&opened.log);
        let offsets: Vec<i64> = records.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, (start..end).collect::<Vec<_>>());
        for (offset, value) in records {
            let index = usize::try_from(offset).unwrap();
            let expected = self.values.get(index);
            let came_back =
                power_failed && index >= at_least && self.on_medium.iter().any(|it| it.get(index) == Some(&value));
            assert!(
                expected == Some(&value) || came_back,
                "{offset}: {value}, not {expected:?}"
            );
        }
        assert!(opened.log.flushed_offset() <= end);
        check_epochs(&opened.log, self.deleted);
    }

    /// What is there now is what counts from now on. Recovery has flushed what it found.
    fn restarted(&mut self, opened: &Opened) {
        let start = usize::try_from(opened.log.log_start_offset()).unwrap();
        self.values.resize(start, String::new());
        self.values
            .extend(read_all(&opened.log).into_iter().map(|(_, value)| value));
        assert_eq!(opened.log.flushed_offset(), opened.log.log_end_offset());
        self.on_medium = vec![self.values.clone()];
        self.flushed = self.values.len();
        self.deleted = self.deleted.max(opened.log.log_start_offset());
    }

    /// Does what a broker would. A full disk refuses what it has no room for, and nothing has changed then.
    fn apply(&mut self, step: &Step, opened: &Opened) {
        let before = (opened.log.log_start_offset(), opened.log.log_end_offset());
        if let Err(error) = self.try_apply(step, opened) {
            assert!(matches!(error, LogError::NoSpace { .. }), "{step:?}: {error:?}");
            assert!(!opened.log.is_offline(), "{step:?}");
            assert_eq!(
                before,
                (opened.log.log_start_offset(), opened.log.log_end_offset()),
                "{step:?}"
            );
        }
    }

    fn try_apply(&mut self, step: &Step, opened: &Opened) -> Result<(), LogError> {
        let log = &opened.log;
        match step {
            Step::Append { records, epoch_is_new } => {
                self.epoch += i32::from(*epoch_is_new);
                let values: Vec<String> = (0..*records)
                    .map(|number| format!("{}-{number}", self.written))
                    .collect();
                self.written += 1;
                // Of one producer; what is cut off it sends again.
                let sequence = i32::try_from(log.log_end_offset()).unwrap();
                let batch = batch(values.iter().map(String::as_str)).producer(9, 0, sequence);
                log.append_as_leader(bytes(batch), as_leader(self.epoch))?;
                self.values.extend(values);
            }
            Step::Flush | Step::FlushTogether => {
                self.on_medium.push(self.values.clone());
                if matches!(step, Step::Flush) {
                    log.flush()?;
                } else {
                    for outcome in Log::flush_together(&[log]) {
                        assert_eq!(outcome?, log.log_end_offset());
                    }
                }
                self.flushed = self.values.len();
                self.on_medium = vec![self.values.clone()];
            }
            Step::Checkpoint => {
                if let Err(error) = opened.dir.checkpoint() {
                    assert!(error.is_no_space(), "{error:?}");
                }
            }
            Step::Truncate { back } => {
                log.truncate_to((log.log_end_offset() - back).max(log.log_start_offset()))?;
                self.values.truncate(usize::try_from(log.log_end_offset()).unwrap());
                self.flushed = self.flushed.min(self.values.len());
            }
            Step::DeleteRecords { share } => {
                let offset = log.log_end_offset() * share / 4;
                log.advance_log_start_offset(offset)?;
                self.deleted = self.deleted.max(offset);
            }
            Step::Retention => {
                // Committed is what is flushed.
                log.set_high_watermark(i64::try_from(self.flushed).unwrap());
                log.apply_retention(NOW_MS)?;
            }
            Step::Fill { .. } | Step::MakeRoom | Step::Kill | Step::PowerFailure | Step::Restart => {
                unreachable!("these happen to the log")
            }
        }
        Ok(())
    }
}

fn live_through(steps: &[Step], encrypted: bool) {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = FaultyDisk::default();
    let mut opened = open_maybe_encrypted(&disk, encrypted, dir.path());
    let mut model = Model::default();
    for step in steps {
        let safe = match step {
            Step::Kill => model.values.len(),
            Step::Restart => {
                let now_ms = if model.flushed % 2 == 0 { NOW_MS } else { QUIET_MS };
                if let Err(error) = opened.dir.clean_shutdown(now_ms) {
                    assert!(error.is_no_space(), "{error:?}");
                }
                model.values.len()
            }
            Step::PowerFailure => model.flushed,
            Step::Fill { room } => {
                disk.set_room(Some(*room));
                continue;
            }
            Step::MakeRoom => {
                disk.set_room(None);
                continue;
            }
            step => {
                model.apply(step, &opened);
                continue;
            }
        };
        drop(opened);
        disk.set_room(None);
        if matches!(step, Step::PowerFailure) {
            disk.lose_unsynced();
            disk = FaultyDisk::default();
        }
        opened = open_maybe_encrypted(&disk, encrypted, dir.path());
        model.check(&opened, safe, matches!(step, Step::PowerFailure));
        model.restarted(&opened);
    }
    model.check(&opened, model.values.len(), false);
}

fn append_records(records: usize) -> Step {
    Step::Append {
        records,
        epoch_is_new: false,
    }
}

/// An index that was safe once is cut and filled again, and its segment becomes complete without another flush: the index
/// of before must not be there after a power failure, where a cut would follow it into the middle of a batch.
#[test]
fn an_index_that_was_cut_does_not_come_back() {
    live_through(
        &[
            append_records(1),
            append_records(4),
            append_records(4),
            append_records(1),
            Step::Restart,
            append_records(2),
            Step::Truncate { back: 8 },
            append_records(1),
            append_records(3),
            append_records(4),
            Step::Flush,
            append_records(3),
            append_records(1),
            Step::Flush,
            append_records(4),
            Step::Restart,
            Step::PowerFailure,
            Step::Truncate { back: 4 },
        ],
        false,
    );
}

/// The log was safe up to its end and is cut in the middle of a batch, so it ends below the cut. A segment with what comes there is
/// complete at the cut: recovery must not take it for safe.
#[test]
fn what_comes_after_a_cut_is_not_safe_because_what_was_cut_was() {
    let mut steps: Vec<Step> = [1, 1, 2, 1].map(append_records).to_vec();
    steps.push(Step::Flush);
    steps.extend([2, 1, 3, 2].map(append_records));
    steps.extend([Step::Flush, Step::Checkpoint, Step::Truncate { back: 3 }]);
    steps.extend([1, 3, 1, 1].map(append_records));
    steps.extend([Step::DeleteRecords { share: 0 }, Step::Kill, Step::PowerFailure]);
    live_through(&steps, false);
}

/// A segment is cut at its end, which is what is flushed then, and a checkpoint says so. What was cut off is there again after a
/// power failure: recovery must not trust the segment before the cut is on the medium.
#[test]
fn a_cut_is_not_trusted_before_it_is_on_the_medium() {
    let mut steps: Vec<Step> = [2, 4, 2, 2, 3].map(append_records).to_vec();
    steps.extend([Step::Flush, Step::Truncate { back: 4 }]);
    steps.extend([2, 1].map(append_records));
    steps.push(Step::Restart);
    steps.extend([4, 2, 1, 1].map(append_records));
    steps.push(Step::Append {
        records: 2,
        epoch_is_new: true,
    });
    steps.extend([Step::Flush, Step::Truncate { back: 1 }]);
    steps.push(append_records(2));
    steps.extend([Step::Truncate { back: 5 }, Step::Checkpoint]);
    steps.push(append_records(3));
    steps.extend([Step::Kill, Step::PowerFailure]);
    live_through(&steps, false);
}

/// What a snapshot has not seen is taken into account also where it has been deleted since.
#[test]
fn producers_go_on_after_records_were_deleted() {
    let mut steps = vec![append_records(1), Step::Flush, Step::Restart];
    steps.extend([append_records(1), append_records(1)]);
    steps.extend([Step::DeleteRecords { share: 3 }, Step::Truncate { back: 1 }]);
    steps.push(append_records(1));
    live_through(&steps, false);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: killed, nothing appended is lost; in a power failure, nothing flushed; and
    /// what is there is what was appended, in its order.
    #[test]
    fn nothing_safe_is_ever_lost(steps in prop::collection::vec(step(), 1..60), encrypted in any::<bool>()) {
        live_through(&steps, encrypted);
    }
}
