//! Pages of metrics, as somebody who scrapes them sees them. Names are compared with Apache Kafka's elsewhere; here it is
//! whether the numbers are true.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::cluster::{DEADLINE, TestCluster, eventually, values};

fn client() -> reqwest::Client {
    // A client could do TLS, even one that does not.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::new()
}

/// A page, once it can be had.
async fn page(address: SocketAddr) -> String {
    eventually(|| async {
        let answer = client().get(format!("http://{address}/metrics")).send().await.ok()?;
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.headers()["content-type"],
            "text/plain; version=0.0.4; charset=utf-8"
        );
        answer.text().await.ok()
    })
    .await
}

async fn jmx(cluster: &TestCluster, broker: i32) -> String {
    page(cluster.brokers[&broker].config.jmx_exporter.unwrap()).await
}

/// The value of a sample, if it is there.
fn sample(page: &str, name: &str) -> Option<f64> {
    let line = page
        .lines()
        .find(|line| line.rsplit_once(' ').is_some_and(|(it, _)| it == name));
    line.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_tells_what_happened() {
    let cluster = TestCluster::start(3, &[("min.insync.replicas", "2")]).await;
    cluster.create_topic("orders", 1, 3, &[]).await;
    cluster.produce("orders", 0, &values(0..10)).await;
    cluster.produce("orders", 0, &values(10..15)).await;
    assert_eq!(cluster.consume("orders", 0).await.len(), 15);
    let leader = cluster.leader("orders", 0);
    let follower = (1..=3).find(|id| *id != leader).unwrap();

    let shown = jmx(&cluster, leader).await;
    let value = |name: &str| sample(&shown, name).unwrap_or_else(|| panic!("{name} is missing in\n{shown}"));
    let messages = "kafka_server_BrokerTopicMetrics_Count{name=\"MessagesInPerSec\"";
    assert_eq!(value(&format!("{messages},topic=\"orders\"}}")), 15.0);
    assert_eq!(value(&format!("{messages}}}")), 15.0);
    let bytes_in = value("kafka_server_BrokerTopicMetrics_Count{name=\"BytesInPerSec\",topic=\"orders\"}");
    // Whole batches are sent, and some twice to who asks for the middle of one.
    assert!(value("kafka_server_BrokerTopicMetrics_Count{name=\"BytesOutPerSec\"}") >= bytes_in);
    assert!(value("kafka_server_BrokerTopicMetrics_Count{name=\"ReplicationBytesOutPerSec\"}") >= 2.0 * bytes_in);
    assert_eq!(
        value("kafka_log_Log_Value{name=\"LogEndOffset\",topic=\"orders\",partition=\"0\"}"),
        15.0
    );
    assert_eq!(
        value("kafka_log_Log_Value{name=\"Size\",topic=\"orders\",partition=\"0\"}"),
        bytes_in
    );
    assert_eq!(value("kafka_server_ReplicaManager_Value{name=\"LeaderCount\"}"), 1.0);
    assert_eq!(
        value("kafka_server_ReplicaManager_Value{name=\"UnderReplicatedPartitions\"}"),
        0.0
    );
    let produced = "kafka_network_RequestMetrics_Count{name=\"TotalTimeMs\",request=\"Produce\"}";
    assert!(value(produced) >= 2.0);
    assert!(value("kafka_network_RequestMetrics_Max{name=\"TotalTimeMs\",request=\"Produce\"}") > 0.0);
    assert!(value("kafka_network_RequestMetrics_Count{name=\"RequestBytes\",request=\"FetchFollower\"}") > 0.0);
    assert!(value("kafka_log_LogFlushStats_Count{name=\"LogFlushRateAndTimeMs\"}") >= 2.0);
    assert!(value("process_resident_memory_bytes") > 1e6);

    let replicated = jmx(&cluster, follower).await;
    let name = "kafka_server_BrokerTopicMetrics_Count{name=\"ReplicationBytesInPerSec\"}";
    assert_eq!(sample(&replicated, name), Some(bytes_in));
    let behind = "kafka_server_ReplicaFetcherManager_Value{name=\"MaxLag\",clientId=\"Replica\"}";
    assert_eq!(sample(&replicated, behind), Some(0.0));
    let mut controllers = 0.0;
    for broker in 1..=3 {
        let shown = jmx(&cluster, broker).await;
        controllers += sample(
            &shown,
            "kafka_controller_KafkaController_Value{name=\"ActiveControllerCount\"}",
        )
        .unwrap();
    }
    assert_eq!(controllers, 1.0, "one broker speaks for the controller");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_replica_is_seen() {
    let properties = [("min.insync.replicas", "2"), ("replica.lag.time.max.ms", "1000")];
    let mut cluster = TestCluster::start(3, &properties).await;
    cluster.create_topic("orders", 1, 3, &[]).await;
    cluster.produce("orders", 0, &values(0..1)).await;
    let leader = cluster.leader("orders", 0);
    cluster.kill_broker((1..=3).find(|id| *id != leader).unwrap());
    let lost = eventually(|| async {
        let shown = jmx(&cluster, leader).await;
        let lost = sample(
            &shown,
            "kafka_server_ReplicaManager_Value{name=\"UnderReplicatedPartitions\"}",
        ) == Some(1.0);
        lost.then_some(shown)
    })
    .await;
    assert_eq!(
        sample(&lost, "kafka_server_ReplicaManager_Count{name=\"IsrShrinksPerSec\"}"),
        Some(1.0)
    );
    let at_min = "kafka_cluster_Partition_Value{name=\"AtMinIsr\",topic=\"orders\",partition=\"0\"}";
    assert_eq!(sample(&lost, at_min), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exporter_answers_only_what_it_is_for() {
    let cluster = TestCluster::start(1, &[]).await;
    let config = &cluster.brokers[&1].config;
    let (jmx, node) = (config.jmx_exporter.unwrap(), config.node_exporter.unwrap());
    assert!(page(node).await.contains("node_memory_MemTotal_bytes "));
    page(jmx).await;
    let client = client();
    let status = |request: reqwest::RequestBuilder| async { request.send().await.unwrap().status() };
    assert_eq!(status(client.get(format!("http://{jmx}/"))).await, 404);
    assert_eq!(
        status(client.post(format!("http://{jmx}/metrics")).body("x")).await,
        405
    );
    assert_eq!(status(client.head(format!("http://{node}/metrics"))).await, 200);
    // What is no HTTP ends its connection and nothing else; so does a request that never ends, by a limit of time.
    let mut silent = Vec::new();
    for garbage in [&b"\x00\x01\x02\r\n\r\n"[..], b"GET /metrics HTTP/1.1\r\n", b""] {
        let mut stream = TcpStream::connect(jmx).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        silent.push(stream);
    }
    let mut answer = Vec::new();
    let end = silent[0].read_to_end(&mut answer);
    tokio::time::timeout(DEADLINE, end).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    page(jmx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn address_that_is_taken_keeps_no_broker_from_serving() {
    let mut cluster = TestCluster::start(1, &[]).await;
    cluster.create_topic("t", 1, 1, &[]).await;
    cluster.stop_broker(1).await;
    let address = cluster.brokers[&1].config.jmx_exporter.unwrap();
    let taken = TcpListener::bind(address).await.unwrap();
    cluster.start_broker(1);
    assert_eq!(cluster.produce("t", 0, &values(0..1)).await, 0);
    drop(taken);
    let wait = tokio::time::timeout(Duration::from_secs(10), page(address));
    assert!(
        wait.await
            .unwrap()
            .contains("kafka_server_KafkaServer_Value{name=\"BrokerState\"} 3\n")
    );
}
