//! Bounds on connections, as clients see them.

use std::time::Duration;

use kafka_broker::config::ListenerName;
use kafka_client::Connection;
use kafka_codec::messages::{
    ApiVersionsRequest, DescribeTopicPartitionsRequest, describe_topic_partitions_request::TopicRequest,
};
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::support::cluster::{DEADLINE, TestCluster, call, connect, eventually, try_connect};

/// Whether the broker answers on this connection, in time.
async fn answers(connection: &mut Connection) -> bool {
    let request = ApiVersionsRequest::default();
    let answer = tokio::time::timeout(DEADLINE, call(connection, &request, 0)).await;
    answer.is_ok_and(|answer| answer.is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_as_many_connections_as_it_may_have() {
    let cluster = TestCluster::start(1, &[("max.connections.per.ip", "2")]).await;
    let port = cluster.port(1, ListenerName::Plaintext);
    let mut held = [connect(port).await, connect(port).await];
    for connection in &mut held {
        assert!(answers(connection).await);
    }
    let mut third = connect(port).await;
    assert!(!answers(&mut third).await, "it is closed without an answer");
    let [first, mut second] = held;
    drop(first);
    let again = || async {
        let mut connection = try_connect(port).await.ok()?;
        answers(&mut connection).await.then_some(connection)
    };
    let _third = eventually(again).await;
    assert!(answers(&mut second).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_bound_sends_the_idlest_away_and_lets_others_wait() {
    let cluster = TestCluster::start(1, &[]).await;
    let port = cluster.port(1, ListenerName::Plaintext);
    let mut idle = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut busy = connect(port).await;
    assert!(answers(&mut busy).await);
    cluster.set("max.connections", "1");
    let end = tokio::time::timeout(DEADLINE, idle.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap_or(0), 0, "it is closed, and nothing was said");
    let next = async {
        let mut next = connect(port).await;
        answers(&mut next).await
    };
    tokio::pin!(next);
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut next).await;
    assert!(waits.is_err(), "the broker is full");
    assert!(answers(&mut busy).await);
    cluster.set("max.connections", "2");
    assert!(next.await);
    assert!(answers(&mut busy).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_are_described_in_portions() {
    let cluster = TestCluster::start(1, &[("max.request.partition.size.limit", "2")]).await;
    cluster.create_topic("wide", 3, 1, &[]).await;
    cluster.until_known(1, "wide").await;
    let mut request = DescribeTopicPartitionsRequest::default();
    request.response_partition_limit = 2000;
    let mut wanted = TopicRequest::default();
    wanted.name = "wide".into();
    request.topics = vec![wanted];
    let answer = call(&mut cluster.connect(1).await, &request, 0).await.unwrap();
    assert_eq!(answer.topics[0].partitions.len(), 2);
    assert_eq!(answer.next_cursor.map(|cursor| cursor.partition_index), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_has_a_bound_of_its_own_that_may_change() {
    const BOUND: &str = "listener.name.sasl_iam.max.connections";
    let cluster = TestCluster::start(1, &[(BOUND, "1")]).await;
    let port = cluster.port(1, ListenerName::SaslIam);
    let mut first = connect(port).await;
    assert!(answers(&mut first).await);
    let mut second = connect(port).await;
    let waiting = tokio::spawn(async move { answers(&mut second).await });
    for _ in 0..3 {
        let mut other = connect(cluster.port(1, ListenerName::Plaintext)).await;
        assert!(answers(&mut other).await, "other listeners take who comes");
    }
    assert!(!waiting.is_finished());
    cluster.set(BOUND, "2");
    assert!(waiting.await.unwrap());
    assert!(answers(&mut first).await);
}
