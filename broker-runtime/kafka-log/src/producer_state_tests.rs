//! Sequence numbers against a model, and snapshots against bytes.

use kafka_codec::record_batch::RecordBatchBuilder;
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

const PRODUCER: (i64, i16) = (7, 0);

#[test]
fn batches_in_sequence_are_accepted_and_gaps_are_not() {
    let mut states = ProducerStates::default();
    for (offset, sequence) in [(0, 0), (3, 3), (6, 6)] {
        let batch = header(offset, PRODUCER, sequence, 3);
        assert_eq!(states.check(&batch).unwrap(), None);
        states.apply(&batch);
    }
    let gap = states.check(&header(9, PRODUCER, 10, 1));
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
        states.apply(&header(i64::from(index) * 2, PRODUCER, index * 2, 2));
    }
    for index in 2..7 {
        let found = states.check(&header(100, PRODUCER, index * 2, 2)).unwrap().unwrap();
        let base_offset = i64::from(index) * 2;
        assert_eq!((found.base_offset, found.last_offset), (base_offset, base_offset + 1));
    }
    // Older ones and other cuts of the same records are not.
    for (sequence, count) in [(0, 2), (2, 2), (12, 1), (11, 2)] {
        assert!(
            states.check(&header(100, PRODUCER, sequence, count)).is_err(),
            "{sequence} {count}"
        );
    }
}

#[test]
fn sequences_wrap_to_zero() {
    let mut states = ProducerStates::default();
    states.apply(&header(0, PRODUCER, i32::MAX - 1, 2));
    assert_eq!(states.check(&header(2, PRODUCER, 0, 1)).unwrap(), None);
    states.apply(&header(2, PRODUCER, 0, 1));
    // A batch across the wrap.
    let mut states = ProducerStates::default();
    states.apply(&header(0, PRODUCER, i32::MAX, 3));
    assert!(states.check(&header(9, PRODUCER, i32::MAX, 3)).unwrap().is_some());
    assert_eq!(states.check(&header(3, PRODUCER, 2, 1)).unwrap(), None);
}

#[test]
fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
    let mut states = ProducerStates::default();
    states.apply(&header(0, (7, 1), 0, 5));
    assert!(matches!(
        states.check(&header(5, (7, 2), 5, 1)),
        Err(LogError::OutOfOrderSequence { last: -1, .. })
    ));
    assert_eq!(states.check(&header(5, (7, 2), 0, 1)).unwrap(), None);
    states.apply(&header(5, (7, 2), 0, 1));
    let fenced = states.check(&header(6, (7, 1), 5, 1));
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
        ProducerStates::default().check(&header(0, PRODUCER, 123, 1)).unwrap(),
        None
    );
}

#[test]
fn quiet_producers_are_forgotten() {
    let mut states = ProducerStates::default();
    states.apply(&header(0, (1, 0), 0, 1));
    states.apply(&header(500, (2, 0), 0, 1));
    states.remove_expired(1400, 400);
    assert_eq!(
        states.infos().iter().map(|info| info.producer_id).collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn snapshots_have_kafkas_layout() {
    let mut states = ProducerStates::default();
    states.apply(&header(40, (9, 3), 5, 2));
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
            states.apply(&header(40, (producer_id, 3), 5, 2));
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
            match states.check(&batch) {
                Ok(None) => {
                    prop_assert_eq!(index, stored.len());
                    stored.push((index, end));
                    states.apply(&batch);
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
