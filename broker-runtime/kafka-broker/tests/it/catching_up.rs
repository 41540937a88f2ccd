//! Replicas that are behind: how fast they catch up, and what becomes of them when one of them leads all the same.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::support::cluster::{TestCluster, values};
use kafka_metadata::{
    BrokerId,
    instructions::MOVING_BYTES_PER_SECOND,
    rpc::{ControllerRequest, ControllerResponse, Reassignment},
};

/// Bytes that a partition has, and bytes a second at which it is copied.
const PARTITION_BYTES: usize = 1_000_000;
const RATE: u64 = 300_000;

/// The shortest time in which what is beyond the first second's worth can come.
const SHORTEST: Duration = Duration::from_millis(1_500);

fn results(cluster: &TestCluster, request: ControllerRequest) {
    match cluster.controller.ask(request).unwrap() {
        ControllerResponse::Results(results) => results.into_iter().for_each(|result| result.unwrap()),
        other => assert!(matches!(other, ControllerResponse::Done), "{other:?}"),
    }
}

/// Brings a replica of a topic with data to another broker; gives how long that takes.
async fn time_to_move(cluster: &TestCluster, topic: &str, configs: &[(&str, &str)]) -> Duration {
    cluster.create_topic(topic, 1, 1, configs).await;
    let value = "x".repeat(1_000);
    for _ in 0..PARTITION_BYTES / 20_000 {
        cluster.produce(topic, 0, &vec![value.clone(); 20]).await;
    }
    let from = cluster.leader(topic, 0);
    let reassignment = Reassignment {
        topic: topic.to_owned(),
        partition: 0,
        target: Some(vec![BrokerId(from), BrokerId(3 - from)]),
    };
    let begun = Instant::now();
    results(
        cluster,
        ControllerRequest::AlterReassignments {
            reassignments: vec![reassignment],
        },
    );
    cluster
        .until("the replica is in sync", |cluster| {
            cluster.partition(topic, 0).isr.len() == 2
        })
        .await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_behind_come_at_the_throttled_rate() {
    let small = [
        ("replication.quota.window.num", "2"),
        ("replica.fetch.max.bytes", "50000"),
        ("replica.fetch.response.max.bytes", "50000"),
    ];
    let cluster = TestCluster::start(2, &small).await;
    let rates = [
        "leader.replication.throttled.rate",
        "follower.replication.throttled.rate",
    ];
    let replicas = [
        "leader.replication.throttled.replicas",
        "follower.replication.throttled.replicas",
    ];
    for (rate, replicas) in rates.into_iter().zip(replicas) {
        cluster.set(rate, &RATE.to_string());
        let throttled = time_to_move(&cluster, &format!("named-{rate}"), &[(replicas, "*")]).await;
        assert!(throttled >= SHORTEST, "{rate}: {throttled:?}");
        let free = time_to_move(&cluster, &format!("free-{rate}"), &[]).await;
        assert!(free < throttled, "{rate}: nobody names it: {free:?}");
        cluster.set(rate, &i64::MAX.to_string());
    }
    let told = |rate: Option<u64>| ControllerRequest::Instruct {
        instructions: rate.map_or_else(BTreeMap::new, |rate| {
            BTreeMap::from([(MOVING_BYTES_PER_SECOND.to_owned(), rate.to_string())])
        }),
    };
    results(&cluster, told(Some(RATE)));
    let throttled = time_to_move(&cluster, "moved", &[]).await;
    assert!(throttled >= SHORTEST, "what the engine moves: {throttled:?}");
    results(&cluster, told(None));
    let free = time_to_move(&cluster, "moved-after", &[]).await;
    assert!(free < throttled, "the engine has moved everything: {free:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_not_in_sync_is_what_all_others_are_cut_to() {
    let mut cluster = TestCluster::start(2, &[]).await;
    cluster.create_topic("t", 1, 2, &[]).await;
    cluster.produce("t", 0, &values(0..10)).await;
    let first = cluster.leader("t", 0);
    let second = 3 - first;
    cluster.kill_broker(second);
    cluster
        .until("the other is out of the ISR", |cluster| {
            cluster.partition("t", 0).isr.len() == 1
        })
        .await;
    cluster.produce("t", 0, &values(10..20)).await;
    cluster.kill_broker(first);
    cluster.start_broker(second);
    cluster
        .until("it is back", |cluster| {
            cluster.controller.image().active_broker(BrokerId(second)).is_some()
        })
        .await;
    assert_eq!(cluster.leader("t", 0), -1, "it does not have everything");
    results(
        &cluster,
        ControllerRequest::ElectUncleanLeaders {
            partitions: Some(vec![("t".to_owned(), 0)]),
        },
    );
    assert_eq!(cluster.leader("t", 0), second);
    let mut expected = values(0..10);
    assert_eq!(cluster.consume("t", 0).await, expected, "the rest is lost");
    cluster.produce("t", 0, &values(20..25)).await;
    expected.extend(values(20..25));
    cluster.start_broker(first);
    cluster
        .until("the first one is in sync", |cluster| {
            cluster.partition("t", 0).isr.len() == 2
        })
        .await;
    cluster.kill_broker(second);
    cluster
        .until("the first one leads", |cluster| cluster.leader("t", 0) == first)
        .await;
    assert_eq!(cluster.consume("t", 0).await, expected, "what only it had is gone");
}
