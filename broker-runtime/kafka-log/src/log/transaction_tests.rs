//! Transactions against a model: a consumer that reads committed records sees what was committed, in order, and nothing else,
//! whatever becomes of the log: crashes, cuts, compaction, small segments.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use kafka_codec::record_batch::{EndTransactionMarker, RecordBatchBuilder, batches};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{
    AbortedTransaction, AppendOrigin, CleanupPolicy, LeaderAppend, Log, LogConfig,
    storage::{Disk, FaultyDisk},
    testing::{NOW_MS, Opened, QUIET_MS, as_leader, bytes, open},
};

const DELETE_RETENTION_MS: i64 = 1_000;

fn config(compact: bool) -> LogConfig {
    LogConfig {
        segment_bytes: 500,
        index_interval_bytes: 60,
        cleanup_policy: CleanupPolicy { delete: false, compact },
        min_cleanable_dirty_permille: 0,
        delete_retention_ms: DELETE_RETENTION_MS,
        ..LogConfig::default()
    }
}

/// One record of a transaction, or of no producer; its offset is its value.
fn write(log: &Log, producer_id: Option<i64>, sequence: i32, key: u8) {
    let value = log.log_end_offset().to_string();
    let mut builder = RecordBatchBuilder::new();
    let mut append = as_leader(0);
    if let Some(producer_id) = producer_id {
        builder = builder.producer(producer_id, 0, sequence).transactional();
        append.guard = log.begin_verification(producer_id, (0, sequence), false, NOW_MS);
    }
    builder.append(NOW_MS, Some(&[key]), Some(value.as_bytes()), &[]);
    log.append_as_leader(bytes(builder), append).unwrap();
}

fn end(log: &Log, producer_id: i64, committed: bool) {
    let marker = EndTransactionMarker {
        committed,
        coordinator_epoch: 0,
    };
    let append = LeaderAppend {
        origin: AppendOrigin::Marker { bumps_epoch: false },
        ..as_leader(0)
    };
    let batch = marker.to_batch(producer_id, 0, NOW_MS).unwrap().freeze();
    log.append_as_leader(batch, append).unwrap();
}

/// What a consumer that reads committed records from `offset` on sees: keys by offset. It filters as Kafka's does.
fn read_committed(log: &Log, offset: i64) -> BTreeMap<i64, u8> {
    let stable = log.last_stable_offset(log.high_watermark());
    let (mut seen, mut next) = (BTreeMap::new(), offset);
    while next < stable {
        let chunk = log.read(next, 150, stable, true).unwrap();
        let Some(last) = batches(&chunk).last() else { break };
        let mut aborted = log.aborted_transactions(next, last.unwrap().header().next_offset());
        aborted.sort_by_key(|it: &AbortedTransaction| std::cmp::Reverse(it.first_offset));
        let mut skipped: HashSet<i64> = HashSet::new();
        for batch in batches(&chunk) {
            let batch = batch.unwrap();
            let header = batch.header();
            while aborted.last().is_some_and(|it| it.first_offset <= header.last_offset()) {
                skipped.extend(aborted.pop().map(|it| it.producer_id));
            }
            if let Some(marker) = EndTransactionMarker::of(&batch) {
                if !marker.committed {
                    skipped.remove(&header.producer_id);
                }
            } else if !(header.is_transactional() && skipped.contains(&header.producer_id)) {
                for record in &batch.records(usize::MAX).unwrap() {
                    let record = record.unwrap();
                    let value = std::str::from_utf8(record.value.unwrap()).unwrap();
                    assert_eq!(value, record.offset.to_string());
                    if record.offset >= offset {
                        assert!(seen.insert(record.offset, record.key.unwrap()[0]).is_none());
                    }
                }
            }
            next = header.next_offset();
        }
    }
    seen
}

#[derive(Clone, Debug)]
enum Step {
    /// By a producer in its transaction, or by nobody in particular.
    Write(Option<i64>, u8),
    End(i64, bool),
    /// Everything is flushed and committed.
    Commit,
    /// Nobody may send anything again when it ends, or somebody may.
    Restart {
        quiet: bool,
    },
    Crash,
    /// A follower whose end differs: so many offsets go, as far as they are not committed.
    Cut(i64),
    /// Compacts, at a time when all horizons have passed or not.
    Compact(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (prop_oneof![1 => Just(None), 4 => (1_i64..4).prop_map(Some)], 0_u8..6).prop_map(|(who, key)| Step::Write(who, key)),
        4 => (1_i64..4, any::<bool>()).prop_map(|(who, committed)| Step::End(who, committed)),
        2 => Just(Step::Commit),
        1 => any::<bool>().prop_map(|quiet| Step::Restart { quiet }),
        1 => Just(Step::Crash),
        1 => (0_i64..6).prop_map(Step::Cut),
        1 => any::<bool>().prop_map(Step::Compact),
    ]
}

/// What was written: a record with its transaction, or the end of one.
#[derive(Clone, Copy, Debug)]
enum Written {
    Record { producer: Option<i64>, key: u8 },
    End { producer: i64, committed: bool },
}

#[derive(Default)]
struct Model {
    all: Vec<Written>,
}

impl Model {
    fn next_sequence(&self, producer_id: i64) -> i32 {
        let of_producer = self
            .all
            .iter()
            .filter(|it| matches!(it, Written::Record { producer: Some(producer), .. } if *producer == producer_id));
        i32::try_from(of_producer.count()).unwrap()
    }

    /// Where the first transaction begins that is open below `high_watermark`.
    fn last_stable_offset(&self, high_watermark: i64) -> i64 {
        let (_, open) = self.decided(high_watermark);
        let first = open.values().filter_map(|records| Some(records.first()?.0)).min();
        first.unwrap_or(high_watermark)
    }

    /// Records below `stable` that count.
    fn committed(&self, stable: i64) -> BTreeMap<i64, u8> {
        let (mut counted, _) = self.decided(i64::MAX);
        counted.retain(|offset, _| *offset < stable);
        counted
    }

    /// Records that count, and those of open transactions, as the first `count` entries say.
    fn decided(&self, count: i64) -> (BTreeMap<i64, u8>, BTreeMap<i64, Vec<(i64, u8)>>) {
        let (mut counted, mut open) = (BTreeMap::new(), BTreeMap::<i64, Vec<(i64, u8)>>::new());
        let entries = self.all.iter().take(usize::try_from(count).unwrap());
        for (offset, written) in (0..).zip(entries) {
            match *written {
                Written::Record { producer: None, key } => drop(counted.insert(offset, key)),
                Written::Record {
                    producer: Some(producer),
                    key,
                } => {
                    open.entry(producer).or_default().push((offset, key));
                }
                Written::End { producer, committed } => {
                    let records = open.remove(&producer).unwrap_or_default();
                    counted.extend(records.into_iter().filter(|_| committed));
                }
            }
        }
        (counted, open)
    }
}

/// A log, and what should be in it.
struct Life {
    path: TempDir,
    compact: bool,
    opened: Option<Opened>,
    model: Model,
    committed: i64,
    compacted: bool,
}

impl Life {
    fn new(compact: bool) -> Self {
        let path = tempfile::tempdir().unwrap();
        let opened = Some(open(Arc::new(FaultyDisk::default()), path.path(), config(compact)));
        Self {
            path,
            compact,
            opened,
            model: Model::default(),
            committed: 0,
            compacted: false,
        }
    }

    fn log(&self) -> Arc<Log> {
        Arc::clone(&self.opened.as_ref().unwrap().log)
    }

    fn reopen(&mut self) {
        self.opened = Some(open(
            Arc::new(FaultyDisk::default()),
            self.path.path(),
            config(self.compact),
        ));
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Write(producer, key) => {
                let sequence = producer.map_or(0, |producer| self.model.next_sequence(producer));
                write(&self.log(), producer, sequence, key);
                self.model.all.push(Written::Record { producer, key });
            }
            Step::End(producer, committed) => {
                end(&self.log(), producer, committed);
                self.model.all.push(Written::End { producer, committed });
            }
            Step::Commit => {
                self.log().flush().unwrap();
                self.committed = self.log().log_end_offset();
                self.log().set_high_watermark(self.committed);
            }
            Step::Restart { quiet } => {
                let now_ms = if quiet { QUIET_MS } else { NOW_MS };
                self.opened.take().unwrap().dir.clean_shutdown(now_ms).unwrap();
                self.reopen();
            }
            Step::Crash => {
                self.opened = None;
                self.reopen();
                // The checkpoint was not written; the leader tells it again.
                self.log().set_high_watermark(self.committed);
            }
            Step::Cut(offsets) => {
                let offset = (self.log().log_end_offset() - offsets).max(self.committed);
                self.log().truncate_to(offset).unwrap();
                self.model.all.truncate(usize::try_from(offset).unwrap());
            }
            Step::Compact(later) => {
                let now_ms = if later {
                    NOW_MS + 10 * DELETE_RETENTION_MS
                } else {
                    NOW_MS
                };
                self.compacted |= self.log().compact(now_ms).unwrap().is_some_and(|it| it.segments > 0);
            }
        }
    }

    fn check(&self) {
        let log = self.log();
        assert_eq!(log.log_end_offset(), i64::try_from(self.model.all.len()).unwrap());
        let stable = log.last_stable_offset(log.high_watermark());
        assert_eq!(stable, self.model.last_stable_offset(log.high_watermark()));
        let expected = self.model.committed(stable);
        let seen = read_committed(&log, 0);
        if !self.compacted {
            assert_eq!(seen, expected);
            let middle = stable / 2;
            let rest: BTreeMap<i64, u8> = expected.into_iter().filter(|(offset, _)| *offset >= middle).collect();
            assert_eq!(read_committed(&log, middle), rest);
            return;
        }
        let last: BTreeMap<u8, i64> = expected.iter().map(|(offset, key)| (*key, *offset)).collect();
        let kept: BTreeSet<i64> = last.into_values().collect();
        assert!(
            seen.iter().all(|(offset, key)| expected.get(offset) == Some(key)),
            "{seen:?} of {expected:?}"
        );
        assert!(
            kept.iter().all(|offset| seen.contains_key(offset)),
            "{seen:?} lacks some of {kept:?}"
        );
    }
}

/// Carries the steps out and compares after each.
fn live(steps: Vec<Step>, compact: bool) {
    let mut life = Life::new(compact);
    for step in steps {
        life.carry_out(step);
        life.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn readers_of_committed_records_see_what_counts(steps in prop::collection::vec(step(), 1..60)) {
        live(steps, false);
    }

    #[test]
    fn compaction_changes_nothing_about_it(steps in prop::collection::vec(step(), 1..120)) {
        live(steps, true);
    }
}

/// The last batch of a producer stays, and what is not committed may be cut off: it is the one before that has to.
#[test]
fn producers_go_on_after_compaction_and_a_cut() {
    let mut steps = vec![Step::Write(Some(2), 0), Step::Write(Some(2), 0), Step::End(2, false)];
    steps.extend((0..12).map(|_| Step::Write(None, 0)));
    steps.extend([Step::Commit, Step::Restart { quiet: false }]);
    steps.extend([Step::Write(Some(2), 0), Step::Compact(false), Step::Cut(1)]);
    steps.push(Step::Write(Some(2), 0));
    live(steps, true);
}

#[test]
fn compaction_leaves_nothing_of_old_transactions() {
    let path = tempfile::tempdir().unwrap();
    let opened = open(Arc::new(Disk), path.path(), config(true));
    let log = &opened.log;
    for round in 0..40 {
        write(log, Some(1), round, 0);
        end(log, 1, round % 2 == 0);
    }
    // The last one is in the active segment: what comes before may go.
    let commit = || {
        log.flush().unwrap();
        log.set_high_watermark(log.log_end_offset());
    };
    commit();
    let before = log.size_in_bytes();
    let mut now_ms = NOW_MS;
    for _ in 0..4 {
        // Records go, then markers get a horizon, then they go.
        let _ = log.compact(now_ms).unwrap();
        (0..20).for_each(|_| write(log, None, 0, 9));
        commit();
        now_ms += 2 * DELETE_RETENTION_MS;
    }
    assert!(log.size_in_bytes() < before / 2, "{} of {before}", log.size_in_bytes());
}
