//! Several brokers: records survive the loss of any of them, and a broker that comes back joins again.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::support::cluster::{TestCluster, batch, connect, eventually, list_offset, metadata, produce, values};
use kafka_broker::config::ListenerName;
use kafka_codec::{ErrorCode, record_batch::RecordBatchBuilder};
use kafka_metadata::BrokerId;

fn ids(isr: &[BrokerId]) -> Vec<i32> {
    let mut ids: Vec<i32> = isr.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_broker_produces_and_fetches() {
    let cluster = TestCluster::start(1, &[]).await;
    for flush_messages in ["1", "9223372036854775807"] {
        let topic = format!("t-{flush_messages}");
        cluster
            .create_topic(&topic, 2, 1, &[("flush.messages", flush_messages)])
            .await;
        assert_eq!(cluster.produce(&topic, 0, &values(0..3)).await, 0);
        assert_eq!(cluster.produce(&topic, 0, &values(3..5)).await, 3);
        assert_eq!(cluster.consume(&topic, 0).await, values(0..5));
        assert!(cluster.consume(&topic, 1).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_survive_an_orderly_restart_and_a_sudden_one() {
    let mut cluster = TestCluster::start(1, &[]).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    cluster.produce("t", 0, &values(0..10)).await;
    cluster.stop_broker(1).await;
    cluster.start_broker(1);
    assert_eq!(cluster.consume("t", 0).await, values(0..10));
    cluster.produce("t", 0, &values(10..20)).await;
    cluster.kill_broker(1);
    cluster.start_broker(1);
    assert_eq!(cluster.consume("t", 0).await, values(0..20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_records_survive_the_leader() {
    let mut cluster = TestCluster::start(3, &[("min.insync.replicas", "2")]).await;
    cluster.create_topic("t", 1, 3, &[]).await;
    let mut expected = Vec::new();
    for round in 0..4 {
        let more = values(round * 10..round * 10 + 10);
        cluster.produce("t", 0, &more).await;
        expected.extend(more);
        let leader = cluster.leader("t", 0);
        cluster.kill_broker(leader);
        let start = Instant::now();
        cluster
            .until("another broker leads", |cluster| {
                ![leader, -1].contains(&cluster.leader("t", 0))
            })
            .await;
        assert_eq!(cluster.consume("t", 0).await, expected);
        assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
        cluster.start_broker(leader);
        cluster
            .until("the broker is in sync again", |cluster| {
                ids(&cluster.partition("t", 0).isr) == [1, 2, 3]
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_to_a_leader_that_has_just_died() {
    let mut cluster = TestCluster::start(3, &[]).await;
    cluster.create_topic("t", 1, 3, &[]).await;
    for round in 0..3 {
        cluster.produce("t", 0, &values(round..round + 1)).await;
        let leader = cluster.leader("t", 0);
        let mut others: Vec<_> = Vec::new();
        for id in (1..=3).filter(|id| *id != leader) {
            others.push(cluster.connect(id).await);
        }
        cluster.kill_broker(leader);
        for other in &mut others {
            let told = metadata(other, "t").await.partitions[0].leader_id;
            assert!(![leader, -1].contains(&told), "{told}, after {leader} died");
        }
        cluster.start_broker(leader);
        cluster
            .until("the broker is in sync again", |cluster| {
                ids(&cluster.partition("t", 0).isr) == [1, 2, 3]
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_followed_by_as_many_fetchers_as_is_said() {
    let mut cluster = TestCluster::start(3, &[("num.replica.fetchers", "2"), ("min.insync.replicas", "3")]).await;
    cluster.create_topic("t", 4, 3, &[]).await;
    let mut expected = Vec::new();
    for (round, fetchers) in ["2", "3", "1", "4"].into_iter().enumerate() {
        cluster.set("num.replica.fetchers", fetchers);
        let more = values(round * 5..round * 5 + 5);
        for index in 0..4 {
            cluster.produce("t", index, &more).await;
        }
        expected.extend(more);
    }
    cluster.kill_broker(1);
    cluster.start_broker(1);
    cluster
        .until("all are in sync", |cluster| {
            (0..4).all(|index| cluster.partition("t", index).isr.len() == 3)
        })
        .await;
    for index in 0..4 {
        assert_eq!(cluster.consume("t", index).await, expected);
    }
}

/// Nothing changes about the partition any more, and still it is tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replica_that_could_not_be_made_is_made_later() {
    let cluster = TestCluster::start(1, &[]).await;
    let in_the_way = cluster.log_dir(1).join("t-0");
    fs::write(&in_the_way, "").unwrap();
    cluster.create_topic("t", 1, 1, &[]).await;
    cluster.until_known(1, "t").await;
    let mut connection = cluster.connect(1).await;
    let answer = produce(&mut connection, "t", 0, batch(&values(0..1)), -1)
        .await
        .unwrap();
    assert_ne!(answer.error_code, 0);
    fs::remove_file(in_the_way).unwrap();
    assert_eq!(cluster.produce("t", 0, &values(0..1)).await, 0);
    assert_eq!(cluster.consume("t", 0).await, values(0..1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controlled_shutdown_moves_the_leadership_first() {
    let mut cluster = TestCluster::start(3, &[]).await;
    cluster.create_topic("t", 3, 3, &[]).await;
    for index in 0..3 {
        cluster.produce("t", index, &values(0..10)).await;
    }
    cluster.stop_broker(2).await;
    for index in 0..3 {
        assert_ne!(cluster.leader("t", index), 2);
        assert_eq!(cluster.consume("t", index).await, values(0..10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_in_sync_replicas_refuse_acks_all_and_take_acks_1() {
    let mut cluster = TestCluster::start(3, &[("min.insync.replicas", "3")]).await;
    cluster.create_topic("t", 1, 3, &[]).await;
    cluster.produce("t", 0, &values(0..1)).await;
    let leader = cluster.leader("t", 0);
    let other = (1..=3).find(|id| *id != leader).unwrap();
    cluster.kill_broker(other);
    cluster
        .until("the isr shrinks", |cluster| cluster.partition("t", 0).isr.len() == 2)
        .await;
    let mut connection = cluster.connect(leader).await;
    eventually(|| async {
        let mut connection = cluster.connect(leader).await;
        let answer = produce(&mut connection, "t", 0, batch(&values(1..2)), -1)
            .await
            .unwrap();
        (answer.error_code == 19).then_some(())
    })
    .await;
    let answer = produce(&mut connection, "t", 0, batch(&values(1..2)), 1).await.unwrap();
    assert_eq!(answer.error_code, 0);
    let end = list_offset(&mut connection, "t", 0, -1).await.unwrap();
    assert_eq!(end, (0, 1), "the high watermark stands still");
}

/// A client has the second batch on its way while the first is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_refused_batch_is_refused_for_the_same_reason() {
    let mut cluster = TestCluster::start(2, &[("min.insync.replicas", "2")]).await;
    cluster.create_topic("payments", 1, 2, &[]).await;
    let leader = cluster.leader("payments", 0);
    cluster.kill_broker(3 - leader);
    cluster
        .until("the replica that died leaves the ISR", |cluster| {
            cluster.partition("payments", 0).isr.len() == 1
        })
        .await;
    eventually(|| async {
        let mut connection = cluster.connect(leader).await;
        let answer = produce(&mut connection, "payments", 0, batch(&values(0..1)), -1).await;
        (answer.ok()?.error_code == ErrorCode::NotEnoughReplicas.code()).then_some(())
    })
    .await;
    let mut connection = cluster.connect(leader).await;
    let numbered = |sequence| {
        let mut builder = RecordBatchBuilder::new().producer(4711, 0, sequence);
        builder.append(1_700_000_000_000, None, Some(b"value"), &[]);
        builder.build().unwrap().freeze()
    };
    let refused = produce(&mut connection, "payments", 0, numbered(0), -1).await.unwrap();
    assert_eq!(refused.error_code, ErrorCode::NotEnoughReplicas.code());
    // With acks=1 there is room for the second one at once.
    let second = produce(&mut connection, "payments", 0, numbered(1), 1).await.unwrap();
    assert_eq!(
        second.error_code,
        ErrorCode::NotEnoughReplicas.code(),
        "{:?}",
        second.error_message
    );
    let mut offsets = Vec::new();
    for sequence in 0..2 {
        let sent_again = produce(&mut connection, "payments", 0, numbered(sequence), 1)
            .await
            .unwrap();
        assert_eq!(sent_again.error_code, 0);
        offsets.push(sent_again.base_offset);
    }
    assert_eq!(offsets[1], offsets[0] + 1);
    let gap = produce(&mut connection, "payments", 0, numbered(3), 1).await.unwrap();
    assert_eq!(gap.error_code, ErrorCode::OutOfOrderSequenceNumber.code());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_broker_names_the_leader() {
    let cluster = TestCluster::start(2, &[]).await;
    cluster.create_topic("t", 1, 2, &[]).await;
    cluster.produce("t", 0, &values(0..1)).await;
    let leader = cluster.leader("t", 0);
    let mut connection = connect(cluster.port(3 - leader, ListenerName::Plaintext)).await;
    let answer = produce(&mut connection, "t", 0, batch(&values(1..2)), -1)
        .await
        .unwrap();
    assert_eq!((answer.error_code, answer.current_leader.leader_id), (6, leader));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_topic_is_gone_from_disk_and_can_be_made_again() {
    let cluster = TestCluster::start(1, &[]).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    cluster.produce("t", 0, &values(0..10)).await;
    let delete = kafka_metadata::rpc::ControllerRequest::DeleteTopics {
        topics: vec!["t".to_owned()],
    };
    cluster.controller.ask(delete).unwrap();
    cluster.create_topic("t", 1, 1, &[]).await;
    // Until then the broker takes records for the topic that was.
    cluster.until_known(1, "t").await;
    cluster.produce("t", 0, &values(10..11)).await;
    assert_eq!(cluster.consume("t", 0).await, values(10..11));
}
