//! A transactional id, question by question.

use std::sync::Arc;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;
const TIMEOUT_MS: i32 = 60_000;

fn partition(partition: i32) -> TopicPartition {
    TopicPartition {
        topic: Arc::from("orders"),
        partition,
    }
}

fn written(next: Result<Next, TransactionError>) -> Transaction {
    match next {
        Ok(Next::Write(next)) => next,
        other => panic!("{other:?}"),
    }
}

fn init(transaction: &Transaction) -> Transaction {
    written(transaction.init(None, TIMEOUT_MS, None, NOW_MS))
}

fn fresh() -> Transaction {
    init(&Transaction::new(5, TIMEOUT_MS, NOW_MS))
}

fn ongoing(bumps_epoch: bool) -> Transaction {
    let empty = fresh();
    let added = empty.add(empty.producer, &[partition(0)], bumps_epoch, NOW_MS);
    added.unwrap().unwrap()
}

fn end(transaction: &Transaction, commit: bool, bumps_epoch: bool) -> Result<Next, TransactionError> {
    transaction.end(transaction.producer, commit, bumps_epoch, None, NOW_MS)
}

#[test]
fn a_producer_begins_with_epoch_0_and_fences_the_one_before() {
    let first = fresh();
    assert_eq!((first.producer.epoch, first.state), (0, TransactionState::Empty));
    let second = init(&first);
    assert_eq!(second.producer, ProducerIdentity { id: 5, epoch: 1 });
    let add = second.add(first.producer, &[partition(0)], false, NOW_MS);
    assert_eq!(add, Err(TransactionError::ProducerFenced));
    let other = ProducerIdentity { id: 6, epoch: 1 };
    let add = second.add(other, &[partition(0)], false, NOW_MS);
    assert_eq!(add, Err(TransactionError::InvalidProducerIdMapping));
}

#[test]
fn a_producer_that_says_who_it_is_goes_on_and_may_ask_again() {
    let first = fresh();
    let asked = |transaction: &Transaction, epoch| {
        let expected = Some(ProducerIdentity { id: 5, epoch });
        transaction.init(expected, TIMEOUT_MS, None, NOW_MS)
    };
    let second = written(asked(&first, 0));
    assert_eq!((second.producer.epoch, second.last_epoch), (1, 0));
    // The answer was lost.
    assert_eq!(written(asked(&second, 0)).producer.epoch, 1);
    assert_eq!(written(asked(&second, 1)).producer.epoch, 2);
    let third = init(&second);
    assert_eq!(asked(&third, 0), Err(TransactionError::ProducerFenced));
}

#[test]
fn what_is_open_is_aborted_before_another_begins() {
    let open = ongoing(false);
    let Ok(Next::Fence(fenced)) = open.init(None, TIMEOUT_MS, None, NOW_MS) else {
        panic!("the open transaction is in the way");
    };
    assert_eq!(
        (fenced.state, fenced.producer.epoch),
        (TransactionState::PrepareAbort, 1)
    );
    assert_eq!(fenced.partitions, open.partitions);
    let again = fenced.init(None, TIMEOUT_MS, None, NOW_MS);
    assert_eq!(again, Err(TransactionError::ConcurrentTransactions));
    let completed = fenced.completed(NOW_MS);
    assert_eq!(
        (completed.state, completed.partitions.len()),
        (TransactionState::CompleteAbort, 0)
    );
    assert_eq!(init(&completed).producer.epoch, 2);
}

#[test]
fn partitions_are_added_once() {
    let open = ongoing(false);
    let add = |partitions: &[_]| open.add(open.producer, partitions, false, NOW_MS).unwrap();
    assert_eq!(add(&[partition(0)]), None);
    let more = add(&[partition(0), partition(1)]).unwrap();
    assert_eq!((more.partitions.len(), more.start_ms), (2, open.start_ms));
    let verified = more.verify(more.producer, &[partition(1), partition(2)]).unwrap();
    assert_eq!(verified, [Ok(()), Err(TransactionError::TransactionAbortable)]);
}

#[test]
fn an_end_is_decided_once_and_may_be_asked_for_again() {
    for commit in [true, false] {
        let decided = written(end(&ongoing(false), commit, false));
        assert_eq!(decided.state, TransactionState::prepare(commit));
        assert_eq!(decided.producer.epoch, 0);
        assert_eq!(
            end(&decided, commit, false),
            Err(TransactionError::ConcurrentTransactions)
        );
        assert_eq!(
            end(&decided, !commit, false),
            Err(TransactionError::ConcurrentTransactions)
        );
        let verified = decided.verify(decided.producer, &[partition(0)]);
        assert_eq!(verified, Err(TransactionError::ConcurrentTransactions));
        let completed = decided.completed(NOW_MS);
        assert_eq!(end(&completed, commit, false), Ok(Next::Answer(completed.producer)));
        assert_eq!(end(&completed, !commit, false), Err(TransactionError::InvalidTxnState));
        assert_eq!(end(&fresh(), commit, false), Err(TransactionError::InvalidTxnState));
    }
}

#[test]
fn with_new_epochs_a_late_end_cannot_end_the_next_transaction() {
    let open = ongoing(true);
    let old = open.producer;
    let decided = written(end(&open, true, true));
    assert_eq!((decided.producer.epoch, decided.successor().epoch), (1, 1));
    let completed = decided.completed(NOW_MS);
    let late = |transaction: &Transaction, commit| transaction.end(old, commit, true, None, NOW_MS);
    // The answer was lost: it is given again.
    assert_eq!(late(&completed, true), Ok(Next::Answer(completed.producer)));
    assert_eq!(late(&completed, false), Err(TransactionError::InvalidTxnState));
    let next = completed.add(completed.producer, &[partition(0)], true, NOW_MS);
    let next = next.unwrap().unwrap();
    for commit in [true, false] {
        assert_eq!(late(&next, commit), Err(TransactionError::ProducerFenced));
    }
}

#[test]
fn with_new_epochs_nothing_can_be_aborted_but_not_committed() {
    let empty = fresh();
    assert_eq!(end(&empty, true, true), Err(TransactionError::InvalidTxnState));
    let aborted = written(end(&empty, false, true));
    assert_eq!(
        (aborted.state, aborted.producer.epoch),
        (TransactionState::PrepareAbort, 1)
    );
    assert_eq!(aborted.partitions.len(), 0);
}

#[test]
fn used_up_epochs_lead_to_a_new_id() {
    let mut empty = fresh();
    empty.producer.epoch = CLIENT_EPOCH_MAX;
    assert_eq!(empty.init(None, TIMEOUT_MS, None, NOW_MS), Ok(Next::NeedsProducerId));
    let rotated = written(empty.init(None, TIMEOUT_MS, Some(9), NOW_MS));
    assert_eq!(rotated.producer, ProducerIdentity { id: 9, epoch: 0 });
    // The client has not heard of it, and says who it was.
    let again = written(rotated.init(Some(empty.producer), TIMEOUT_MS, None, NOW_MS));
    assert_eq!(again.producer, rotated.producer);

    let mut open = ongoing(true);
    open.producer.epoch = CLIENT_EPOCH_MAX;
    assert_eq!(end(&open, true, true), Ok(Next::NeedsProducerId));
    let decided = written(open.end(open.producer, true, true, Some(9), NOW_MS));
    assert_eq!(decided.producer, ProducerIdentity { id: 5, epoch: i16::MAX });
    let successor = ProducerIdentity { id: 9, epoch: 0 };
    assert_eq!(decided.successor(), successor);
    let completed = decided.completed(NOW_MS);
    assert_eq!((completed.producer, completed.previous_producer_id), (successor, 5));
    let again = completed.end(open.producer, true, true, None, NOW_MS);
    assert_eq!(again, Ok(Next::Answer(successor)));
}

#[test]
fn time_passes() {
    let open = ongoing(false);
    assert!(!open.has_timed_out(NOW_MS + 60_000) && open.has_timed_out(NOW_MS + 60_001));
    assert!(!open.has_expired(i64::MAX, 1));
    let empty = fresh();
    assert!(!empty.has_timed_out(i64::MAX));
    assert!(empty.has_expired(NOW_MS + 100, 100) && !empty.has_expired(NOW_MS + 99, 100));
}
