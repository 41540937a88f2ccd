//! Batches of idempotent producers that were refused a moment ago with an error that goes by.
//!
//! A client has up to five batches on their way. Where the first finds the disk full or too few replicas in sync, the next one may
//! find room, and is then out of order. Apache Kafka says so, with OUT_OF_ORDER_SEQUENCE_NUMBER; librdkafka answers that with
//! a new producer epoch, in which it sends again all that is not acknowledged, of every partition: what had been written and was
//! still to be replicated then stands there twice, with nothing by which a broker could tell. So what follows a refused batch is
//! refused with the same error, and the client sends all of them again in their order, in the epoch they have.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use kafka_codec::{ErrorCode, record_batch::BatchHeader};
use parking_lot::Mutex;

/// For so long a client may wait before it sends a refused batch again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Of one producer in one partition: as many as a client may have on their way.
const BATCHES_MAX: usize = 5;
/// Producers in partitions. Beyond them nothing is remembered, and batches are out of order as they are with Apache Kafka.
const PRODUCERS_MAX: usize = 10_000;

/// Who sends to where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sender {
    topic: String,
    index: i32,
    producer_id: i64,
    producer_epoch: i16,
}

impl Sender {
    fn of((topic, index): (&str, i32), header: &BatchHeader) -> Self {
        Self {
            topic: topic.to_owned(),
            index,
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    sequence: i32,
    code: ErrorCode,
    at: Instant,
}

/// What was refused lately.
#[derive(Debug, Default)]
pub(crate) struct RefusedBatches {
    by_sender: Mutex<HashMap<Sender, VecDeque<Refused>>>,
    /// False while there is nothing to look for: that costs no lock.
    any: AtomicBool,
}

impl RefusedBatches {
    /// Takes down that a batch was refused; only what a client sends again counts, and only what has a sequence number.
    pub(super) fn note(&self, place: (&str, i32), header: &BatchHeader, code: ErrorCode, now: Instant) {
        if !header.has_producer_id() || !code.is_retriable() {
            return;
        }
        let mut by_sender = self.by_sender.lock();
        if by_sender.len() >= PRODUCERS_MAX {
            by_sender.retain(|_, batches| batches.back().is_some_and(|last| is_remembered(last, now)));
        }
        let sender = Sender::of(place, header);
        if by_sender.len() >= PRODUCERS_MAX && !by_sender.contains_key(&sender) {
            return;
        }
        let batches = by_sender.entry(sender).or_default();
        let sequence = header.base_sequence;
        batches.retain(|it| it.sequence != sequence && is_remembered(it, now));
        if batches.len() == BATCHES_MAX {
            batches.pop_front();
        }
        batches.push_back(Refused {
            sequence,
            code,
            at: now,
        });
        self.any.store(true, Ordering::Release);
    }

    /// Why the batch was refused that the log waits for, where `last` is the last sequence number it has; `None` when that one
    /// was not refused here.
    pub(super) fn missing(
        &self,
        place: (&str, i32),
        header: &BatchHeader,
        last: i32,
        now: Instant,
    ) -> Option<ErrorCode> {
        let awaited = last.checked_add(1).unwrap_or(0);
        self.find(place, header, now, |sequence| sequence == awaited)
    }

    /// Why a batch before this one was refused. It is for logs that have nothing of the producer: they take any sequence number
    /// for its first, and would then never take the ones before it.
    pub(super) fn refused_before(&self, place: (&str, i32), header: &BatchHeader, now: Instant) -> Option<ErrorCode> {
        self.find(place, header, now, |sequence| sequence < header.base_sequence)
    }

    /// Nothing was refused lately.
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    fn find(
        &self,
        place: (&str, i32),
        header: &BatchHeader,
        now: Instant,
        wanted: impl Fn(i32) -> bool,
    ) -> Option<ErrorCode> {
        if self.is_empty() || !header.has_producer_id() {
            return None;
        }
        let mut by_sender = self.by_sender.lock();
        let sender = Sender::of(place, header);
        let batches = by_sender.get_mut(&sender)?;
        batches.retain(|it| is_remembered(it, now));
        let found = batches.iter().find(|it| wanted(it.sequence)).map(|it| it.code);
        if batches.is_empty() {
            by_sender.remove(&sender);
            self.any.store(!by_sender.is_empty(), Ordering::Release);
        }
        found
    }
}

fn is_remembered(refused: &Refused, now: Instant) -> bool {
    now.saturating_duration_since(refused.at) < REMEMBERED
}

#[cfg(test)]
mod tests {
    use kafka_codec::record_batch::RecordBatchBuilder;

    use super::*;

    const PLACE: (&str, i32) = ("orders", 0);

    fn header(producer_epoch: i16, sequence: i32) -> BatchHeader {
        let mut builder = RecordBatchBuilder::new().producer(7, producer_epoch, sequence);
        builder.append(0, None, None, &[]);
        BatchHeader::parse(&builder.build().unwrap()).unwrap()
    }

    #[test]
    fn what_follows_a_refused_batch_is_refused_for_its_reason() {
        let (refused, now) = (RefusedBatches::default(), Instant::now());
        refused.note(PLACE, &header(3, 10), ErrorCode::KafkaStorageError, now);
        let missing = |header: &BatchHeader, last| refused.missing(PLACE, header, last, now);
        assert_eq!(missing(&header(3, 12), 9), Some(ErrorCode::KafkaStorageError));
        assert_eq!(missing(&header(3, 14), 11), None, "10 and 11 have come in the meantime");
        assert_eq!(missing(&header(4, 12), 9), None, "another epoch begins anew");
        assert_eq!(refused.missing(("orders", 1), &header(3, 12), 9, now), None);
        let later = now + REMEMBERED;
        assert_eq!(
            refused.missing(PLACE, &header(3, 12), 9, later),
            None,
            "nobody sends it again"
        );
    }

    #[test]
    fn a_producer_that_is_new_here_begins_with_what_was_refused() {
        let (refused, now) = (RefusedBatches::default(), Instant::now());
        assert_eq!(refused.refused_before(PLACE, &header(0, 4), now), None);
        refused.note(PLACE, &header(0, 0), ErrorCode::NotLeaderOrFollower, now);
        let before = |sequence| refused.refused_before(PLACE, &header(0, sequence), now);
        assert_eq!(before(4), Some(ErrorCode::NotLeaderOrFollower));
        assert_eq!(before(0), None);
        assert_eq!(refused.refused_before(PLACE, &header(0, 4), now + REMEMBERED), None);
        assert!(refused.is_empty(), "nothing is left to look for");
    }

    #[test]
    fn a_later_batch_that_was_refused_too_does_not_hide_the_first() {
        let (refused, now) = (RefusedBatches::default(), Instant::now());
        for sequence in [i32::MAX, 0, 2, 4, 6] {
            refused.note(PLACE, &header(0, sequence), ErrorCode::NotEnoughReplicas, now);
        }
        let missing = |last| refused.missing(PLACE, &header(0, 8), last, now);
        assert!(missing(i32::MAX - 1).is_some());
        assert!(missing(i32::MAX).is_some(), "numbers begin again at 0");
        refused.note(PLACE, &header(0, 8), ErrorCode::NotEnoughReplicas, now);
        assert!(missing(i32::MAX - 1).is_none(), "a client has five on their way");
    }

    #[test]
    fn only_errors_that_go_by_and_only_so_many_producers_are_remembered() {
        let (refused, now) = (RefusedBatches::default(), Instant::now());
        refused.note(PLACE, &header(0, 0), ErrorCode::MessageTooLarge, now);
        assert!(refused.by_sender.lock().is_empty());
        for index in 0..=i32::try_from(PRODUCERS_MAX).unwrap() {
            refused.note(("orders", index), &header(0, 0), ErrorCode::NotEnoughReplicas, now);
        }
        assert_eq!(refused.by_sender.lock().len(), PRODUCERS_MAX);
        refused.note(PLACE, &header(1, 0), ErrorCode::NotEnoughReplicas, now + REMEMBERED);
        assert_eq!(
            refused.by_sender.lock().len(),
            1,
            "the others have been silent for too long"
        );
    }
}
