//! Sequence numbers against a model, and snapshots against bytes.

use kafka_codec::record_batch::{RecordBatch, RecordBatchBuilder, crc32c};
use proptest::prelude::*;

use super::*;

fn header(base_offset: i64, producer: (i64, i16), sequence: i32, count: i32) -> BatchHeader {
    let mut builder = RecordBatchBuilder::new()
        .base_offset(base_offset)
        .producer(producer.0, producer.1, sequence);
    for _ in 0..count {
        builder.append(1000 + base_offset, None, None, &[]);
    }
    BatchHeader::parse(&builder.build().unwrap()).unwrap()
}

fn check(states: &ProducerStates, header: &BatchHeader) -> Result<Option<Duplicate>, LogError> {
    states.check(header, AppendOrigin::Client, None)
}

/// A batch of a transaction.
fn of_transaction(base_offset: i64, producer: (i64, i16), sequence: i32) -> BatchHeader {
    let mut builder = RecordBatchBuilder::new()
        .base_offset(base_offset)
        .producer(producer.0, producer.1, sequence)
        .transactional();
    builder.append(1000, None, None, &[]);
    BatchHeader::parse(&builder.build().unwrap()).unwrap()
}

fn marker(base_offset: i64, producer: (i64, i16), committed: bool) -> (BatchHeader, EndTransactionMarker) {
    let marker = EndTransactionMarker {
        committed,
        coordinator_epoch: 4,
    };
    let bytes = marker.to_batch(producer.0, producer.1, 2000).unwrap();
    let mut header = *RecordBatch::parse(&bytes).unwrap().header();
    header.base_offset = base_offset;
    (header, marker)
}

const PRODUCER: (i64, i16) = (7, 0);

#[test]
fn a_transaction_begins_only_when_it_was_verified() {
    let mut states = ProducerStates::default();
    let first = of_transaction(10, PRODUCER, 0);
    let refused = states.check(&first, AppendOrigin::Client, None);
    assert!(matches!(refused, Err(LogError::InvalidTransactionState { .. })));
    let guard = states.transactions.verify(7, (0, 0), false, 0);
    assert_eq!(states.check(&first, AppendOrigin::Client, Some(guard)).unwrap(), None);
    // A marker in between takes the guard away: the coordinator was asked before it.
    let (header, end) = marker(10, PRODUCER, false);
    assert_eq!(states.apply(&header, Some(end)), None);
    let late = states.check(&of_transaction(11, PRODUCER, 0), AppendOrigin::Client, Some(guard));
    assert!(matches!(late, Err(LogError::InvalidTransactionState { .. })));
}

#[test]
fn what_follows_in_an_open_transaction_needs_no_guard_and_nothing_else_is_taken() {
    let mut states = ProducerStates::default();
    states.apply(&of_transaction(10, PRODUCER, 0), None);
    assert!(states.has_open_transaction(7, 0) && !states.has_open_transaction(7, 1));
    assert_eq!(check(&states, &of_transaction(11, PRODUCER, 1)).unwrap(), None);
    let outside = check(&states, &header(11, PRODUCER, 1, 1));
    assert!(matches!(outside, Err(LogError::InvalidTransactionState { .. })));
}

#[test]
fn transactions_are_unstable_until_the_high_watermark_has_passed_their_markers() {
    let mut states = ProducerStates::default();
    states.apply(&of_transaction(10, (7, 0), 0), None);
    states.apply(&of_transaction(11, (8, 0), 0), None);
    let (header, end) = marker(12, (7, 0), false);
    let ended = states.apply(&header, Some(end)).unwrap();
    assert_eq!(
        (ended.first_offset, ended.last_offset, ended.last_stable_offset),
        (10, 12, 11)
    );
    assert_eq!(states.transactions.first_unstable_offset(), Some(10));
    states.transactions.committed(12);
    assert_eq!(states.transactions.first_uncommitted_marker(), Some(12));
    states.transactions.committed(13);
    assert_eq!(states.transactions.first_unstable_offset(), Some(11));
    let (header, end) = marker(13, (8, 0), true);
    assert_eq!(states.apply(&header, Some(end)).unwrap().last_stable_offset, 14);
    states.transactions.committed(14);
    assert_eq!(states.transactions.first_unstable_offset(), None);
}

#[test]
fn old_coordinators_and_late_markers_are_refused() {
    let mut states = ProducerStates::default();
    states.apply(&of_transaction(10, (7, 1), 0), None);
    let (header, end) = marker(11, (7, 2), true);
    assert_eq!(states.check_marker(&header, end, true).unwrap(), MarkerVerdict::New);
    states.apply(&header, Some(end));
    // The same marker again: known, and nothing to do.
    assert_eq!(states.check_marker(&header, end, true).unwrap(), MarkerVerdict::Known);
    // It would end the next transaction, whose records have its epoch.
    states.apply(&of_transaction(12, (7, 2), 0), None);
    let late = states.check_marker(&header, end, true);
    assert!(matches!(late, Err(LogError::InvalidProducerEpoch { .. })));
    // Without newer epochs nobody can tell.
    assert_eq!(states.check_marker(&header, end, false).unwrap(), MarkerVerdict::New);
    let old = EndTransactionMarker {
        coordinator_epoch: 3,
        ..end
    };
    let (newer, _) = marker(13, (7, 3), true);
    let fenced = states.check_marker(&newer, old, true);
    assert!(matches!(
        fenced,
        Err(LogError::CoordinatorFenced {
            epoch: 3,
            current: 4,
            ..
        })
    ));
}

#[test]
fn open_transactions_survive_in_snapshots_and_do_not_expire() {
    let mut states = ProducerStates::default();
    states.apply(&of_transaction(10, (7, 0), 0), None);
    let mut read = ProducerStates::from_snapshot(&states.to_snapshot()).unwrap();
    assert_eq!(read.transactions.first_unstable_offset(), Some(10));
    read.remove_expired(i64::MAX, 1);
    assert!(read.has_open_transaction(7, 0));
}

#[test]
fn with_new_epochs_a_partition_begins_at_zero() {
    let mut states = ProducerStates::default();
    let guard = states.transactions.verify(7, (3, 5), true, 0);
    let lost = states.check(&of_transaction(0, (7, 3), 5), AppendOrigin::Client, Some(guard));
    assert!(matches!(lost, Err(LogError::OutOfOrderSequence { .. })));
    let guard = states.transactions.verify(7, (3, 0), true, 0);
    assert_eq!(
        states
            .check(&of_transaction(0, (7, 3), 0), AppendOrigin::Client, Some(guard))
            .unwrap(),
        None
    );
}

#[test]
fn batches_in_sequence_are_accepted_and_gaps_are_not() {
    let mut states = ProducerStates::default();
    for (offset, sequence) in [(0, 0), (3, 3), (6, 6)] {
        let batch = header(offset, PRODUCER, sequence, 3);
        assert_eq!(check(&states, &batch).unwrap(), None);
        states.apply(&batch, None);
    }
    let gap = check(&states, &header(9, PRODUCER, 10, 1));
    assert!(matches!(
        gap,
        Err(LogError::OutOfOrderSequence {
            sequence: 10,
            last: 8,
            ..
        })
    ));
}

#[test]
fn the_last_five_batches_are_recognised() {
    let mut states = ProducerStates::default();
    for index in 0..7 {
        states.apply(&header(i64::from(index) * 2, PRODUCER, index * 2, 2), None);
    }
    for index in 2..7 {
        let found = check(&states, &header(100, PRODUCER, index * 2, 2)).unwrap().unwrap();
        let base_offset = i64::from(index) * 2;
        assert_eq!((found.base_offset, found.last_offset), (base_offset, base_offset + 1));
    }
    // Older ones and other cuts of the same records are not.
    for (sequence, count) in [(0, 2), (2, 2), (12, 1), (11, 2)] {
        assert!(
            check(&states, &header(100, PRODUCER, sequence, count)).is_err(),
            "{sequence} {count}"
        );
    }
}

#[test]
fn sequences_wrap_to_zero() {
    let mut states = ProducerStates::default();
    states.apply(&header(0, PRODUCER, i32::MAX - 1, 2), None);
    assert_eq!(check(&states, &header(2, PRODUCER, 0, 1)).unwrap(), None);
    states.apply(&header(2, PRODUCER, 0, 1), None);
    // A batch across the wrap.
    let mut states = ProducerStates::default();
    states.apply(&header(0, PRODUCER, i32::MAX, 3), None);
    assert!(check(&states, &header(9, PRODUCER, i32::MAX, 3)).unwrap().is_some());
    assert_eq!(check(&states, &header(3, PRODUCER, 2, 1)).unwrap(), None);
}

#[test]
fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
    let mut states = ProducerStates::default();
    states.apply(&header(0, (7, 1), 0, 5), None);
    assert!(matches!(
        check(&states, &header(5, (7, 2), 5, 1)),
        Err(LogError::OutOfOrderSequence { last: -1, .. })
    ));
    assert_eq!(check(&states, &header(5, (7, 2), 0, 1)).unwrap(), None);
    states.apply(&header(5, (7, 2), 0, 1), None);
    let fenced = check(&states, &header(6, (7, 1), 5, 1));
    assert!(matches!(
        fenced,
        Err(LogError::InvalidProducerEpoch {
            epoch: 1,
            current: 2,
            ..
        })
    ));
}

#[test]
fn unknown_producers_may_begin_anywhere() {
    assert_eq!(
        check(&ProducerStates::default(), &header(0, PRODUCER, 123, 1)).unwrap(),
        None
    );
}

#[test]
fn quiet_producers_are_forgotten() {
    let mut states = ProducerStates::default();
    states.apply(&header(0, (1, 0), 0, 1), None);
    states.apply(&header(500, (2, 0), 0, 1), None);
    states.remove_expired(1400, 400);
    assert_eq!(
        states.infos().iter().map(|info| info.producer_id).collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn snapshots_have_kafkas_layout() {
    let mut states = ProducerStates::default();
    states.apply(&header(40, (9, 3), 5, 2), None);
    let file = states.to_snapshot();
    assert_eq!(file.len(), 6 + 4 + 46);
    assert_eq!(file[..2], [0, 1]);
    assert_eq!(file[2..6], crc32c(&file[6..]).to_be_bytes());
    let mut expected = vec![0, 0, 0, 1];
    expected.extend_from_slice(&9_i64.to_be_bytes());
    expected.extend_from_slice(&3_i16.to_be_bytes());
    expected.extend_from_slice(&6_i32.to_be_bytes());
    expected.extend_from_slice(&41_i64.to_be_bytes());
    expected.extend_from_slice(&1_i32.to_be_bytes());
    expected.extend_from_slice(&1040_i64.to_be_bytes());
    expected.extend_from_slice(&(-1_i32).to_be_bytes());
    expected.extend_from_slice(&(-1_i64).to_be_bytes());
    assert_eq!(file[6..], expected);
    assert_eq!(ProducerStates::from_snapshot(&file), Some(states));
}

proptest! {
    #[test]
    fn damaged_snapshots_are_noticed(position in 0_usize..200, bit in 0_u8..8, cut in 0_usize..200) {
        let mut states = ProducerStates::default();
        for producer_id in 0..3 {
            states.apply(&header(40, (producer_id, 3), 5, 2), None);
        }
        let file = states.to_snapshot();
        if cut < file.len() {
            prop_assert_eq!(ProducerStates::from_snapshot(&file[..cut]), None);
        }
        let mut flipped = file.clone();
        let position = position % flipped.len();
        flipped[position] ^= 1 << bit;
        prop_assert_eq!(ProducerStates::from_snapshot(&flipped), None);
    }

    /// Whatever is sent, in any order, twice or not at all: what is stored of a producer is a run without gaps, and a
    /// batch that was stored is never stored again.
    #[test]
    fn stored_batches_are_a_run_without_gaps(
        sends in prop::collection::vec(0_usize..30, 0..200),
        sizes in prop::collection::vec(1_i32..4, 30),
        start in prop::sample::select(vec![0, 100, i32::MAX - 20]),
    ) {
        let mut batches = Vec::new();
        let mut sequence = start;
        for size in &sizes {
            batches.push((sequence, *size));
            sequence = header(0, PRODUCER, sequence, size + 1).last_sequence();
        }
        let mut states = ProducerStates::default();
        let mut stored: Vec<(usize, i64)> = Vec::new();
        let mut end = 0;
        // The first one decides where the run begins.
        for index in std::iter::once(0).chain(sends) {
            let (sequence, size) = batches[index];
            let batch = header(end, PRODUCER, sequence, size);
            match check(&states, &batch) {
                Ok(None) => {
                    prop_assert_eq!(index, stored.len());
                    stored.push((index, end));
                    states.apply(&batch, None);
                    end += i64::from(size);
                }
                Ok(Some(duplicate)) => {
                    prop_assert!(stored.contains(&(index, duplicate.base_offset)));
                    prop_assert!(stored.len() - index <= 5);
                }
                Err(_) => prop_assert!(index > stored.len() || stored.len() - index > 5),
            }
        }
    }
}
