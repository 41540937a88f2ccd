//! A shard with groups of the consumer protocol, between heartbeats and the log.

use std::sync::Arc;

use tokio::sync::oneshot::Receiver;

use super::{
    tests::{Bench, at, group_id},
    *,
};
use crate::{
    coordinator::WriteFailure,
    groups::{
        consumer::{
            ConsumerHeartbeat, HeartbeatAnswer, LEAVE_EPOCH, MigrationPolicy,
            tests::{heartbeat, image, join},
        },
        describe::GroupKind,
    },
};

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.shard.set_image(Arc::new(image(10, &[("t", 2)])));
    bench
}

fn send(bench: &mut Bench, request: ConsumerHeartbeat) -> Receiver<Result<HeartbeatAnswer, GroupError>> {
    bench.ask(0, |answer| Ask::ConsumerHeartbeat(Box::new(request), answer))
}

fn kind_of(bench: &mut Bench) -> Option<GroupKind> {
    let listed = bench.ask(0, Ask::List).try_recv().unwrap().unwrap();
    listed.first().map(|group| group.kind)
}

#[test]
fn a_member_hears_only_what_is_written() {
    let mut bench = bench();
    let mut joined = send(&mut bench, join("a", &["t"]));
    let mut behind = send(&mut bench, heartbeat("a", 2));
    assert!(
        joined.try_recv().is_err() && behind.try_recv().is_err(),
        "nothing is written yet"
    );
    bench.write(0);
    assert_eq!(joined.try_recv().unwrap().unwrap().member_epoch, 2);
    assert_eq!(behind.try_recv().unwrap().unwrap().member_epoch, 2);
    let mut idle = send(&mut bench, heartbeat("a", 2));
    assert!(idle.try_recv().unwrap().is_ok(), "nothing is to be written");
}

#[test]
fn after_a_failure_the_whole_group_is_written() {
    let mut bench = bench();
    let mut joined = send(&mut bench, join("a", &["t"]));
    bench.fail_writes(0, WriteFailure::NotAvailable);
    assert_eq!(joined.try_recv().unwrap(), Err(GroupError::CoordinatorNotAvailable));
    let mut again = send(&mut bench, heartbeat("a", 2));
    bench.fail_writes(0, WriteFailure::NotAvailable);
    assert!(again.try_recv().unwrap().is_err());
    let mut again = send(&mut bench, heartbeat("a", 2));
    bench.write(0);
    assert!(again.try_recv().unwrap().is_ok());
    let mut other = bench.failover(0);
    other.shard.set_image(Arc::new(image(10, &[("t", 2)])));
    let mut goes_on = send(&mut other, heartbeat("a", 2));
    assert_eq!(
        goes_on.try_recv().unwrap().unwrap().assignment,
        None,
        "the next coordinator knows it all"
    );
}

#[test]
fn an_empty_group_changes_its_protocol() {
    let mut bench = bench();
    bench.shard.config.consumer.migration_policy = MigrationPolicy::Disabled;
    drop(send(&mut bench, join("a", &["t"])));
    bench.write(0);
    drop(send(&mut bench, heartbeat("a", LEAVE_EPOCH)));
    bench.write(0);
    assert_eq!(kind_of(&mut bench), Some(GroupKind::Consumer));
    drop(bench.join(0, "", "x"));
    bench.write(0);
    assert_eq!(kind_of(&mut bench), Some(GroupKind::Classic));
    let mut refused = send(&mut bench, join("a", &["t"]));
    assert_eq!(
        refused.try_recv().unwrap(),
        Err(GroupError::GroupIdNotFound),
        "it has a member"
    );
    bench.shard.tick(at(3_600_000));
    bench.write(3_600_000);
    drop(send(&mut bench, join("a", &["t"])));
    bench.write(0);
    assert_eq!(kind_of(&mut bench), Some(GroupKind::Consumer));
    assert_eq!(
        kind_of(&mut bench.failover(0)),
        Some(GroupKind::Consumer),
        "the log says so too"
    );
}

#[test]
fn an_empty_group_is_deleted_for_good() {
    let mut bench = bench();
    drop(send(&mut bench, join("a", &["t"])));
    bench.write(0);
    let mut refused = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    assert_eq!(refused.try_recv().unwrap(), Err(GroupError::NonEmptyGroup));
    drop(send(&mut bench, heartbeat("a", LEAVE_EPOCH)));
    bench.write(0);
    let mut deleted = bench.ask(0, |answer| Ask::DeleteGroup(group_id(), answer));
    let mut meanwhile = send(&mut bench, join("a", &["t"]));
    assert_eq!(meanwhile.try_recv().unwrap(), Err(GroupError::CoordinatorNotAvailable));
    bench.write(0);
    assert_eq!(deleted.try_recv().unwrap(), Ok(()));
    assert_eq!(kind_of(&mut bench), None);
    assert_eq!(kind_of(&mut bench.failover(0)), None);
}

#[test]
fn silent_members_are_given_up_after_a_failover() {
    let mut bench = bench();
    drop(send(&mut bench, join("a", &["t"])));
    bench.write(0);
    let mut other = bench.failover(1_000);
    let deadline_ms = other.shard.next_deadline_ms().unwrap();
    assert_eq!(deadline_ms, 46_000, "it has a whole session to show up");
    other.shard.tick(at(deadline_ms));
    let mut late = send(&mut other, heartbeat("a", 2));
    other.write(deadline_ms);
    assert_eq!(late.try_recv().unwrap(), Err(GroupError::UnknownMemberId));
}

#[test]
fn who_goes_while_the_whole_group_is_on_its_way_to_the_log_is_not_in_it() {
    let mut bench = bench();
    drop(send(&mut bench, join("a", &["t"])));
    bench.fail_writes(0, WriteFailure::NotAvailable);
    drop(send(&mut bench, join("b", &["t"])));
    drop(send(&mut bench, heartbeat("b", LEAVE_EPOCH)));
    bench.write(0);
    let mut other = bench.failover(0);
    other.shard.set_image(Arc::new(image(10, &[("t", 2)])));
    let mut gone = send(&mut other, heartbeat("b", 3));
    assert_eq!(gone.try_recv().unwrap(), Err(GroupError::UnknownMemberId));
}
