//! Runs simulations. A seed that fails is printed with the way to run it again; `OPENMSK_SIMULATION_SEEDS=FROM..TO` runs others
//! than the usual ones.

use std::{
    env,
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::FutureExt;
use kafka_codec::record_batch::RecordBatchBuilder;
use kafka_log::{AppendOrigin, LeaderAppend};
use kafka_metadata::TopicId;
use uuid::Uuid;

use super::{
    clock::SimulatedClock,
    node::Node,
    world::{Planted, World},
};
use crate::partition::Partition;

/// Runs of the usual test.
const SEEDS: Range<u64> = 0..500;
/// Runs within which a planted fault has to be found.
const PLANTED_SEEDS: Range<u64> = 0..400;
/// Steps of a run.
const STEPS: usize = 1_500;

fn seeds() -> Range<u64> {
    let Ok(text) = env::var("OPENMSK_SIMULATION_SEEDS") else {
        return SEEDS;
    };
    let (from, to) = text.split_once("..").unwrap_or((&text, ""));
    let from = from
        .parse()
        .expect("OPENMSK_SIMULATION_SEEDS is FROM..TO, or a single seed");
    from..to.parse().unwrap_or(from + 1)
}

fn run(seed: u64, planted: Option<Planted>) -> Result<World> {
    let mut world = World::new(seed, planted)?;
    match world.run(STEPS) {
        Ok(()) => Ok(world),
        Err(error) => Err(error.context(format!("{}\n", world.story()))),
    }
}

/// What waits for high watermarks has timers, which never end here.
fn in_runtime<T>(body: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    body()
}

#[test]
fn nothing_is_lost_or_doubled_whatever_happens() {
    in_runtime(|| {
        let (mut acknowledged, mut transactions, mut faults) = (0, 0, 0);
        for seed in seeds() {
            let world = run(seed, None)
                .with_context(|| {
                    format!(
                        "seed {seed}; again with OPENMSK_SIMULATION_SEEDS={seed} cargo test -p kafka-broker simulation"
                    )
                })
                .unwrap();
            acknowledged += world.checker.acknowledged_records();
            transactions += world.counts.get("transactions").copied().unwrap_or(0);
            faults += world.counts.get("faults").copied().unwrap_or(0);
        }
        println!("{acknowledged} records acknowledged, {transactions} transactions, {faults} faults");
        let runs = seeds().count() as u64;
        assert!(
            acknowledged > 20 * runs as i64 && transactions > runs && faults > 20 * runs,
            "too little happens"
        );
    });
}

#[test]
fn one_seed_is_one_run() {
    let again = || in_runtime(|| run(7, None).unwrap().fingerprint());
    assert_eq!(again(), again());
}

/// A broker with one partition, in which a record is not flushed yet.
fn with_a_record_to_flush(work: impl FnOnce(&mut Node, &Arc<Partition>)) {
    in_runtime(|| {
        let directory = tempfile::tempdir().unwrap();
        let mut node = Node::new(1, directory.path().to_owned());
        node.start(&SimulatedClock::new()).unwrap();
        let process = node.process.as_mut().unwrap();
        let partition = process.open(TopicId(Uuid::from_u128(7)), 0).unwrap();
        let mut batch = RecordBatchBuilder::new();
        batch.append(1_700_000_000_000, None, Some(b"first"), &[]);
        let append = LeaderAppend {
            leader_epoch: 3,
            origin: AppendOrigin::Client,
            now_ms: 1_700_000_000_000,
            guard: None,
        };
        let batch = batch.build().unwrap().freeze();
        partition.log().append_as_leader(batch, append).unwrap();
        work(&mut node, &partition);
    });
}

#[test]
fn flush_that_found_no_room_is_tried_again() {
    with_a_record_to_flush(|node, partition| {
        let (disk, process) = (Arc::clone(&node.disk), node.process.as_mut().unwrap());
        disk.full.store(true, Ordering::Relaxed);
        partition.request_flush();
        assert!(process.flusher.flush_one() && !partition.is_flushed());
        disk.full.store(false, Ordering::Relaxed);
        assert!(!process.flusher.flush_one(), "nobody has asked");
        partition.flush_if_due();
        assert!(process.flusher.flush_one() && partition.is_flushed());
    });
}

#[test]
fn nobody_waits_for_a_log_that_is_offline() {
    with_a_record_to_flush(|node, partition| {
        let (disk, process) = (Arc::clone(&node.disk), node.process.as_mut().unwrap());
        let waits = || partition.wait_flushed(0, Duration::from_secs(30)).now_or_never();
        assert!(waits().is_none());
        disk.broken.store(true, Ordering::Relaxed);
        partition.request_flush();
        assert!(process.flusher.flush_one() && !partition.is_online());
        assert!(
            waits().is_some_and(|outcome| outcome.is_err()),
            "it was too late to be told"
        );
    });
}

fn expect_found(planted: Planted) {
    in_runtime(|| {
        let found = PLANTED_SEEDS.map(|seed| run(seed, Some(planted))).find_map(Result::err);
        let found = found.unwrap_or_else(|| panic!("{planted:?} is not found"));
        println!("{planted:?}: {}", found.root_cause());
    });
}

#[test]
fn followers_that_do_not_flush_are_found() {
    expect_found(Planted::FetchBeforeFlush);
}

#[test]
fn leaders_that_are_not_in_sync_are_found() {
    expect_found(Planted::LeaderOutOfSync);
}

#[test]
fn followers_that_hide_their_epoch_are_found() {
    expect_found(Planted::NoEpochs);
}

#[test]
fn early_acknowledgements_are_found() {
    expect_found(Planted::AcknowledgedTooEarly);
}

#[test]
fn doubled_batches_are_found() {
    expect_found(Planted::NoSequences);
}

#[test]
fn readers_that_see_open_transactions_are_found() {
    expect_found(Planted::ReadsPastStable);
}

#[test]
fn disks_that_are_replaced_in_silence_are_found() {
    expect_found(Planted::DiskUnnoticed);
}

#[test]
fn transactions_that_nobody_asked_for_are_found() {
    expect_found(Planted::Unverified);
}
